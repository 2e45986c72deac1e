//! The time of an invocation, beside that of the engine alone and of the table's calls alone.
//!
//! `cargo bench --bench invocation -- 60`, where 60 is the number of rounds.
#![expect(clippy::unwrap_used, reason = "a benchmark that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what a benchmark is for")]

use aws_sdk_lambda::primitives::Blob;
use deployment::Deployment;
use measure::times::compare;
use serde_json::json;
use shared::domain::{ExecutionStatus, FunctionId, Timestamp, WorkspaceId};
use testkit::Event;
use testkit::meter::Units;

/// The number of rounds, unless the command says.
const ROUNDS: usize = 60;

/// How many call at once.
const CALLERS: [usize; 2] = [1, 8];

const BODY: &str = r#"{"orderId": "ORD-20260131-004217", "quantity": 3}"#;

/// What is timed.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// The deployed version, called by Lambda's SDK with the event that our Lambda makes.
    Engine,
    /// The function is read and a log written, and nothing called in between.
    Table,
    /// A request to the function's URL, from API Gateway's event to the answer.
    Whole,
}

const PARTS: [Part; 3] = [Part::Engine, Part::Table, Part::Whole];

/// A deployed function.
struct Subject {
    api: Deployment,
    workspace: WorkspaceId,
    id: FunctionId,
    lambda: aws_sdk_lambda::Client,
    version: String,
    event: Vec<u8>,
}

impl Subject {
    async fn start() -> Self {
        // A run writes so much that stores in memory would get slower with each turn.
        let api = Deployment::on_disk(|quotas| quotas).await;
        let workspace = api.env.new_workspace().await;
        let function = async |source| {
            let id = api.env.new_function(&workspace, source, &json!({})).await;
            api.settle().await;
            id
        };
        let telling = function("def handler(event, context):\n    return event\n").await;
        let event = api.send(call(&workspace, &telling)).await.body.into_bytes();
        let id = function("def handler(event, context):\n    return event['body']\n").await;
        let callable = api.env.store.callable_function(&workspace, &id).await.unwrap();
        let lambda = api.env.lambda_client().await;
        Self { workspace, id, lambda, version: callable.engine_version.unwrap(), event, api }
    }

    async fn run(&self, part: &Part) {
        let (env, ws, id) = (&self.api.env, &self.workspace, &self.id);
        match part {
            Part::Engine => {
                let call = self.lambda.invoke().function_name(format!("faas-{id}"));
                let call = call.qualifier(&self.version).payload(Blob::new(self.event.clone()));
                assert!(call.send().await.unwrap().function_error().is_none());
            }
            Part::Table => {
                env.store.callable_function(ws, id).await.unwrap();
                env.execution(ws, id, Timestamp::now(), ExecutionStatus::Success, 1.0).await;
            }
            Part::Whole => {
                let answer = self.api.send(call(ws, id)).await;
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
        }
    }

    /// Write units of counting an execution, in a batch of a hundred.
    async fn counting(&self) -> f64 {
        let mut stream = self.api.env.stream();
        stream.seek_newest().unwrap();
        for _ in 0..100 {
            self.run(&Part::Whole).await;
        }
        let records = stream.next(1000).unwrap();
        self.api.env.meter.start();
        self.api.process(json!({"Records": records})).await;
        Units::written(&self.api.env.meter.stop()).total() / 100.0
    }
}

/// A request to a function's URL.
fn call(workspace: &WorkspaceId, id: &FunctionId) -> Event {
    let path = format!("/invoke/{workspace}/{id}");
    Event::fixture("call-function").at(&path).method("POST").text(BODY)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // Cargo adds arguments of its own.
    let rounds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(ROUNDS);
    eprintln!("starting the stores and the engine");
    let subject = Subject::start().await;
    println!("callers  what                       p50 ms   p99 ms");
    for callers in CALLERS {
        let row = |what, [p50, p99]: [f64; 2]| {
            println!("{callers:7}  {what:25} {p50:7.2}  {p99:7.2}");
        };
        let times = compare(&PARTS, callers, rounds, async |part| subject.run(part).await).await;
        let [engine, table, whole] =
            [0, 1, 2].map(|part| [50, 99].map(|percent| times[part].milliseconds(percent)));
        row("the engine alone", engine);
        row("the table's calls alone", table);
        row("the whole invocation", whole);
        row("ratio, whole to engine", [whole[0] / engine[0], whole[1] / engine[1]]);
    }
    let meter = &subject.api.env.meter;
    meter.start();
    subject.run(&Part::Whole).await;
    let calls = meter.stop();
    let names: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    println!("calls for an execution: {}", names.join(", "));
    let (written, read) = (Units::written(&calls).total(), Units::read(&calls).total());
    let counting = subject.counting().await;
    println!("units for an execution: {read} read, {written} written, {counting} to count it");
}
