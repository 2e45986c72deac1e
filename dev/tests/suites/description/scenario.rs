//! A tour of the API from which the examples of its description are taken: requests as
//! the gateway would pass them on, to the very Lambdas, over stores and an engine.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use counter::Counter;
use emulator::project;
use emulator::route::{self, Route};
use emulator::template::{DEFAULT_REGION, Template};
use invocations::Invoker;
use reconciler::Reconciler;
use serde_json::{Value, json};
use shared::config::Config;
use shared::domain::{Clock, Quotas, Timestamp};
use shared::engine::Engine;
use shared::store::Store;
use testkit::faults::Fault;
use testkit::permissions::acting_as;
use testkit::{Answer, Event, Lambda, TestEnv, together};

/// What the functions of the tour do.
const GREETING: &str = r#"def handler(event, context):
    name = event["query"].get("name", "world")
    print(f"greeting {name}")
    return {"statusCode": 200, "body": {"message": f"Hello, {name}!"}}
"#;
const FAILING: &str = "def handler(event, context):\n    raise ValueError('of my own')\n";
const ENDLESS: &str = "import time\n\ndef handler(event, context):\n    time.sleep(60)\n";

/// A request and its answer.
pub(crate) struct Told {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) request: Option<Value>,
    pub(crate) status: u16,
    pub(crate) response: Option<Value>,
}

/// The tour.
pub(crate) struct Story {
    pub(crate) env: TestEnv,
    reconciler: Reconciler,
    routes: Vec<(Route, String)>,
    lambdas: HashMap<&'static str, Lambda>,
    told: Vec<Told>,
}

impl Story {
    pub(crate) async fn begin() -> Self {
        Self::over(TestEnv::start().unwrap()).await
    }

    /// The same on Lambdas whose callers are signed in.
    pub(crate) async fn signed_in() -> Self {
        let mut env = TestEnv::start().unwrap();
        env.config.sign_in = true;
        Self::over(env).await
    }

    async fn over(env: TestEnv) -> Self {
        env.require_python().await;
        let engine = Engine::with_client(env.lambda_client().await, &env.config);
        let store = || env.store.clone();
        let invoker = Invoker::new(store(), engine.clone(), &env.config);
        let lambdas = HashMap::from([
            ("docs", env.lambda("docs", docs::router(store(), engine.clone()))),
            ("workspaces", env.lambda("workspaces", workspaces::router(store()))),
            ("functions", env.lambda("functions", functions::router(store()))),
            ("invocations", env.lambda("invocations", invocations::router(invoker))),
            ("logs", env.lambda("logs", logs::router(store()))),
        ]);
        let template = project::source_root().join("template.yaml");
        let template = Template::read(&template, DEFAULT_REGION).unwrap();
        let routes = template.functions.into_iter().flat_map(|function| {
            let lambda = function.binary;
            function.routes.into_iter().map(move |route| (route, lambda.clone()))
        });
        let reconciler = Reconciler::new(store(), engine);
        Self { reconciler, routes: routes.collect(), lambdas, told: Vec::new(), env }
    }

    /// Every route of the template with its Lambda.
    pub(crate) fn routes(&self) -> &[(Route, String)] {
        &self.routes
    }

    pub(crate) fn lambda(&self, name: &str) -> &Lambda {
        &self.lambdas[name]
    }

    /// Everything that was asked and answered, with values that stay the same from
    /// one time to the next in place of identifiers and times.
    pub(crate) async fn tell(mut self) -> Vec<Told> {
        self.visit().await;
        let mut names = Names::default();
        for told in &mut self.told {
            names.replace(told.request.as_mut());
            names.replace(told.response.as_mut());
        }
        self.told
    }

    /// Asks everything.
    pub(crate) async fn visit(&mut self) {
        self.get("/").await;
        self.get("/health?deep=1").await;
        self.misconfigured().await;
        self.unreachable().await;
        let workspace = self.workspaces().await;
        self.too_often().await;
        self.functions(&workspace).await;
        self.refusals(&workspace).await;
        self.faults(&workspace).await;
        self.ask("DELETE", &workspace, None).await;
    }

    /// A Lambda that was told a table that isn't there.
    async fn misconfigured(&mut self) {
        let config = Config { table: "missing".into(), ..self.env.config.clone() };
        let (dynamodb, s3) = (self.env.dynamodb.clone(), self.env.s3.clone());
        let store = Store::with_clients(dynamodb, s3, &config);
        let broken = self.env.lambda("workspaces", workspaces::router(store));
        let sound = self.lambdas.insert("workspaces", broken).expect("the sound one");
        self.get("/api/workspaces").await;
        self.lambdas.insert("workspaces", sound);
    }

    /// An owner who asks more often than is allowed.
    async fn too_often(&mut self) {
        let most = Some(1);
        let quotas = Quotas { requests_per_second: most, ..self.env.config.quotas };
        let clock = Clock::standing_at(Timestamp::now());
        let store = self.env.store.clone().with_quotas(quotas).with_clock(clock);
        let strict = self.env.lambda("workspaces", workspaces::router(store));
        let patient = self.lambdas.insert("workspaces", strict).expect("there is one");
        self.get("/api/workspaces").await;
        self.get("/api/workspaces").await;
        self.lambdas.insert("workspaces", patient);
    }

    /// Storage that doesn't answer.
    async fn unreachable(&mut self) {
        for path in ["/api/workspaces", "/health?deep=1"] {
            self.env.faults.inject(1, 100, Fault::Unsent);
            self.get(path).await;
            self.env.faults.clear();
        }
    }

    /// Makes a workspace, and gives its path.
    async fn workspaces(&mut self) -> String {
        let body = json!({"name": "결제팀", "description": "orders and refunds"});
        let made = self.ask("POST", "/api/workspaces", Some(body)).await;
        let path = format!("/api/workspaces/{}", text(&made["id"]));
        self.get("/api/workspaces?limit=10").await;
        self.get(&path).await;
        let known = Event::new("GET", &path).header("if-none-match", Some("*"));
        self.send("GET", &path, None, known).await;
        self.ask("PATCH", &path, Some(json!({"description": "orders"}))).await;
        path
    }

    async fn functions(&mut self, workspace: &str) {
        let all = format!("{workspace}/functions");
        let body = json!({
            "name": "greeting", "description": "says hello", "runtime": "Python 3.12",
            "memory": 256, "timeout": 30, "httpMethods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
            "environmentVariables": {"LANGUAGE": "en"}, "code": STANDARD.encode(GREETING),
        });
        let made = self.ask("POST", &all, Some(body)).await;
        let function = format!("{all}/{}", text(&made["id"]));
        self.settle().await;
        let deployed = self.get(&function).await;
        let url = text(&deployed["invocationUrl"]);
        let url = &url[url.find("/invoke/").expect("an invocation URL")..];
        self.ask("POST", &format!("{function}/invoke"), Some(json!({"any": "JSON"}))).await;
        self.get(&format!("{url}?name=Ada")).await;
        for method in ["POST", "PUT", "PATCH"] {
            self.ask(method, url, Some(json!({"any": "JSON"}))).await;
        }
        self.ask("DELETE", url, None).await;
        self.settle().await;
        self.get(&all).await;
        self.get(&format!("{function}/logs?limit=1")).await;
        self.get(&format!("{workspace}/logs?limit=1&status=success")).await;
        self.ask("PATCH", &function, Some(json!({"status": "disabled"}))).await;
        self.get(url).await;
        self.keys(&function, url).await;
        self.ask("DELETE", &function, None).await;
    }

    /// Closes a function, and makes the keys to it.
    async fn keys(&mut self, function: &str, url: &str) {
        let keys = format!("{function}/keys");
        let made = self.ask("POST", &keys, Some(json!({"name": "continuous integration"}))).await;
        self.get(&keys).await;
        self.ask("PATCH", function, Some(json!({"auth": "key"}))).await;
        self.get(url).await;
        self.ask("DELETE", &format!("{keys}/{}", text(&made["id"])), None).await;
        self.ask("PATCH", function, Some(json!({"auth": "none"}))).await;
    }

    /// What is refused for what the request says.
    async fn refusals(&mut self, workspace: &str) {
        self.ask("POST", "/api/workspaces", Some(json!({"name": " "}))).await;
        self.get("/api/workspaces/ws-01kg6m4x2v8q5z7n3c9b1d0f99").await;
        let patch = || Event::new("PATCH", workspace).text("{}");
        self.send("PATCH", workspace, None, patch().header("if-match", Some("\"1\""))).await;
        self.send("PATCH", workspace, None, patch().text("{'name': 1}")).await;
        let large = "x".repeat(shared::http::MAX_BODY_BYTES + 1);
        self.send("PATCH", workspace, None, patch().text(large)).await;
        self.send("PATCH", workspace, None, patch().header("content-type", Some("text/csv"))).await;
    }

    /// What fails: functions, and what stands behind us.
    async fn faults(&mut self, workspace: &str) {
        for (source, settle) in [(ENDLESS, false), (ENDLESS, true), (FAILING, true)] {
            let body = json!({"name": "f", "timeout": 1, "code": STANDARD.encode(source)});
            let made = self.ask("POST", &format!("{workspace}/functions"), Some(body)).await;
            if settle {
                self.settle().await;
            }
            let id = text(&made["id"]);
            let url = format!("/invoke/{}/{id}", workspace.rsplit('/').next().unwrap());
            self.get(&url).await;
            self.ask("PUT", &url, None).await;
        }
    }

    async fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, None).await
    }

    async fn ask(&mut self, method: &'static str, path: &str, body: Option<Value>) -> Value {
        let event = Event::new(method, path);
        let event = body.iter().fold(event, |event, body| event.json(body));
        self.send(method, path, body, event).await
    }

    /// Lets the Lambda answer that the gateway would choose.
    pub(crate) async fn answer(&self, method: &str, path: &str, event: Event) -> Answer {
        let bare = path.split('?').next().unwrap_or_default();
        let (_, lambda, _) = route::select(&self.routes, method, bare).expect("a route");
        self.lambdas[lambda.as_str()].answer(event).await
    }

    /// The same, to be told.
    async fn send(
        &mut self,
        method: &'static str,
        path: &str,
        request: Option<Value>,
        event: Event,
    ) -> Value {
        let answer = self.answer(method, path, event).await;
        let response = (!answer.body.is_empty()).then(|| answer.json());
        let value = response.clone().unwrap_or_default();
        self.told.push(Told {
            method,
            path: path.to_owned(),
            request,
            status: answer.status,
            response,
        });
        value
    }

    /// Lets the reconciler follow everything that has happened.
    pub(crate) async fn settle(&self) {
        self.settle_with(&self.reconciler).await;
    }

    /// The same by another reconciler.
    pub(crate) async fn settle_with(&self, reconciler: &Reconciler) {
        let counter = Counter::new(self.env.store.clone());
        let follow = async |event: Value| {
            let end = SystemTime::now() + Duration::from_secs(600);
            let read = || serde_json::from_value(event.clone()).unwrap();
            let Ok(followed) = acting_as("reconciler", reconciler.handle(read(), end)).await;
            let Ok(counted) = acting_as("counter", counter.handle(read())).await;
            together([followed, counted].map(|answer| serde_json::to_value(answer).unwrap()))
        };
        self.env.settle(follow).await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Stands for what differs each time: identifiers in the order in which they come,
/// and of each kind of time and duration a single one.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn replace(&mut self, value: Option<&mut Value>) {
        match value {
            Some(Value::Object(fields)) => {
                let changed = fields.get("status") == Some(&json!("disabled"));
                let spent =
                    fields.get("details").and_then(|details| details["spentSeconds"].as_f64());
                if let (Some(spent), Some(Value::String(text))) = (spent, fields.get_mut("message"))
                {
                    *text = text.replace(&format!("after {spent:.1} s"), "after 1.0 s");
                }
                for (field, value) in fields {
                    match field.as_str() {
                        "createdAt" => *value = json!("2026-01-31T09:05:03.123Z"),
                        "lastModified" if changed => *value = json!("2026-01-31T09:09:52.066Z"),
                        "lastModified" => *value = json!("2026-01-31T09:06:11.480Z"),
                        "lastDeployed" if value.is_string() => {
                            *value = json!("2026-01-31T09:06:14.902Z");
                        }
                        "timestamp" => *value = json!("2026-01-31T09:07:40.151Z"),
                        "duration" | "avgDuration" if *value != json!(0.0) => *value = json!(3.94),
                        "milliseconds" => *value = json!(4.2),
                        "spentSeconds" => *value = json!(1.0),
                        "secret" => *value = json!(format!("faas_{:0<43}", "example")),
                        _ => self.replace(Some(value)),
                    }
                }
            }
            Some(Value::Array(values)) => values.iter_mut().for_each(|v| self.replace(Some(v))),
            Some(Value::String(text)) => *text = self.with_names(text),
            _ => {}
        }
    }

    /// The text with other identifiers: a prefix and 26 letters and digits each.
    fn with_names(&mut self, text: &str) -> String {
        const PREFIXES: [&str; 4] = ["ws-", "fn-", "log-", "key-"];
        let mut named = String::new();
        let mut rest = text;
        while let Some((at, prefix)) = first(rest, &PREFIXES) {
            let id = &rest[at..];
            let end = prefix.len()
                + id[prefix.len()..].bytes().take_while(u8::is_ascii_alphanumeric).count();
            named.push_str(&rest[..at]);
            if end == prefix.len() + 26 {
                let number = self.0.len();
                let new = || format!("{prefix}01kg6m4x2v8q5z7n3c9b1d0f{number:02}");
                named.push_str(self.0.entry(id[..end].to_owned()).or_insert_with(new));
            } else {
                named.push_str(&id[..end]);
            }
            rest = &id[end..];
        }
        named + rest
    }
}

/// Where the first of `parts` begins in `text`, and which it is.
fn first<'a>(text: &str, parts: &[&'a str]) -> Option<(usize, &'a str)> {
    parts.iter().filter_map(|part| Some((text.find(part)?, *part))).min()
}
