//! What must hold whenever nobody writes: table, bucket and engine go together, and figures with logs.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use serde_json::Value;

/// What may be beside that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// A workspace that may have sources that no function names: those of writes whose end nobody
    /// knows stay until it goes.
    pub(crate) strays_of: Option<String>,
    /// Whether functions were deleted, whose executions their workspace may count still.
    pub(crate) were_deleted: bool,
}

/// Holds everything that is there against what can be read.
pub(crate) async fn assert_whole(api: &Deployment, allowed: &Allowed, story: &str) {
    let listed = api.get("/api/workspaces").await;
    let workspaces = listed.as_array().unwrap();
    assert_eq!(counted_workspaces(api).await, workspaces.len() as u64, "{story}: of the owner");
    let mut expected = Vec::new();
    for workspace in workspaces {
        expected.extend(expected_of_workspace(api, workspace, allowed, story).await);
    }
    let mut left = left(api).await;
    for expected in &expected {
        let at = left.iter().position(|left| left == expected);
        let at = at.unwrap_or_else(|| panic!("{story}: {expected} is not in {left:#?}"));
        left.remove(at);
    }
    // A workspace's figures are made with its first deployment, and stay.
    left.retain(|left| !(left.starts_with("item WS#") && left.ends_with(" METRICS")));
    if let Some(ws) = &allowed.strays_of {
        left.retain(|left| !left.starts_with(&format!("object code/{ws}/")));
    }
    assert!(left.is_empty(), "{story}: nobody owns {left:#?}");
}

/// Everything in table, bucket and engine, but for what is remembered of requests that are to be
/// carried out once, which goes by itself.
pub(crate) async fn left(api: &Deployment) -> Vec<String> {
    for claim in api.claims().await {
        assert!(claim.contains_key("expiresAt"), "{claim:?}");
    }
    let mut left = api.left().await;
    left.retain(|left| !left.starts_with("item INTENT#"));
    left
}

/// How many workspaces are counted of the owner.
async fn counted_workspaces(api: &Deployment) -> u64 {
    let get = api.env.dynamodb.get_item().table_name(&api.env.config.table);
    let get = get.key("PK", AttributeValue::S("OWNER#anonymous".into()));
    let item = get.key("SK", AttributeValue::S("COUNT".into())).send().await.unwrap().item;
    item.map_or(0, |item| item["workspaces"].as_n().unwrap().parse().unwrap())
}

/// What stands of a workspace that was read.
async fn expected_of_workspace(
    api: &Deployment,
    workspace: &Value,
    allowed: &Allowed,
    story: &str,
) -> Vec<String> {
    let ws = workspace["id"].as_str().unwrap();
    let path = format!("/api/workspaces/{ws}");
    let mut expected = vec![format!("item WS#{ws} METADATA")];
    let listed = api.get(&format!("{path}/functions")).await;
    let listed = listed.as_array().unwrap();
    assert_eq!(workspace["functionCount"], listed.len(), "{story}: {workspace}");
    let (mut executions, mut errors) = (0, 0);
    for function in listed {
        let id = function["id"].as_str().unwrap();
        let logs = api.get(&format!("{path}/functions/{id}/logs?limit=1000")).await;
        let logs = logs["logs"].as_array().unwrap();
        let failed = logs.iter().filter(|log| log["status"] == "error").count();
        let figures = (&function["invocations24h"], &function["errors24h"]);
        assert_eq!(figures, (&logs.len().into(), &failed.into()), "{story}: {function}");
        let durations = logs.iter().map(|log| log["duration"].as_f64().unwrap());
        let mean = durations.sum::<f64>() / logs.len().max(1) as f64;
        let told = function["avgDuration"].as_f64().unwrap();
        assert!((told - mean).abs() < 0.01, "{story}: {mean} in {function}");
        executions += logs.len() as u64;
        errors += failed as u64;
        let text = |log: &Value, name: &str| log[name].as_str().unwrap().to_owned();
        expected.extend(
            logs.iter().map(|log| {
                format!("item FN#{id} LOG#{}#{}", text(log, "timestamp"), text(log, "id"))
            }),
        );
        expected.extend([
            format!("item WS#{ws} FN#{id}"),
            format!("item WS#{ws} METRICS#{id}"),
            format!("object {ws}/{id}.py"),
            format!("object code/{ws}/{id}"),
            format!("engine faas-{id}"),
        ]);
        let object = api.env.s3.get_object().bucket(&api.env.config.bucket);
        let object = object.key(format!("{ws}/{id}.py")).send().await.unwrap();
        let published = object.body.collect().await.unwrap().to_vec();
        assert_eq!(function["code"], STANDARD.encode(published), "{story}: its source");
    }
    let counted = workspace["invocations24h"].as_u64().unwrap();
    if allowed.were_deleted {
        assert!(counted >= executions, "{story}: {executions} executions in {workspace}");
    } else {
        assert_eq!(counted, executions, "{story}: {workspace}");
        let rate = 100.0 * errors as f64 / executions.max(1) as f64;
        let told = workspace["errorRate"].as_f64().unwrap();
        assert!((told - rate).abs() < 0.01, "{story}: {rate} in {workspace}");
    }
    expected
}
