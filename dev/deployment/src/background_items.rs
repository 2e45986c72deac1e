//! Items that fill a table. They are written directly, because the API would take too long.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt, stream};

use crate::{Deployment, Item};

/// The identifier at the end of a path.
pub fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The item at `pk` and `sk`.
///
/// # Panics
/// If there is none.
pub async fn item(api: &Deployment, pk: &str, sk: &str) -> Item {
    let get = api.env.dynamodb.get_item().table_name(&api.env.config.table);
    let get = get.key("PK", AttributeValue::S(pk.into())).key("SK", AttributeValue::S(sk.into()));
    get.send().await.expect("the table can be read").item.expect("it is there")
}

/// A copy of `item` with other values of some attributes.
pub fn like(item: &Item, changes: &[(&str, String)]) -> Item {
    let mut item = item.clone();
    for (name, value) in changes {
        item.insert((*name).to_owned(), AttributeValue::S(value.clone()));
    }
    item
}

/// Writes `items` to the table.
///
/// # Panics
/// If that fails.
pub async fn put(api: &Deployment, items: impl Iterator<Item = Item>) {
    let requests = items.map(|item| {
        let put = PutRequest::builder().set_item(Some(item)).build().expect("it has an item");
        WriteRequest::builder().put_request(put).build()
    });
    let requests: Vec<_> = requests.collect();
    let batches = stream::iter(requests.chunks(25)).map(|batch| {
        let table = &api.env.config.table;
        api.env.dynamodb.batch_write_item().request_items(table, batch.to_vec()).send()
    });
    let sent = batches.buffer_unordered(4);
    sent.for_each(async |sent| drop(sent.expect("the table takes them"))).await;
}

/// The item of a log. Calls the function at `path` to get one.
///
/// # Panics
/// If the call fails.
pub async fn a_log(api: &Deployment, path: &str) -> Item {
    let ran = api.ask("POST", &format!("{path}/invoke"), None).await.json();
    let part = |name: &str| ran[name].as_str().expect("a log").to_owned();
    let sk = format!("LOG#{}#{}", part("timestamp"), part("id"));
    item(api, &format!("FN#{}", id(path)), &sk).await
}

/// Copies of a log, a millisecond apart and older than today.
pub fn logs(
    log: &Item,
    function: &str,
    workspace: &str,
    number: usize,
) -> impl Iterator<Item = Item> {
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

/// Copies of the function at `path` in its workspace, each with its usage.
///
/// # Panics
/// If there is no such function.
pub async fn functions(api: &Deployment, path: &str, number: usize) -> impl Iterator<Item = Item> {
    let workspace = path.split('/').nth(3).expect("a function's path").to_owned();
    let key = format!("WS#{workspace}");
    let one = item(api, &key, &format!("FN#{}", id(path))).await;
    let usage = item(api, &key, &format!("METRICS#{}", id(path))).await;
    (0..number).flat_map(move |at| {
        let name = format!("fn-{at:026}");
        let code = format!("code/{workspace}/{name}/1.py");
        [
            like(&one, &[("SK", format!("FN#{name}")), ("id", name.clone()), ("codeKey", code)]),
            like(&usage, &[("SK", format!("METRICS#{name}"))]),
        ]
    })
}

/// Copies of the workspace at `path`, of `owners` in turn.
///
/// # Panics
/// If there is no such workspace.
pub async fn workspaces(
    api: &Deployment,
    path: &str,
    owners: &[String],
    number: usize,
) -> impl Iterator<Item = Item> {
    let metadata = item(api, &format!("WS#{}", id(path)), "METADATA").await;
    (0..number).map(move |at| {
        let (other, owner) = (format!("ws-{at:026}"), owners[at % owners.len()].clone());
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
    })
}
