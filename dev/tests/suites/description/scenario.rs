//! The scenario with one request for each response in `openapi.json`, whose exchanges become the
//! examples.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use serde_json::{Value, json};
use shared::config::Config;
use shared::domain::{Clock, Quotas, Timestamp};
use shared::store::Store;
use testkit::faults::Fault;
use testkit::{Event, Form, TestEnv};

/// The functions of the scenario.
const GREETING: &str = r#"def handler(event, context):
    name = event["query"].get("name", "world")
    print(f"greeting {name}")
    return {"statusCode": 200, "body": {"message": f"Hello, {name}!"}}
"#;
const FAILING: &str = "def handler(event, context):\n    raise ValueError('of my own')\n";
const ENDLESS: &str = "import time\n\ndef handler(event, context):\n    time.sleep(60)\n";

/// A request and its response.
pub(crate) struct Exchange {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) request: Option<Value>,
    pub(crate) status: u16,
    pub(crate) response: Option<Value>,
}

/// A deployment, and the exchanges so far.
pub(crate) struct Scenario {
    api: Deployment,
    exchanges: Vec<Exchange>,
}

impl Scenario {
    pub(crate) async fn start() -> Self {
        Self { api: Deployment::start().await, exchanges: Vec::new() }
    }

    /// With sign-in.
    pub(crate) async fn signed_in() -> Self {
        let mut env = TestEnv::start().unwrap();
        env.config.sign_in = true;
        Self { api: Deployment::over(env).await, exchanges: Vec::new() }
    }

    /// All exchanges, with constants for ids, times and durations.
    pub(crate) async fn exchanges(mut self) -> Vec<Exchange> {
        self.run().await;
        let mut constants = Constants::default();
        for exchange in &mut self.exchanges {
            constants.replace(exchange.request.as_mut());
            constants.replace(exchange.response.as_mut());
        }
        self.exchanges
    }

    /// Sends all requests.
    pub(crate) async fn run(&mut self) {
        self.get("/").await;
        self.get("/health?deep=1").await;
        self.misconfigured().await;
        self.unreachable().await;
        let workspace = self.workspaces().await;
        self.above_the_rate_limit().await;
        self.functions(&workspace).await;
        self.rejected(&workspace).await;
        self.failures(&workspace).await;
        self.ask("DELETE", &workspace, None).await;
    }

    /// A Lambda whose table doesn't exist.
    async fn misconfigured(&mut self) {
        let config = Config { table: "missing".into(), ..self.env.config.clone() };
        let (dynamodb, s3) = (self.env.dynamodb.clone(), self.env.s3.clone());
        let store = Store::with_clients(dynamodb, s3, &config);
        let broken = self.env.lambda("workspaces", workspaces::router(store));
        let usual = self.replace("workspaces", broken);
        self.get("/api/workspaces").await;
        self.replace("workspaces", usual);
    }

    /// Requests above the rate limit.
    async fn above_the_rate_limit(&mut self) {
        let most = Some(1);
        let quotas = Quotas { requests_per_second: most, ..self.env.config.quotas };
        let clock = Clock::standing_at(Timestamp::now());
        let store = self.env.store.clone().with_quotas(quotas).with_clock(clock);
        let strict = self.env.lambda("workspaces", workspaces::router(store));
        let usual = self.replace("workspaces", strict);
        self.get("/api/workspaces").await;
        self.get("/api/workspaces").await;
        self.replace("workspaces", usual);
    }

    /// Storage that doesn't answer.
    async fn unreachable(&mut self) {
        for path in ["/api/workspaces", "/health?deep=1"] {
            self.env.faults.inject(1, 100, Fault::Unsent);
            self.get(path).await;
            self.env.faults.clear();
        }
    }

    /// Creates a workspace. Its path.
    async fn workspaces(&mut self) -> String {
        let body = json!({"name": "결제팀", "description": "orders and refunds"});
        let made = self.ask("POST", "/api/workspaces", Some(body)).await;
        let path = format!("/api/workspaces/{}", text(&made["id"]));
        self.get("/api/workspaces?limit=10").await;
        self.get(&path).await;
        let known = Event::new("GET", &path).header("if-none-match", Some("*"));
        self.exchange("GET", &path, None, known).await;
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
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            self.ask(method, &format!("{function}/invoke?name=Ada"), None).await;
        }
        self.get(&format!("{url}?name=Ada")).await;
        for method in ["POST", "PUT", "PATCH"] {
            self.ask(method, url, Some(json!({"any": "JSON"}))).await;
        }
        self.ask("DELETE", url, None).await;
        self.settle().await;
        self.get(&all).await;
        self.get(&format!("{function}/logs?limit=1")).await;
        self.get(&format!("{workspace}/logs?limit=1&status=success")).await;
        self.builds(workspace, &function).await;
        self.packages(&function).await;
        self.ask("PATCH", &function, Some(json!({"status": "disabled"}))).await;
        self.get(url).await;
        self.keys(&function, url).await;
        self.ask("DELETE", &function, None).await;
    }

    /// Builds and deploys the source of a function, and looks at it as the console does.
    async fn builds(&mut self, workspace: &str, function: &str) {
        let [workspace, function] = [workspace, function].map(|path| path.rsplit('/').next());
        let (workspace, function) = (workspace.unwrap(), function.unwrap());
        let path = "/api/v1/build-and-push";
        let form = Form::default().field("app_name", "greeting").field("workspace_id", workspace);
        let event = form.file("greeting.py", GREETING.as_bytes()).event(path);
        let sent = json!({
            "app_name": "greeting", "workspace_id": workspace, "file": GREETING,
        });
        let started = self.exchange("POST", path, Some(sent), event).await;
        let task = self.get(&format!("/api/v1/tasks/{}", text(&started["task_id"]))).await;
        self.get(&format!("/api/v1/workspaces/{workspace}/tasks")).await;
        let body = json!({
            "app_name": "greeting", "namespace": "default", "function_id": function,
            "image_ref": task["result"]["image_url"], "enable_autoscaling": true, "use_spot": false,
        });
        self.ask("POST", "/api/v1/deploy", Some(body)).await;
        self.get(&format!("/api/functions/{function}/loki-logs?limit=2")).await;
        self.get(&format!("/api/functions/{function}/metrics")).await;
    }

    /// Gives a function packages and files, and expects the upload of a project.
    async fn packages(&mut self, function: &str) {
        let files = json!({"greetings/korean.py": STANDARD.encode("HELLO = '안녕'\n")});
        let body = json!({"requirements": "humanize>=4\n", "files": files});
        self.ask("PATCH", function, Some(body)).await;
        self.settle().await;
        let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let body = json!({"bytes": 28_311, "sha256": sha256});
        self.ask("POST", &format!("{function}/uploads"), Some(body)).await;
    }

    /// Closes a function, and creates keys.
    async fn keys(&mut self, function: &str, url: &str) {
        let keys = format!("{function}/keys");
        let made = self.ask("POST", &keys, Some(json!({"name": "continuous integration"}))).await;
        self.get(&keys).await;
        self.ask("PATCH", function, Some(json!({"auth": "key"}))).await;
        self.get(url).await;
        self.ask("DELETE", &format!("{keys}/{}", text(&made["id"])), None).await;
        self.ask("PATCH", function, Some(json!({"auth": "none"}))).await;
    }

    /// Requests that are invalid, or whose conditions fail.
    async fn rejected(&mut self, workspace: &str) {
        self.ask("POST", "/api/workspaces", Some(json!({"name": " "}))).await;
        self.get("/api/workspaces/ws-01kg6m4x2v8q5z7n3c9b1d0f99").await;
        let patch = || Event::new("PATCH", workspace).text("{}");
        self.exchange("PATCH", workspace, None, patch().header("if-match", Some("\"1\""))).await;
        self.exchange("PATCH", workspace, None, patch().text("{'name': 1}")).await;
        let large = "x".repeat(shared::http::MAX_BODY_BYTES + 1);
        self.exchange("PATCH", workspace, None, patch().text(large)).await;
        self.exchange("PATCH", workspace, None, patch().header("content-type", Some("text/csv")))
            .await;
    }

    /// Functions that are not deployed, time out or fail.
    async fn failures(&mut self, workspace: &str) {
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
        self.exchange(method, path, body, event).await
    }

    /// Sends a request, and keeps the exchange.
    async fn exchange(
        &mut self,
        method: &'static str,
        path: &str,
        request: Option<Value>,
        event: Event,
    ) -> Value {
        let answer = self.api.send(event).await;
        let response = (!answer.body.is_empty()).then(|| answer.json());
        let value = response.clone().unwrap_or_default();
        self.exchanges.push(Exchange {
            method,
            path: path.to_owned(),
            request,
            status: answer.status,
            response,
        });
        value
    }
}

impl Deref for Scenario {
    type Target = Deployment;

    fn deref(&self) -> &Deployment {
        &self.api
    }
}

impl DerefMut for Scenario {
    fn deref_mut(&mut self) -> &mut Deployment {
        &mut self.api
    }
}

fn is_a_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Constants for values that differ between runs: ids are numbered, and each kind of time and duration has
/// one value.
#[derive(Default)]
struct Constants(HashMap<String, String>);

impl Constants {
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
                        "createdAt" | "created_at" => *value = json!("2026-01-31T09:05:03.123Z"),
                        "updated_at" => *value = json!("2026-01-31T09:06:14.902Z"),
                        "cpu_total" => *value = json!(0.0041),
                        "cpu_series" => {
                            *value = json!([{"timestamp": 1_769_850_420, "value": 0.0041}])
                        }
                        "lastModified" if changed => *value = json!("2026-01-31T09:09:52.066Z"),
                        "lastModified" => *value = json!("2026-01-31T09:06:11.480Z"),
                        "lastDeployed" if value.is_string() => {
                            *value = json!("2026-01-31T09:06:14.902Z");
                        }
                        "timestamp" if value.as_str().is_some_and(is_a_number) => {
                            *value = json!("1769850460151000000");
                        }
                        "timestamp" => *value = json!("2026-01-31T09:07:40.151Z"),
                        "duration" | "avgDuration" if *value != json!(0.0) => *value = json!(3.94),
                        "cpuTime" if value.is_number() => *value = json!(1.58),
                        "maxMemory" if value.is_number() => *value = json!(40),
                        "url" => {
                            *value = json!("https://s3.example/bucket/upload.zip?X-Amz-Signature=…")
                        }
                        "expiresAt" => *value = json!("2026-01-31T10:07:40.151Z"),
                        "milliseconds" => *value = json!(4.2),
                        "spentSeconds" => *value = json!(1.0),
                        "secret" => *value = json!(format!("faas_{:0<43}", "example")),
                        _ => self.replace(Some(value)),
                    }
                }
            }
            Some(Value::Array(values)) => values.iter_mut().for_each(|v| self.replace(Some(v))),
            Some(Value::String(text)) => *text = self.with_constant_ids(text),
            _ => {}
        }
    }

    /// Replaces the ids in a text: a prefix with 26 letters and digits.
    fn with_constant_ids(&mut self, text: &str) -> String {
        const PREFIXES: [&str; 6] = ["ws-", "fn-", "log-", "key-", "tk-", "up-"];
        let mut replaced = String::new();
        let mut rest = text;
        while let Some((at, prefix)) = first(rest, &PREFIXES) {
            let id = &rest[at..];
            let end = prefix.len()
                + id[prefix.len()..].bytes().take_while(u8::is_ascii_alphanumeric).count();
            if prefix == "tk-" && id[end..].starts_with('-') {
                // Behind the part of its workspace.
                let own = id[end + 1..].bytes().take_while(u8::is_ascii_alphanumeric).count();
                replaced.push_str(&rest[..at]);
                replaced.push_str("tk-01kg6m4x2v8q5z7n3c9b1d0f00-01kg6m4x2v8q5z7n3c9b1d0f07");
                rest = &id[end + 1 + own..];
                continue;
            }
            replaced.push_str(&rest[..at]);
            if end == prefix.len() + 26 {
                let number = self.0.len();
                let new = || format!("{prefix}01kg6m4x2v8q5z7n3c9b1d0f{number:02}");
                replaced.push_str(self.0.entry(id[..end].to_owned()).or_insert_with(new));
            } else {
                replaced.push_str(&id[..end]);
            }
            rest = &id[end..];
        }
        replaced + rest
    }
}

/// The first occurrence of any of `parts` in `text`.
fn first<'a>(text: &str, parts: &[&'a str]) -> Option<(usize, &'a str)> {
    parts.iter().filter_map(|part| Some((text.find(part)?, *part))).min()
}
