//! What a request takes through the whole local stack, beside the call of storage that it is made
//! of, in turns within one run, so that noise meets both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use bytes::Bytes;
use emulator::process::Launcher;
use emulator::project;
use emulator::terminal::say;
use futures_util::future::join_all;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local::stack::{Options, Stack};
use serde_json::{Value, json};
use testkit::clients;

use crate::times::Times;

/// How many ask at once.
const CONNECTIONS: [usize; 2] = [1, 8];

/// The requests of a turn, of all who ask together.
const TURN: usize = 80;

/// The place among the rows of what asks no storage: the way there and back alone.
const WAY: usize = 4;

/// What is timed.
#[derive(Clone, Debug)]
enum Way {
    /// A URL.
    Get(String),
    /// Items of the table, read in one call of the SDK.
    Items(Vec<(String, String)>),
}

/// A way, and what it is measured against.
struct Row {
    what: &'static str,
    way: Way,
    floor: Option<usize>,
}

/// A running stack, and who asks it.
struct Bench {
    http: Client<HttpConnector, Full<Bytes>>,
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

/// Times everything in `rounds` turns, with `peer` beside it if there is one; tells it as a table.
///
/// # Panics
/// Where the stack doesn't start, or a request fails.
pub async fn table(
    binaries: &BTreeMap<String, PathBuf>,
    peer: Option<&str>,
    rounds: usize,
) -> String {
    let place = tempfile::tempdir().expect("a temporary folder");
    let options = Options {
        root: project::source_root(),
        port: 0,
        data: Some(place.path().join("data")),
        sign_in: None,
        watch: false,
        launcher: Launcher::Direct,
        binaries: Some(binaries.clone()),
    };
    let stack = Stack::start(options).await.expect("the stack starts");
    let client = aws_smithy_http_client::Builder::new().build_http();
    let (dynamodb, _) = clients(stack.stores(), client);
    let bench = Bench {
        http: Client::builder(TokioExecutor::new()).build_http(),
        dynamodb,
        table: stack.template().table.name.clone(),
    };
    let rows = rows(&bench, &stack.url(), peer).await;
    let mut table = "| at once | what | p50 ms | p99 ms | a second | p50 to its floor | \
                     the same without the way |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for connections in CONNECTIONS {
        let measured = bench.compare(&rows, connections, rounds).await;
        for (Row { what, floor, .. }, (times, busy)) in rows.iter().zip(&measured) {
            let (p50, p99) = (times.milliseconds(50), times.milliseconds(99));
            let rate = times.number() as f64 / busy.as_secs_f64();
            let way = measured[WAY].0.milliseconds(50);
            let ratio = |time: f64| {
                let to = floor.map(|at| time / measured[at].0.milliseconds(50));
                to.map(|ratio| format!("{ratio:.2}")).unwrap_or_default()
            };
            let (whole, without) = (ratio(p50), ratio(p50 - way));
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

async fn rows(bench: &Bench, base: &str, peer: Option<&str>) -> Vec<Row> {
    let api = format!("{base}/api/workspaces");
    let workspace = bench.make(&api, &json!({"name": "w"})).await;
    let ws = workspace["id"].as_str().unwrap_or_default();
    let body = json!({"name": "f", "code": "ZGVmIGhhbmRsZXIoZSwgYyk6IHJldHVybiAx"});
    let function = bench.make(&format!("{api}/{ws}/functions"), &body).await;
    let id = function["id"].as_str().unwrap_or_default();
    let item = |sk: &str| (format!("WS#{ws}"), sk.to_owned());
    let of_workspace = vec![item("METADATA"), item("METRICS")];
    let of_function =
        vec![item("METADATA"), item(&format!("FN#{id}")), item(&format!("METRICS#{id}"))];
    let url = format!("{api}/{ws}");
    let mut rows = vec![
        Row {
            what: "the items of a workspace, by the SDK",
            way: Way::Items(of_workspace),
            floor: None,
        },
        Row { what: "a workspace", way: Way::Get(url.clone()), floor: Some(0) },
        Row {
            what: "the items of a function, by the SDK",
            way: Way::Items(of_function),
            floor: None,
        },
        Row { what: "a function", way: Way::Get(format!("{url}/functions/{id}")), floor: Some(2) },
        Row { what: "no storage: `/health`", way: Way::Get(format!("{base}/health")), floor: None },
    ];
    if let Some(peer) = peer {
        rows.push(Row { what: "the peer", way: Way::Get(peer.to_owned()), floor: Some(0) });
    }
    rows
}

impl Bench {
    async fn make(&self, url: &str, body: &Value) -> Value {
        let request = Request::post(url).header("content-type", "application/json");
        let request = request.body(Full::from(body.to_string())).expect("a request");
        let answer = self.http.request(request).await.expect("an answer");
        assert_eq!(answer.status(), 201, "{url}");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Goes a way once, and gives how long it took.
    async fn go(&self, way: &Way) -> Duration {
        let began = Instant::now();
        match way {
            Way::Get(url) => {
                let request = Request::get(url).body(Full::default()).expect("a URL");
                let answer = self.http.request(request).await.expect("an answer");
                assert!(answer.status().is_success(), "{url}: {}", answer.status());
                answer.into_body().collect().await.expect("a body");
            }
            Way::Items(keys) => {
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
        began.elapsed()
    }

    /// A turn of `connections` at once; how long each request took, and all of them.
    async fn turn(&self, way: &Way, connections: usize) -> (Vec<Duration>, Duration) {
        let began = Instant::now();
        let asking = (0..connections).map(async |_| {
            let mut took = Vec::new();
            for _ in 0..TURN / connections {
                took.push(self.go(way).await);
            }
            took
        });
        let took = join_all(asking).await.concat();
        (took, began.elapsed())
    }

    /// How long each way took each time, and how long it was asked in all.
    async fn compare(
        &self,
        rows: &[Row],
        connections: usize,
        rounds: usize,
    ) -> Vec<(Times, Duration)> {
        let mut all = vec![(Times::default(), Duration::ZERO); rows.len()];
        for row in rows {
            // As many processes and connections as are needed.
            self.turn(&row.way, connections).await;
        }
        for round in 0..rounds {
            if round % 10 == 0 {
                say(format_args!("{connections} at once: round {round} of {rounds}"));
            }
            // Each is first as often as the others: who follows meets what they left behind.
            for at in (0..rows.len()).map(|place| (place + round) % rows.len()) {
                let (took, busy) = self.turn(&rows[at].way, connections).await;
                all[at].0.extend(took);
                all[at].1 += busy;
            }
        }
        all
    }
}
