//! The time of a request through the whole local stack, beside that of the calls of storage alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use bytes::Bytes;
use emulator::process::Launcher;
use emulator::project;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local::stack::{Options, Stack};
use serde_json::{Value, json};
use testkit::{clients, http_client};

use crate::times::compare;

/// How many connections send requests at the same time.
const CONNECTIONS: [usize; 2] = [1, 8];

/// The row of a request that calls no storage, which takes the time of the local stack alone.
const NO_STORAGE: usize = 4;

/// A kind of request.
enum Request {
    /// A GET of a URL.
    Get(String),
    /// Items of the table, read in one call of the SDK.
    Items(Vec<(String, String)>),
}

/// What is timed, a request, and the row that is its floor.
type Row = (&'static str, Request, Option<usize>);

/// Clients of a running stack.
struct Clients {
    http: Client<HttpConnector, Full<Bytes>>,
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

/// Times everything in `rounds` rounds, with the URL `peer` if given. The result is a table.
///
/// # Panics
/// If the stack doesn't start, or a request fails.
pub async fn table(
    binaries: &BTreeMap<String, PathBuf>,
    peer: Option<&str>,
    rounds: usize,
) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = Options {
        root: project::source_root(),
        port: 0,
        data: Some(folder.path().join("data")),
        sign_in: None,
        watch: false,
        launcher: Launcher::Direct,
        binaries: Some(binaries.clone()),
    };
    let stack = Stack::start(options).await.expect("the stack starts");
    let (dynamodb, _) = clients(stack.stores(), http_client());
    let clients = Clients {
        http: Client::builder(TokioExecutor::new()).build_http(),
        dynamodb,
        table: stack.template().table.name.clone(),
    };
    let rows = rows(&clients, &stack.url(), peer).await;
    let mut table = "| at once | what | p50 ms | p99 ms | a second | p50 to its floor | \
                     the same without the way |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for connections in CONNECTIONS {
        let send = async |(_, request, _): &Row| clients.send(request).await;
        let measured = compare(&rows, connections, rounds, send).await;
        for ((what, _, floor), times) in rows.iter().zip(&measured) {
            let (p50, p99) = (times.milliseconds(50), times.milliseconds(99));
            let rate = times.rate();
            let no_storage = measured[NO_STORAGE].milliseconds(50);
            let ratio = |time: f64| {
                let to = floor.map(|at| time / measured[at].milliseconds(50));
                to.map(|ratio| format!("{ratio:.2}")).unwrap_or_default()
            };
            let (whole, without) = (ratio(p50), ratio(p50 - no_storage));
            writeln!(
                table,
                "| {connections} | {what} | {p50:.2} | {p99:.2} | {rate:.0} | {whole} | {without} |"
            )
            .ok();
        }
    }
    stack.stop().await;
    table
}

async fn rows(clients: &Clients, base: &str, peer: Option<&str>) -> Vec<Row> {
    let api = format!("{base}/api/workspaces");
    let created = clients.create(&api, &json!({"name": "w"})).await;
    let ws = created["id"].as_str().unwrap_or_default();
    let body = json!({"name": "f", "code": "ZGVmIGhhbmRsZXIoZSwgYyk6IHJldHVybiAx"});
    let created = clients.create(&format!("{api}/{ws}/functions"), &body).await;
    let id = created["id"].as_str().unwrap_or_default();
    let item = |sk: &str| (format!("WS#{ws}"), sk.to_owned());
    let of_workspace = vec![item("METADATA"), item("METRICS")];
    let of_function =
        vec![item("METADATA"), item(&format!("FN#{id}")), item(&format!("METRICS#{id}"))];
    let workspace = format!("{api}/{ws}");
    let function = format!("{workspace}/functions/{id}");
    let mut rows = vec![
        ("the items of a workspace, by the SDK", Request::Items(of_workspace), None),
        ("a workspace", Request::Get(workspace), Some(0)),
        ("the items of a function, by the SDK", Request::Items(of_function), None),
        ("a function", Request::Get(function), Some(2)),
        ("no storage: `/health`", Request::Get(format!("{base}/health")), None),
    ];
    rows.extend(peer.map(|peer| ("the peer", Request::Get(peer.to_owned()), Some(0))));
    rows
}

impl Clients {
    async fn create(&self, url: &str, body: &Value) -> Value {
        let request = http::Request::post(url).header("content-type", "application/json");
        let request = request.body(Full::from(body.to_string())).expect("a request");
        let answer = self.http.request(request).await.expect("an answer");
        assert_eq!(answer.status(), 201, "{url}");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        serde_json::from_slice(&body).expect("JSON")
    }

    async fn send(&self, request: &Request) {
        match request {
            Request::Get(url) => {
                let request = http::Request::get(url).body(Full::default()).expect("a URL");
                let answer = self.http.request(request).await.expect("an answer");
                assert!(answer.status().is_success(), "{url}: {}", answer.status());
                answer.into_body().collect().await.expect("a body");
            }
            Request::Items(keys) => {
                let text = |text: &String| AttributeValue::S(text.clone());
                let keys = keys.iter().map(|(pk, sk)| {
                    [("PK".to_owned(), text(pk)), ("SK".to_owned(), text(sk))].into()
                });
                let wanted = KeysAndAttributes::builder().set_keys(Some(keys.collect()));
                let wanted = wanted.consistent_read(true).build().expect("keys");
                let got = self.dynamodb.batch_get_item().request_items(&self.table, wanted);
                let found = got.send().await.expect("items").responses.unwrap_or_default();
                assert!(!found[&self.table].is_empty(), "the items are there");
            }
        }
    }
}
