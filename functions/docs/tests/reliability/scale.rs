//! The ugly cases in size: much to be deleted, lists that change while they are read, and a table
//! full of other people's things.
//!
//! `SCALE=100 cargo test --workspace --test reliability scale` has all of it; 4 percent unless said.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use local::meter::Units;
use serde_json::{Value, json};

use crate::api::Api;
use crate::report;
use crate::whole::{Allowed, assert_whole};

type Item = HashMap<String, AttributeValue>;

/// So much of `all`.
#[expect(clippy::disallowed_methods, reason = "it is the test's own, and not the product's")]
fn part_of(all: usize) -> usize {
    let percent = std::env::var("SCALE").ok().map_or(4, |text| text.parse().unwrap());
    all * percent / 100
}

fn code() -> String {
    STANDARD.encode("handler = lambda event, context: 1")
}

/// A workspace with a deployed function; their paths.
async fn make(api: &Api) -> (String, String) {
    let made = api.make("/api/workspaces", &json!({"name": "w"})).await;
    let workspace = format!("/api/workspaces/{}", made["id"].as_str().unwrap());
    let body = json!({"name": "f", "code": code()});
    let made = api.make(&format!("{workspace}/functions"), &body).await;
    let function = format!("{workspace}/functions/{}", made["id"].as_str().unwrap());
    api.settle().await;
    (workspace, function)
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

async fn item(api: &Api, pk: &str, sk: &str) -> Item {
    let get = api.bed.dynamodb.get_item().table_name(&api.bed.config.table);
    let get = get.key("PK", AttributeValue::S(pk.into())).key("SK", AttributeValue::S(sk.into()));
    get.send().await.unwrap().item.unwrap()
}

/// `item` with other texts in some attributes.
fn like(item: &Item, changes: &[(&str, String)]) -> Item {
    let mut item = item.clone();
    for (name, value) in changes {
        item.insert((*name).to_owned(), AttributeValue::S(value.clone()));
    }
    item
}

/// Puts items as if the API had, which would take too long.
async fn put(api: &Api, items: impl Iterator<Item = Item>) {
    let requests = items.map(|item| {
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    let requests: Vec<_> = requests.collect();
    let batches = stream::iter(requests.chunks(25)).map(|batch| {
        let table = &api.bed.config.table;
        api.bed.dynamodb.batch_write_item().request_items(table, batch.to_vec()).send()
    });
    batches.buffer_unordered(4).for_each(async |sent| drop(sent.unwrap())).await;
}

/// What a log's item looks like, by one that the API made.
async fn a_log(api: &Api, function: &str) -> Item {
    let ran = api.ask("POST", &format!("{function}/invoke"), None).await.json();
    let sk = format!("LOG#{}#{}", ran["timestamp"].as_str().unwrap(), ran["id"].as_str().unwrap());
    item(api, &format!("FN#{}", id(function)), &sk).await
}

/// Other logs like one, a millisecond apart.
fn logs(log: &Item, function: &str, workspace: &str, number: usize) -> impl Iterator<Item = Item> {
    (0..number).map(move |at| {
        let (second, millisecond) = (at / 1000, at % 1000);
        let (minute, second) = (second / 60, second % 60);
        let time = format!("2026-01-31T09:{minute:02}:{second:02}.{millisecond:03}Z");
        let name = format!("log-{at:026}");
        like(
            log,
            &[
                ("PK", format!("FN#{function}")),
                ("SK", format!("LOG#{time}#{name}")),
                ("GSI1PK", format!("WSLOG#{workspace}")),
                ("GSI1SK", format!("{time}#{name}")),
                ("id", name),
                ("functionId", function.to_owned()),
                ("timestamp", time),
            ],
        )
    })
}

#[tokio::test]
async fn a_workspace_full_of_functions_goes_without_a_rest() {
    let api = Api::on_disk(|quotas| quotas).await;
    let (workspace, function) = make(&api).await;
    let number = part_of(5_000);
    let (ws, key) = (id(&workspace), format!("WS#{}", id(&workspace)));
    let one = item(&api, &key, &format!("FN#{}", id(&function))).await;
    let figures = item(&api, &key, &format!("METRICS#{}", id(&function))).await;
    let others = (0..number).flat_map(|at| {
        let name = format!("fn-{at:026}");
        let code = format!("code/{ws}/{name}/1.py");
        [
            like(&one, &[("SK", format!("FN#{name}")), ("id", name.clone()), ("codeKey", code)]),
            like(&figures, &[("SK", format!("METRICS#{name}"))]),
        ]
    });
    put(&api, others).await;
    // The embedded bucket looks at all objects to list some: a few stand for the rest.
    let with_source = number / 25;
    let objects = stream::iter(0..with_source).map(|at| {
        let key = format!("code/{ws}/fn-{at:026}/1.py");
        api.bed.s3.put_object().bucket(&api.bed.config.bucket).key(key).send()
    });
    objects.buffer_unordered(8).for_each(async |sent| drop(sent.unwrap())).await;
    let listed = api.get(&format!("{workspace}/functions?limit=1000")).await;
    assert_eq!(listed.as_array().unwrap().len(), (number + 1).min(1000));

    let began = Instant::now();
    assert_eq!(api.ask("DELETE", &workspace, None).await.status, 204);
    let answered = began.elapsed();
    api.ask("GET", &format!("{workspace}/functions"), None).await.assert_error(404, "NOT_FOUND");
    api.settle().await;
    assert_eq!(api.left().await, Vec::<String>::new());
    assert!(answered.as_secs() < 29, "the answer doesn't wait for what is behind it: {answered:?}");
    let line = format!(
        "{number} functions of a workspace that was deleted, {with_source} of them with a source in \
         the bucket: 0 items, 0 objects left.\n"
    );
    report::section("scale of a workspace", &line);
}

#[tokio::test]
async fn a_function_full_of_logs_goes_without_a_rest() {
    let api = Api::on_disk(|quotas| quotas).await;
    let (workspace, function) = make(&api).await;
    let number = part_of(100_000);
    let log = a_log(&api, &function).await;
    put(&api, logs(&log, id(&function), id(&workspace), number)).await;
    assert_eq!(api.ask("DELETE", &function, None).await.status, 204);
    api.ask("GET", &format!("{function}/logs"), None).await.assert_error(404, "NOT_FOUND");
    api.settle().await;
    let allowed = Allowed { were_deleted: true, ..Allowed::default() };
    assert_whole(&api, &allowed, "many logs").await;
    let left = api.left().await;
    assert!(left.iter().all(|left| !left.contains("LOG#")), "{left:#?}");
    let line = format!("{number} logs of a function that was deleted: 0 left.\n");
    report::section("scale of a function", &line);
}

/// Follows a list to its end, and lets `between` happen after each page; the identifiers in it.
async fn walk(api: &Api, path: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
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
async fn a_list_that_changes_while_it_is_read_has_everything_that_stayed_once() {
    let api = Api::on_disk(|quotas| quotas).await;
    let (workspace, function) = make(&api).await;
    let functions = format!("{workspace}/functions");
    let mut made = vec![id(&function).to_owned()];
    for _ in 0..40 {
        let new = api.make(&functions, &json!({"name": "f", "code": code()})).await;
        made.push(new["id"].as_str().unwrap().to_owned());
    }
    let mut gone = Vec::new();
    let read = walk(&api, &functions, async |page| {
        // One that was read, one on whose place the next page begins, and one that is still to come.
        for at in [page * 7 + 1, page * 7 + 6, page * 7 + 9] {
            if let Some(id) = made.get(at)
                && !gone.contains(id)
            {
                let path = format!("{functions}/{id}");
                assert_eq!(api.ask("DELETE", &path, None).await.status, 204);
                gone.push(id.clone());
            }
        }
        assert!(page < 100, "a list that grows behind its reader ends all the same");
        // Whoever adds as fast as somebody reads must stop for the reader to arrive.
        if page < 9 {
            api.make(&functions, &json!({"name": "late", "code": code()})).await;
        }
    })
    .await;
    assert_once(&read, made.iter().filter(|id| !gone.contains(id)));
    let mut sorted = read.clone();
    sorted.sort();
    assert_eq!(read, sorted, "in the order in which they were made");

    let log = a_log(&api, &function).await;
    let number = 60;
    put(&api, logs(&log, id(&function), id(&workspace), number)).await;
    let stayed: Vec<_> = (0..number).map(|at| format!("log-{at:026}")).collect();
    for path in [format!("{function}/logs"), format!("{workspace}/logs")] {
        let read = walk(&api, &path, async |_| {
            // New ones come before what was read already.
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

/// What each operation costs in capacity units, by the table's own answers.
async fn costs(api: &Api) -> Vec<(String, Vec<String>, f64, f64)> {
    let (workspace, function) = make(api).await;
    a_log(api, &function).await;
    api.settle().await;
    let name = || Some(json!({"name": "n"}));
    let create = || Some(json!({"name": "f", "code": code()}));
    let url = function.replace("/api/workspaces/", "/invoke/").replace("/functions/", "/");
    let operations: [(&str, String, Option<Value>); 16] = [
        ("POST", "/api/workspaces".into(), name()),
        ("GET", "/api/workspaces?limit=1".into(), None),
        ("GET", workspace.clone(), None),
        ("PATCH", workspace.clone(), name()),
        ("POST", format!("{workspace}/functions"), create()),
        ("GET", format!("{workspace}/functions?limit=1"), None),
        ("GET", function.clone(), None),
        ("PATCH", function.clone(), name()),
        ("POST", format!("{function}/keys"), name()),
        ("POST", format!("{function}/invoke"), None),
        ("GET", url, None),
        ("GET", format!("{function}/logs?limit=1"), None),
        ("GET", format!("{workspace}/logs?limit=1"), None),
        ("GET", format!("{function}/keys"), None),
        ("DELETE", function.clone(), None),
        ("DELETE", workspace.clone(), None),
    ];
    let mut costs = Vec::new();
    for (method, path, body) in operations {
        api.bed.meter.start();
        let answer = api.ask(method, &path, body.as_ref()).await;
        let calls = api.bed.meter.stop();
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        let kind = path.split('?').next().unwrap().replace(id(&function), "{fn}");
        let kind = kind.replace(id(&workspace), "{ws}");
        let mut names: Vec<_> = calls.iter().map(|call| call.operation.clone()).collect();
        names.iter_mut().for_each(|name| name.truncate(name.find(' ').unwrap_or(name.len())));
        names.sort();
        let (read, written) = (Units::read(&calls).total(), Units::written(&calls).total());
        costs.push((format!("{method} {kind}"), names, read, written));
    }
    api.settle().await;
    costs
}

#[tokio::test]
async fn a_table_full_of_others_costs_nobody_more() {
    let api = Api::on_disk(|quotas| quotas).await;
    let alone = costs(&api).await;
    let (workspace, function) = make(&api).await;
    let log = a_log(&api, &function).await;
    let (ws, fun) = (id(&workspace).to_owned(), id(&function).to_owned());
    let metadata = item(&api, &format!("WS#{ws}"), "METADATA").await;
    api.settle().await;
    // Half of it logs, and the rest workspaces of other owners.
    let number = part_of(200_000);
    put(&api, logs(&log, &fun, &ws, number / 2)).await;
    let workspaces = (0..number / 2).map(|at| {
        let (other, owner) = (format!("ws-{at:026}"), format!("somebody{}", at % 1000));
        like(
            &metadata,
            &[
                ("PK", format!("WS#{other}")),
                ("GSI1PK", format!("OWNER#{owner}")),
                ("GSI1SK", format!("WS#{other}")),
                ("owner", owner),
                ("id", other),
            ],
        )
    });
    put(&api, workspaces).await;
    let among = costs(&api).await;
    report::section("scale of a table", &format!("With {number} other items in the table:\n"));
    let mut table =
        "| operation | calls | read units | write units |\n| --- | --- | ---: | ---: |\n"
            .to_owned();
    for (before, after) in alone.iter().zip(&among) {
        assert_eq!(before, after, "among {number} other items");
        let (operation, calls, read, written) = after;
        writeln!(table, "| `{operation}` | {} | {read} | {written} |", calls.join(", ")).unwrap();
    }
    report::exact_section("costs", &table);
}
