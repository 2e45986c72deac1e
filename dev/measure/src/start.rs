//! The time of a Lambda from the start of its process to its first answer.
//!
//! This is the binary's own part of a start on AWS: loading, linking and setting up clients. The
//! ratio to [`HELLO`], which is started in turns with the others, is what counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use deployment::Deployment;
use deployment::background_items::id;
use emulator::ids;
use emulator::instance::Instance;
use emulator::process::Launcher;
use emulator::project;
use emulator::runtime_api::Invocation;
use emulator::template::{DEFAULT_REGION, Template};
use emulator::terminal;
use emulator::worker::{WorkerSpec, environment};
use local::endpoints;
use serde_json::{Value, json};
use testkit::Event;

use crate::binaries::{HELLO, LAMBDAS};
use crate::times::Times;

/// How often each is started.
const STARTS: usize = 50;

/// A Lambda to start, and its first event.
struct Subject {
    what: String,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    event: Value,
    took: Times,
}

/// Starts every Lambda 50 times. The result is a table.
///
/// # Panics
/// If one of them doesn't start or answer.
pub async fn table(binaries: &BTreeMap<String, PathBuf>) -> String {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let mut subjects = subjects(&api, binaries).await;
    for round in 0..STARTS {
        if round % 10 == 0 {
            terminal::say(format_args!("starting everything: round {round} of {STARTS}"));
        }
        for subject in &mut subjects {
            subject.took.add(start(subject).await);
        }
    }
    let hello = subjects[0].took.milliseconds(50);
    let mut table = "| process, and what it is asked first | p50 ms | p99 ms | p50 to hello |\n\
                     | --- | ---: | ---: | ---: |\n"
        .to_owned();
    for Subject { what, took, .. } in &subjects {
        let (p50, p99) = (took.milliseconds(50), took.milliseconds(99));
        writeln!(table, "| {what} | {p50:.1} | {p99:.1} | {:.2} |", p50 / hello).ok();
    }
    table
}

async fn subjects(api: &Deployment, binaries: &BTreeMap<String, PathBuf>) -> Vec<Subject> {
    let workspace = api.create("/api/workspaces", &json!({"name": "w"})).await;
    let body = json!({"name": "f", "code": "ZGVmIGhhbmRsZXIoZSwgYyk6IHBhc3M="});
    let function = api.create(&format!("{workspace}/functions"), &body).await;
    api.settle().await;
    assert_eq!(api.ask("POST", &format!("{function}/invoke"), None).await.status, 200);
    assert_eq!(api.ask("DELETE", &function, None).await.status, 204);
    let functions = format!("{workspace}/functions");
    let url = format!("/invoke/{}/{}", id(&workspace), id(&function));
    let gone = json!({"Records": [record(api, "REMOVE", "FN#")]});
    let ran = json!({"Records": [record(api, "INSERT", "LOG#")]});
    let read = |path: &str| Event::new("GET", path).into_value();
    let with_storage = [
        ("workspaces", "a workspace", read(&workspace)),
        ("functions", "a list of functions", read(&functions)),
        ("logs", "a list of logs", read(&format!("{workspace}/logs"))),
        ("invocations", "a call of a function that is gone", read(&url)),
        ("docs", "deep health", read("/health?deep=1")),
        ("reconciler", "a function that is gone", gone),
        ("counter", "an execution", ran),
    ];
    let environments = Environments::of(api).await;
    let subject = |name: &str, what: &str, event: Value| Subject {
        what: format!("{name}, {what}"),
        binary: binaries[name].clone(),
        environment: environments.of_lambda(name),
        event,
        took: Times::default(),
    };
    let mut subjects = vec![subject(HELLO, "anything", read("/"))];
    for name in LAMBDAS {
        let event = match name {
            "reconciler" | "counter" => json!({"Records": []}),
            _ => read("/nothing/here"),
        };
        subjects.push(subject(name, "nothing of storage", event));
    }
    subjects.extend(with_storage.map(|(name, what, event)| subject(name, what, event)));
    subjects
}

/// The environments of the Lambdas of a deployment.
pub(crate) struct Environments {
    template: Template,
    variables: BTreeMap<String, String>,
}

impl Environments {
    pub(crate) async fn of(api: &Deployment) -> Self {
        let root = project::source_root();
        let template = Template::read(&root.join("template.yaml"), DEFAULT_REGION);
        let template = template.expect("the project's template");
        let engine = api.env.engine().await;
        let variables = endpoints::variables(api.env.stores(), engine, DEFAULT_REGION);
        Self { template, variables }
    }

    /// What Lambda tells the process of the Lambda `name`.
    pub(crate) fn of_lambda(&self, name: &str) -> Vec<(String, String)> {
        let mut own = self.variables.clone();
        let function = self.template.functions.iter().find(|function| function.binary == name);
        own.extend(function.map(|function| function.environment.clone()).unwrap_or_default());
        environment(&WorkerSpec {
            name: name.to_owned(),
            memory_mb: 512,
            timeout: Duration::from_secs(29),
            region: DEFAULT_REGION.to_owned(),
            environment: own,
            launcher: Launcher::Direct,
        })
    }
}

/// The first record of the stream with this event name and prefix of the sort key.
fn record(api: &Deployment, name: &str, prefix: &str) -> Value {
    let mut stream = api.env.stream();
    loop {
        let records = stream.next(100).expect("the stream can be read");
        assert!(!records.is_empty(), "the stream tells of no {name} of {prefix}");
        let is_it = |record: &&Value| {
            let sk = record["dynamodb"]["Keys"]["SK"]["S"].as_str().unwrap_or_default();
            record["eventName"] == name && sk.starts_with(prefix)
        };
        if let Some(found) = records.iter().find(is_it) {
            return found.clone();
        }
    }
}

/// From the start of a process to its first answer.
async fn start(subject: &Subject) -> Duration {
    let mut command = Launcher::Direct.command(&subject.binary);
    command.env_clear().envs(subject.environment.clone());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let invocation = Invocation {
        id: ids::invocation_id(),
        event: subject.event.to_string().into(),
        arn: ids::function_arn(DEFAULT_REGION, "measured"),
        timeout: Duration::from_secs(29),
    };
    let began = Instant::now();
    let mut instance = Instance::spawn(command).await.expect("the binary runs");
    let answer = instance.invoke(invocation).await;
    let took = began.elapsed();
    let answer = answer.unwrap_or_else(|failure| panic!("{}: {failure:?}", subject.what));
    let answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
    let is_well = match answer["statusCode"].as_u64() {
        Some(status) => status < 500,
        None => answer["batchItemFailures"] == json!([]),
    };
    assert!(is_well, "{}: {answer}", subject.what);
    took
}
