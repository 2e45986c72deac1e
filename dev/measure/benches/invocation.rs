//! What our part of an invocation takes: the engine called directly, the table's
//! calls alone, and the whole Lambda, in turns within one run, so that noise
//! meets all of them.
//!
//! `cargo bench --bench invocation -- 60`, where 60 is the number of rounds.
#![expect(clippy::unwrap_used, reason = "a benchmark that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what a benchmark is for")]

use std::time::{Duration, Instant};

use aws_sdk_lambda::primitives::Blob;
use deployment::call_env::CallEnv;
use futures_util::future::join_all;
use serde_json::json;
use shared::domain::{ExecutionStatus, FunctionId, Timestamp};
use testkit::TestEnv;
use testkit::meter::Units;

/// How often each way has its turn, unless the command says.
const ROUNDS: usize = 60;

/// The calls of a turn, of all callers together.
const CALLS: usize = 40;

/// How many call at once.
const CALLERS: [usize; 2] = [1, 8];

const BODY: &str = r#"{"orderId": "ORD-20260131-004217", "quantity": 3}"#;

/// What is timed.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The version that is deployed, called by Lambda's SDK with the event that
    /// our Lambda would make.
    Engine,
    /// The function read and a log written, with nothing called in between.
    Table,
    /// A request to the function's URL, from API Gateway's event to the answer for it.
    Whole,
}

const WAYS: [Way; 3] = [Way::Engine, Way::Table, Way::Whole];

/// A function that is deployed, and what it takes to call it.
struct Subject {
    env: CallEnv,
    id: FunctionId,
    lambda: aws_sdk_lambda::Client,
    version: String,
    event: Vec<u8>,
}

impl Subject {
    async fn start() -> Self {
        // A run writes so much that stores in memory would get slower with each turn.
        let env = TestEnv::start_on_disk().unwrap();
        let env = CallEnv::over(env, Duration::from_secs(26)).await;
        let telling = env.deployed("def handler(event, context):\n    return event\n").await;
        let event = env.call(&telling, "POST", "", BODY).await.body.into_bytes();
        let id = env.deployed("def handler(event, context):\n    return event['body']\n").await;
        let callable = env.env.store.callable_function(&env.workspace, &id).await.unwrap();
        let lambda = env.env.lambda_client().await;
        Self { env, id, lambda, version: callable.engine_version.unwrap(), event }
    }

    /// Goes one way once, and gives how long it took.
    async fn go(&self, way: Way) -> Duration {
        let (env, ws, id) = (&self.env, &self.env.workspace, &self.id);
        let began = Instant::now();
        match way {
            Way::Engine => {
                let call = self.lambda.invoke().function_name(format!("faas-{id}"));
                let call = call.qualifier(&self.version).payload(Blob::new(self.event.clone()));
                assert!(call.send().await.unwrap().function_error().is_none());
            }
            Way::Table => {
                env.env.store.callable_function(ws, id).await.unwrap();
                env.env.execution(ws, id, Timestamp::now(), ExecutionStatus::Success, 1.0).await;
            }
            Way::Whole => {
                let answer = env.call(id, "POST", "", BODY).await;
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
        }
        began.elapsed()
    }

    /// A turn: `callers` at once, each with its part of the calls one after another.
    ///
    /// They share a thread, whichever way: the futures of a Lambda don't leave theirs.
    async fn turn(&self, way: Way, callers: usize) -> Vec<Duration> {
        let calls = (0..callers).map(|_| async {
            let mut took = Vec::new();
            for _ in 0..CALLS / callers {
                took.push(self.go(way).await);
            }
            took
        });
        join_all(calls).await.into_iter().flatten().collect()
    }

    /// How long each way took each time, sorted, in the order of [`WAYS`].
    async fn compare(&self, callers: usize, rounds: usize) -> [Vec<Duration>; 3] {
        for way in WAYS {
            // Starts as many Pythons and connections as the callers need.
            self.turn(way, callers).await;
        }
        let mut took = WAYS.map(|_| Vec::new());
        for round in 0..rounds {
            if round % 10 == 0 {
                eprintln!("{callers} at once: round {round} of {rounds}");
            }
            // Each is first as often as the others: who follows meets what they left behind.
            for at in (0..WAYS.len()).map(|place| (place + round) % WAYS.len()) {
                took[at].extend(self.turn(WAYS[at], callers).await);
            }
        }
        took.iter_mut().for_each(|took| took.sort_unstable());
        took
    }

    /// The units that it takes to count an execution, of a hundred in a batch.
    async fn counting(&self) -> f64 {
        let mut stream = self.env.env.stream();
        stream.seek_newest().unwrap();
        for _ in 0..100 {
            self.go(Way::Whole).await;
        }
        let records = stream.next(1000).unwrap();
        self.env.env.meter.start();
        self.env.follow(json!({"Records": records})).await;
        Units::written(&self.env.env.meter.stop()).total() / 100.0
    }
}

/// Milliseconds within which `percent` of what `took` its time was done.
fn within(percent: usize, took: &[Duration]) -> f64 {
    took[(took.len() - 1) * percent / 100].as_secs_f64() * 1000.0
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
        let took = subject.compare(callers, rounds).await;
        let [engine, table, whole] = took.map(|took| [50, 99].map(|p| within(p, &took)));
        row("the engine directly", engine);
        row("the table's calls alone", table);
        row("the whole invocation", whole);
        row("ratio, whole to engine", [whole[0] / engine[0], whole[1] / engine[1]]);
    }
    let meter = &subject.env.env.meter;
    meter.start();
    subject.go(Way::Whole).await;
    let calls = meter.stop();
    let names: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    println!("calls for an execution: {}", names.join(", "));
    let (written, read) = (Units::written(&calls).total(), Units::read(&calls).total());
    let counting = subject.counting().await;
    println!("units for an execution: {read} read, {written} written, {counting} to count it");
}
