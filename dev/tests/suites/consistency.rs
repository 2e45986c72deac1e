//! The invariants of a settled deployment: table, bucket and engine agree, and usage agrees with logs.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use serde_json::Value;
use shared::domain::{LayerKey, Owner};

/// Exceptions from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// A workspace that may have orphaned sources: those of writes with an unknown outcome stay
    /// until it is deleted.
    pub(crate) orphans_of: Option<String>,
    /// Whether functions were deleted: their workspace may still count their executions.
    pub(crate) were_deleted: bool,
}

/// Checks that table, bucket and engine hold what the API lists, and nothing else.
pub(crate) async fn assert_consistent(api: &Deployment, allowed: &Allowed, case: &str) {
    let listed = api.get("/api/workspaces").await;
    let workspaces = listed.as_array().unwrap();
    assert_eq!(counted_workspaces(api).await, workspaces.len() as u64, "{case}: of the owner");
    let mut expected = Vec::new();
    let mut layers = BTreeSet::new();
    for workspace in workspaces {
        expected.extend(expected_of_workspace(api, workspace, allowed, &mut layers, case).await);
    }
    for layer in &layers {
        expected.extend([
            format!("item LAYER#{layer} STATE"),
            format!("object locks/{layer}.txt"),
            format!("layer faas-packages-{layer}"),
        ]);
    }
    let mut left = left(api).await;
    for expected in &expected {
        let at = left.iter().position(|left| left == expected);
        let at = at.unwrap_or_else(|| panic!("{case}: {expected} is not in {left:#?}"));
        left.remove(at);
    }
    // Builds of one source share it, and one that was refused may leave it: it expires.
    let of_a_build = |left: &String, workspace: &Value| {
        left.starts_with(&format!("object builds/{}/", workspace["id"].as_str().unwrap()))
    };
    left.retain(|left| !workspaces.iter().any(|workspace| of_a_build(left, workspace)));
    // A workspace's usage item is created with its first deployment, and stays.
    left.retain(|left| !(left.starts_with("item WS#") && left.ends_with(" METRICS")));
    if let Some(ws) = &allowed.orphans_of {
        left.retain(|left| !left.starts_with(&format!("object code/{ws}/")));
    }
    assert!(left.is_empty(), "{case}: orphaned: {left:#?}");
}

/// Everything in table, bucket and engine but what expires: idempotency records, uploads, and zips of
/// layers.
pub(crate) async fn left(api: &Deployment) -> Vec<String> {
    for claim in api.claims().await {
        assert!(claim.contains_key("expiresAt"), "{claim:?}");
    }
    let mut left = api.left().await;
    let expires = ["item INTENT#", "object layers/", "object uploads/"];
    left.retain(|left| !expires.iter().any(|prefix| left.starts_with(prefix)));
    left
}

/// The owner's number of workspaces, as counted for the quota.
async fn counted_workspaces(api: &Deployment) -> u64 {
    let get = api.env.dynamodb.get_item().table_name(&api.env.config.table);
    let get = get.key("PK", AttributeValue::S("OWNER#anonymous".into()));
    let item = get.key("SK", AttributeValue::S("COUNT".into())).send().await.unwrap().item;
    item.map_or(0, |item| item["workspaces"].as_n().unwrap().parse().unwrap())
}

/// The items, objects and engine functions of a listed workspace.
async fn expected_of_workspace(
    api: &Deployment,
    workspace: &Value,
    allowed: &Allowed,
    layers: &mut BTreeSet<LayerKey>,
    case: &str,
) -> Vec<String> {
    let ws = workspace["id"].as_str().unwrap();
    let path = format!("/api/workspaces/{ws}");
    let mut expected = vec![format!("item WS#{ws} METADATA")];
    let listed = api.get(&format!("{path}/functions")).await;
    let listed = listed.as_array().unwrap();
    assert_eq!(workspace["functionCount"], listed.len(), "{case}: {workspace}");
    let (mut executions, mut errors) = (0, 0);
    for function in listed {
        let id = function["id"].as_str().unwrap();
        let logs = api.get(&format!("{path}/functions/{id}/logs?limit=1000")).await;
        let logs = logs["logs"].as_array().unwrap();
        let failed = logs.iter().filter(|log| log["status"] == "error").count();
        let usage = (&function["invocations24h"], &function["errors24h"]);
        assert_eq!(usage, (&logs.len().into(), &failed.into()), "{case}: {function}");
        let durations = logs.iter().map(|log| log["duration"].as_f64().unwrap());
        let mean = durations.sum::<f64>() / logs.len().max(1) as f64;
        let counted = function["avgDuration"].as_f64().unwrap();
        assert!((counted - mean).abs() < 0.01, "{case}: {mean} in {function}");
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
        if function["fileCount"] != 0 {
            expected.push(format!("object code/{ws}/{id}"));
        }
        if let Some(lock) = function["dependencies"]["lockHash"].as_str() {
            let runtime = serde_json::from_value(function["runtime"].clone()).unwrap();
            let layer = api.env.store.layer_key(&Owner::anonymous(), lock, runtime);
            expected.push(format!("item WS#{ws} LAYER#{id}#{layer}"));
            layers.insert(layer);
        }
        let object = api.env.s3.get_object().bucket(&api.env.config.bucket);
        let object = object.key(format!("{ws}/{id}.py")).send().await.unwrap();
        let published = object.body.collect().await.unwrap().to_vec();
        assert_eq!(function["code"], STANDARD.encode(published), "{case}: its source");
    }
    let tasks = api.get(&format!("/api/v1/workspaces/{ws}/tasks")).await["tasks"].take();
    for task in tasks.as_array().unwrap() {
        expected.push(format!("item WS#{ws} TASK#{}", task["task_id"].as_str().unwrap()));
    }
    let counted = workspace["invocations24h"].as_u64().unwrap();
    if allowed.were_deleted {
        assert!(counted >= executions, "{case}: {executions} executions in {workspace}");
    } else {
        assert_eq!(counted, executions, "{case}: {workspace}");
        let rate = 100.0 * errors as f64 / executions.max(1) as f64;
        let counted = workspace["errorRate"].as_f64().unwrap();
        assert!((counted - rate).abs() < 0.01, "{case}: {rate} in {workspace}");
    }
    expected
}
