//! Large workspaces and functions: deletion, and lists that change during pagination.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use deployment::background_items::{a_log, functions, id, logs, put};
use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::consistency::{Allowed, assert_consistent};
use crate::{REPORT, setting};

/// `SCALE` percent of `all`, or 4 percent.
fn part_of(all: usize) -> usize {
    all * setting("SCALE").unwrap_or(4) as usize / 100
}

fn code() -> String {
    STANDARD.encode("handler = lambda event, context: 1")
}

/// The paths of a new workspace and of a deployed function in it.
async fn create(api: &Deployment) -> (String, String) {
    let made = api.make("/api/workspaces", &json!({"name": "w"})).await;
    let workspace = format!("/api/workspaces/{}", made["id"].as_str().unwrap());
    let body = json!({"name": "f", "code": code()});
    let made = api.make(&format!("{workspace}/functions"), &body).await;
    let function = format!("{workspace}/functions/{}", made["id"].as_str().unwrap());
    api.settle().await;
    (workspace, function)
}

#[tokio::test]
async fn deleted_workspace_with_many_functions_leaves_nothing() {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let (workspace, function) = create(&api).await;
    let number = part_of(5_000);
    put(&api, functions(&api, &function, number).await).await;
    // The embedded bucket scans all objects to list some, so only some functions have a source.
    let with_source = number / 25;
    let objects = stream::iter(0..with_source).map(|at| {
        let key = format!("code/{}/fn-{at:026}/1.py", id(&workspace));
        api.env.s3.put_object().bucket(&api.env.config.bucket).key(key).send()
    });
    objects.buffer_unordered(8).for_each(async |sent| drop(sent.unwrap())).await;
    let listed = api.get(&format!("{workspace}/functions?limit=1000")).await;
    assert_eq!(listed.as_array().unwrap().len(), (number + 1).min(1000));

    api.env.meter.start();
    assert_eq!(api.ask("DELETE", &workspace, None).await.status, 204);
    let calls = api.env.meter.stop();
    assert!(calls.len() < 10, "the request doesn't wait for the purge: {calls:?}");
    api.ask("GET", &format!("{workspace}/functions"), None).await.assert_error(404, "NOT_FOUND");
    api.settle().await;
    assert_eq!(api.left().await, Vec::<String>::new());

    let line = format!(
        "{number} functions of a deleted workspace, {with_source} of them with a source in the \
         bucket: 0 items, 0 objects left.\n"
    );
    REPORT.section("scale of a workspace", &line);
}

#[tokio::test]
async fn deleted_function_with_many_logs_leaves_nothing() {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let (workspace, function) = create(&api).await;
    let number = part_of(100_000);
    let log = a_log(&api, &function).await;
    put(&api, logs(&log, id(&function), id(&workspace), number)).await;
    assert_eq!(api.ask("DELETE", &function, None).await.status, 204);
    api.ask("GET", &format!("{function}/logs"), None).await.assert_error(404, "NOT_FOUND");
    api.settle().await;
    let allowed = Allowed { were_deleted: true, ..Allowed::default() };
    assert_consistent(&api, &allowed, "many logs").await;
    let left = api.left().await;
    assert!(left.iter().all(|left| !left.contains("LOG#")), "{left:#?}");
    let line = format!("{number} logs of a deleted function: 0 left.\n");
    REPORT.section("scale of a function", &line);
}

/// The ids of all pages of a list. `between` runs after each page.
async fn walk(api: &Deployment, path: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(format!("{path}?limit=7"));
    for page in 0.. {
        let Some(path) = next else { break };
        let answer = api.ask("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let body = answer.json();
        let items = body.as_array().or_else(|| body["logs"].as_array()).unwrap();
        assert!(items.len() <= 7, "{path}");
        ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        next = answer.next().map(str::to_owned);
        between(page).await;
    }
    ids
}

#[tokio::test]
async fn list_changed_during_pagination_has_each_remaining_item_once() {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let (workspace, function) = create(&api).await;
    let functions = format!("{workspace}/functions");
    let mut made = vec![id(&function).to_owned()];
    for _ in 0..40 {
        let new = api.make(&functions, &json!({"name": "f", "code": code()})).await;
        made.push(new["id"].as_str().unwrap().to_owned());
    }
    let mut gone = Vec::new();
    let read = walk(&api, &functions, async |page| {
        // One that was read, the one before the next page, and one of a later page.
        for at in [page * 7 + 1, page * 7 + 6, page * 7 + 9] {
            if let Some(id) = made.get(at)
                && !gone.contains(id)
            {
                let path = format!("{functions}/{id}");
                assert_eq!(api.ask("DELETE", &path, None).await.status, 204);
                gone.push(id.clone());
            }
        }
        assert!(page < 100, "the pagination does not end");
        // A list that grows by as many items as are read has no end.
        if page < 9 {
            api.make(&functions, &json!({"name": "late", "code": code()})).await;
        }
    })
    .await;
    assert_once(&read, made.iter().filter(|id| !gone.contains(id)));
    let mut sorted = read.clone();
    sorted.sort();
    assert_eq!(read, sorted, "in creation order");

    let log = a_log(&api, &function).await;
    let number = 60;
    put(&api, logs(&log, id(&function), id(&workspace), number)).await;
    let stayed: Vec<_> = (0..number).map(|at| format!("log-{at:026}")).collect();
    for path in [format!("{function}/logs"), format!("{workspace}/logs")] {
        let read = walk(&api, &path, async |_| {
            // New logs come before the first page.
            assert_eq!(api.ask("POST", &format!("{function}/invoke"), None).await.status, 200);
        })
        .await;
        assert_once(&read, stayed.iter());
    }
}

fn assert_once<'a>(read: &[String], stayed: impl Iterator<Item = &'a String>) {
    for id in stayed {
        let times = read.iter().filter(|read| *read == id).count();
        assert_eq!(times, 1, "{id} in {read:#?}");
    }
}
