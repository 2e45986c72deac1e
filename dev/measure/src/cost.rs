//! The cost of each route: calls to AWS, how many of them wait for each other, capacity units,
//! bytes and dollars.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::background_items::{a_log, functions, id, like, logs, put, workspaces};
use deployment::{Deployment, Item};
use serde_json::{Value, json};
use shared::domain::Timestamp;
use testkit::meter::{Call, Units, depth};
use testkit::page::Page;
use testkit::{Event, Form};

use crate::prices::Prices;

/// The page with the results.
pub const PAGE: Page = Page { path: "docs/cost.md", command: "cargo measure cost" };

/// How many background items of each kind there are in turn: other functions of the workspace, other
/// logs of the function, other workspaces of the owner, and workspaces of others.
pub const BACKGROUND_ITEMS: [usize; 3] = [1, 100, 10_000];

/// The cost of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// The route, and what is particular about the request.
    pub what: String,
    /// The names of the calls, sorted.
    pub calls: Vec<String>,
    /// The longest chain of calls of which each waits for the one before.
    pub depth: usize,
    /// Units read in the table and its index.
    pub read: f64,
    /// Units written in the table and its index.
    pub written: f64,
    /// Bytes of the bodies of calls and answers. Times and durations in them make it differ by a few
    /// bytes from run to run.
    pub bytes: u64,
}

/// A request.
pub(crate) struct Operation {
    pub(crate) what: String,
    method: &'static str,
    path: String,
    body: Option<Value>,
    form: Option<Form>,
    key: Option<&'static str>,
}

impl Operation {
    /// Its event. `time` makes the `Idempotency-Key` unique.
    pub(crate) fn event(&self, time: impl std::fmt::Display) -> Event {
        let mut event = match &self.form {
            Some(form) => form.event(&self.path),
            None => Event::new(self.method, &self.path),
        };
        if let Some(body) = &self.body {
            event = event.json(body);
        }
        let key = self.key.map(|key| format!("{key}-{time}"));
        event = event.header("idempotency-key", key.as_deref());
        let is_preflight = self.method == "OPTIONS";
        event.header("access-control-request-method", is_preflight.then_some("GET"))
    }
}

/// What the requests are about.
pub(crate) struct Resources {
    workspace: String,
    /// A deployed function with a source of one line.
    function: String,
    /// A function whose source doesn't fit in its item.
    large: String,
    /// A build in a workspace of its own, because a build reads all functions of its workspace.
    build: Build,
}

/// A build, and the only function of its workspace, which has its source and is deployed.
struct Build {
    workspace: String,
    function: String,
    task: String,
    image: String,
}

impl Build {
    async fn create(api: &Deployment) -> Self {
        let workspace = api.create("/api/workspaces", &json!({"name": "builds"})).await;
        let functions = format!("{workspace}/functions");
        let function = api.create(&functions, &new_function(&small())).await;
        api.settle().await;
        let workspace = id(&workspace).to_owned();
        let built = api.send(Self::form(&workspace).event(BUILD)).await.json();
        let task = built["task_id"].as_str().expect("it is built").to_owned();
        let read = api.get(&format!("/api/v1/tasks/{task}")).await;
        let image = read["result"]["image_url"].as_str().expect("it is done").to_owned();
        Self { workspace, function: id(&function).to_owned(), task, image }
    }

    fn form(workspace: &str) -> Form {
        let form = Form::default().field("app_name", "f").field("workspace_id", workspace);
        form.file("f.py", small().as_bytes())
    }

    fn deployment(&self) -> Value {
        json!({"app_name": "f", "image_ref": self.image, "function_id": self.function})
    }
}

const BUILD: &str = "/api/v1/build-and-push";

impl Resources {
    pub(crate) async fn create(api: &Deployment) -> Self {
        let workspace = api.create("/api/workspaces", &json!({"name": "w"})).await;
        let functions = format!("{workspace}/functions");
        let function = api.create(&functions, &new_function(&small())).await;
        let large = api.create(&functions, &new_function(&large_source())).await;
        api.settle().await;
        Self { workspace, function, large, build: Build::create(api).await }
    }

    /// Creates an invocation key of the function.
    pub(crate) async fn key(&self, api: &Deployment) -> String {
        let keys = format!("{}/keys", self.function);
        id(&api.create(&keys, &json!({"name": "k"})).await).to_owned()
    }

    /// The route of `path`, as the API's description writes it.
    fn route(&self, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        let path = path
            .split_once("/keys/")
            .map_or(path.to_owned(), |(before, _)| format!("{before}/keys/{{keyId}}"));
        let path = path.replace(&self.build.task, "{taskId}");
        let path = path.replace(&self.build.workspace, "{workspaceId}");
        let path = path.replace(id(&self.workspace), "{workspaceId}");
        path.replace(id(&self.function), "{functionId}").replace(id(&self.large), "{functionId}")
    }

    /// Every operation of the API, in an order in which all succeed.
    pub(crate) fn operations(&self, key: &str) -> Vec<Operation> {
        let Self { workspace, function, large, build } = self;
        let url = function.replace("/api/workspaces/", "/invoke/").replace("/functions/", "/");
        let renamed = || Some(json!({"name": "n"}));
        let operation = |method, path: &str, body| Operation {
            what: format!("`{method} {}`", self.route(path)),
            method,
            path: path.to_owned(),
            body,
            form: None,
            key: None,
        };
        let new_build = || {
            let operation = operation("POST", BUILD, None);
            Operation { form: Some(Build::form(&build.workspace)), ..operation }
        };
        let particular = |mut operation: Operation, what: &str| {
            operation.what.push_str(", ");
            operation.what.push_str(what);
            operation
        };
        let once = |operation, key| {
            let operation = particular(operation, "with an Idempotency-Key");
            Operation { key: Some(key), ..operation }
        };
        let with_files = || Some(json!({"files": {"a.py": STANDARD.encode("A = 1")}}));
        let upload = json!({"bytes": 1, "sha256": "0".repeat(64)});
        let functions = format!("{workspace}/functions");
        let keys = format!("{function}/keys");
        let create = |code: &str| operation("POST", &functions, Some(new_function(code)));
        let change =
            |code: &str| operation("PATCH", function, Some(json!({"code": STANDARD.encode(code)})));
        vec![
            operation("GET", "/", None),
            operation("GET", "/health", None),
            particular(operation("GET", "/health?deep=1", None), "deep"),
            operation("OPTIONS", workspace, None),
            operation("POST", "/api/workspaces", renamed()),
            once(operation("POST", "/api/workspaces", renamed()), "workspace"),
            operation("GET", "/api/workspaces?limit=1", None),
            operation("GET", workspace, None),
            operation("PATCH", workspace, renamed()),
            create(&small()),
            once(create(&small()), "function"),
            particular(create(&large_source()), "a large source"),
            operation("GET", &format!("{functions}?limit=1"), None),
            operation("GET", function, None),
            particular(operation("GET", large, None), "a large source"),
            operation("PATCH", function, renamed()),
            particular(operation("PATCH", large, renamed()), "a large source that stays"),
            particular(operation("PATCH", function, with_files()), "with files"),
            particular(operation("GET", function, None), "with files"),
            operation("POST", &format!("{function}/uploads"), Some(upload)),
            particular(operation("PATCH", function, Some(json!({"files": {}}))), "without files"),
            operation("POST", &keys, renamed()),
            once(operation("POST", &keys, renamed()), "key"),
            operation("GET", &keys, None),
            operation("DELETE", &format!("{keys}/{key}"), None),
            operation("POST", &format!("{function}/invoke"), None),
            once(operation("POST", &format!("{function}/invoke"), None), "run"),
            operation("GET", &format!("{function}/invoke"), None),
            operation("PUT", &format!("{function}/invoke"), None),
            operation("PATCH", &format!("{function}/invoke"), None),
            operation("DELETE", &format!("{function}/invoke"), None),
            operation("GET", &url, None),
            // After the calls: the test button would wait for the deployment.
            particular(change("handler = lambda event, context: 2"), "its source"),
            operation("GET", &format!("{function}/logs?limit=1"), None),
            operation("GET", &format!("{workspace}/logs?limit=1"), None),
            operation("GET", &format!("/api/functions/{}/loki-logs?limit=1", id(function)), None),
            operation("GET", &format!("/api/functions/{}/metrics", id(function)), None),
            operation("GET", &format!("/api/v1/tasks/{}", build.task), None),
            operation("GET", &format!("/api/v1/workspaces/{}/tasks", build.workspace), None),
            operation("POST", "/api/v1/deploy", Some(build.deployment())),
            new_build(),
            once(new_build(), "build"),
            operation("DELETE", function, None),
            operation("DELETE", workspace, None),
        ]
    }
}

/// Measures every operation, with this number of background items of each kind.
///
/// # Panics
/// If one fails.
pub async fn costs(api: &Deployment, background_items: usize) -> Vec<Cost> {
    let resources = Resources::create(api).await;
    let (workspace, function) = (id(&resources.workspace), &resources.function);
    let log = a_log(api, function).await;
    api.settle().await;
    put(api, functions(api, function, background_items).await).await;
    put(api, logs(&log, id(function), workspace, background_items)).await;
    put(api, [log_of_the_last_hour(&log)].into_iter()).await;
    let owners: Vec<_> = (0..1000).map(|at| format!("somebody{at}")).collect();
    put(api, workspaces(api, &resources.workspace, &owners, background_items).await).await;
    let same = [shared::domain::Owner::anonymous().to_string()];
    put(api, workspaces(api, &resources.workspace, &same, background_items).await).await;
    let key = resources.key(api).await;
    let mut costs = Vec::new();
    for operation in resources.operations(&key) {
        costs.push(cost(api, operation, background_items).await);
    }
    costs
}

/// A copy of a log, half an hour old.
fn log_of_the_last_hour(log: &Item) -> Item {
    let then = Timestamp::now().epoch_milliseconds() - 30 * 60 * 1000;
    let then = Timestamp::from_epoch_milliseconds(then).expect("a time").to_string();
    let sk = format!("LOG#{then}#log-1");
    like(log, &[("SK", sk), ("GSI1SK", format!("{then}#log-1")), ("timestamp", then)])
}

async fn cost(api: &Deployment, operation: Operation, background_items: usize) -> Cost {
    let event = operation.event(background_items);
    let what = operation.what;
    api.env.meter.start();
    let answer = api.send(event).await;
    let calls = api.env.meter.stop();
    assert!(answer.status < 400, "{what}: {} {}", answer.status, answer.body);
    Cost {
        what,
        depth: depth(&calls),
        read: Units::read(&calls).total(),
        written: Units::written(&calls).total(),
        bytes: calls.iter().map(|call| call.bytes).sum(),
        calls: names(&calls),
    }
}

/// AWS's names of the calls, sorted.
fn names(calls: &[Call]) -> Vec<String> {
    let name = |call: &Call| match call.operation.split_once(' ') {
        None => call.operation.clone(),
        Some(("PUT", _)) => "PutObject".to_owned(),
        Some(("HEAD", _)) => "HeadBucket".to_owned(),
        Some(("GET", path)) if path.starts_with("/2015-03-31/") => "GetFunction".to_owned(),
        Some(("GET", _)) => "GetObject".to_owned(),
        Some((method, _)) => method.to_owned(),
    };
    let mut names: Vec<_> = calls.iter().map(name).collect();
    names.sort();
    names
}

/// A table of what is the same in every run.
pub fn table(costs: &[Cost]) -> String {
    let mut table = "| request | calls | depth | read units | write units |\n\
                     | --- | --- | ---: | ---: | ---: |\n"
        .to_owned();
    for Cost { what, calls, depth, read, written, .. } in costs {
        let calls = if calls.is_empty() { "none".to_owned() } else { calls.join(", ") };
        writeln!(table, "| {what} | {calls} | {depth} | {read} | {written} |").ok();
    }
    table
}

/// A table of dollars for a million requests, and of kilobytes.
pub fn bill(costs: &[Cost], prices: &Prices) -> String {
    let mut bill = "| request | table and bucket | with gateway and Lambda | KB |\n\
                    | --- | ---: | ---: | ---: |\n"
        .to_owned();
    for cost in costs {
        let (storage, all) = (prices.storage(cost), prices.all(cost));
        let (what, kilobytes) = (&cost.what, cost.bytes as f64 / 1000.0);
        writeln!(bill, "| {what} | ${storage:.2} | ${all:.2} | {kilobytes:.1} |").ok();
    }
    bill
}

/// A bill without its kilobytes, which differ from run to run.
pub fn without_kilobytes(bill: &str) -> String {
    let columns = |line: &str| line.splitn(5, '|').take(4).collect::<Vec<_>>().join("|");
    bill.lines().map(columns).collect::<Vec<_>>().join("\n")
}

/// A source that prints a line when it runs.
fn small() -> String {
    "handler = lambda event, context: print(1) or 1".to_owned()
}

/// A source of 48 KB that compresses to 24 KB, more than its item may hold.
fn large_source() -> String {
    let mut source = small();
    source.push('\n');
    for line in 0..750_u64 {
        let noise = line.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let more = noise.rotate_left(29).wrapping_mul(0xD1B5_4A32_D192_ED03);
        let last = more.rotate_left(31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        writeln!(source, "# {noise:016x}{more:016x}{last:016x}{:012x}", last >> 16).ok();
    }
    source
}

fn new_function(code: &str) -> Value {
    let methods = ["GET", "PUT", "PATCH", "DELETE"];
    json!({"name": "f", "code": STANDARD.encode(code), "httpMethods": methods})
}
