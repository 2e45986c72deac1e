//! Functions of other platforms, unmodified: each file of `examples/forms` with the requests beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::env::CallEnv;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use emulator::project;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::{Form, FunctionId};
use testkit::page::Page;
use testkit::{Answer, Event};

use crate::text_setting;

const PAGE: Page = Page { path: "docs/forms.md", command: "cargo snapshots" };

/// A function and its requests.
struct Sample {
    form: &'static str,
    name: String,
    source: String,
    /// A JSON list of [`Exchange`].
    exchanges: String,
}

#[derive(Deserialize)]
struct Exchange {
    request: SampleRequest,
    answer: SampleAnswer,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct SampleRequest {
    method: Option<String>,
    path: Option<String>,
    query: Option<String>,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SampleAnswer {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    body: Option<String>,
    body_base64: Option<String>,
    json: Option<Value>,
    /// The exception that the function raises.
    raises: Option<String>,
}

impl Sample {
    /// All samples, by form.
    fn all() -> Vec<Self> {
        let root = project::source_root().join("examples/forms");
        let forms = Form::ALL.map(Form::name);
        forms.into_iter().flat_map(|form| Self::of_form(form, &root.join(form))).collect()
    }

    /// Where a sample names its own URL, it names this one.
    const PREFIX: &str = "/invoke/ws-1/fn-1";

    fn exchanges_at(&self, prefix: &str) -> Vec<Exchange> {
        serde_json::from_str(&self.exchanges.replace(Self::PREFIX, prefix))
            .unwrap_or_else(|e| panic!("{}/{}.json: {e}", self.form, self.name))
    }

    fn of_form(form: &'static str, folder: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{form}: {e}"));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
        paths.sort();
        let read = |path: &Path| {
            std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let sample = |path: PathBuf| Self {
            form,
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            source: read(&path),
            exchanges: read(&path.with_extension("json")),
        };
        paths.into_iter().map(sample).collect()
    }

    /// The value of a comment `# {name}: value`.
    fn marker(&self, name: &str) -> Option<&str> {
        let begin = format!("# {name}: ");
        self.source.lines().find_map(|line| line.strip_prefix(&begin))
    }

    fn needs_packages(&self) -> bool {
        self.marker("packages").is_some()
    }

    /// Creates the function. Those that need packages find them in `packages`.
    async fn create(&self, env: &CallEnv, packages: Option<&str>) -> FunctionId {
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        let mut settings = json!({
            "name": self.name, "httpMethods": methods, "entryPoint": self.marker("entryPoint"),
        });
        if let Some(folder) = packages.filter(|_| self.needs_packages()) {
            settings["environmentVariables"] = json!({"PYTHONPATH": folder});
        }
        env.created(&self.source, settings).await
    }

    async fn detected_form(&self, env: &CallEnv, id: &FunctionId) -> Value {
        let at = format!("/api/workspaces/{}/functions/{id}", env.workspace);
        env.send(Event::new("GET", &at)).await.json()["detectedForm"].clone()
    }
}

impl SampleRequest {
    fn method(&self) -> &str {
        self.method.as_deref().unwrap_or("GET")
    }

    async fn send(&self, env: &CallEnv, id: &FunctionId) -> Answer {
        let path = self.path.as_deref().unwrap_or("/");
        let query = self.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        let at = format!("/invoke/{}/{id}{path}{query}", env.workspace);
        let mut event = Event::fixture("call-function").at(&at).method(self.method()).text("");
        event = event.header("content-type", None);
        for (name, value) in &self.headers {
            event = event.header(name, Some(value));
        }
        event = event.cookies(&self.cookies);
        event = match (&self.body, &self.body_base64) {
            (Some(text), _) => event.text(text),
            (None, Some(encoded)) => event.bytes(&STANDARD.decode(encoded).unwrap()),
            (None, None) => event,
        };
        env.send(event).await
    }

    /// What a reader of the table looks for in a request.
    fn features(&self, features: &mut BTreeSet<&'static str>) {
        let query = self.query.as_deref().unwrap_or_default();
        let names: Vec<_> = query.split('&').map(|pair| pair.split('=').next()).collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        if distinct.len() < names.len() {
            features.insert(REPEATED_QUERY);
        }
        if !self.cookies.is_empty() {
            features.insert(COOKIES);
        }
        if self.body_base64.is_some() {
            features.insert(BINARY);
        }
        if self.body.as_deref().is_some_and(is_korean) {
            features.insert(KOREAN);
        }
    }
}

impl SampleAnswer {
    /// What of an answer, and of its log's lines, is not as it is to be.
    fn differences(&self, answer: &Answer, lines: &[String]) -> Vec<String> {
        let mut all = Differences::default();
        all.compare("status", &answer.status, &self.status);
        if let Some(exception) = &self.raises {
            let last = lines.iter().rev().find(|line| !line.is_empty());
            all.compare(
                "raises",
                &last.is_some_and(|line| line.contains(exception.as_str())),
                &true,
            );
            return all.0;
        }
        for (name, value) in &self.headers {
            let expected = match value {
                Value::Array(values) => {
                    values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
                }
                other => other.as_str().unwrap_or_default().to_owned(),
            };
            all.compare(name, answer.header(name), &expected);
        }
        let bytes = answer.bytes();
        if let Some(body) = &self.body {
            all.compare("body", &*String::from_utf8_lossy(&bytes), body);
        }
        if let Some(encoded) = &self.body_base64 {
            all.compare("bytes", &bytes, &STANDARD.decode(encoded).unwrap());
        }
        if let Some(value) = &self.json {
            all.compare(
                "json",
                &serde_json::from_slice::<Value>(&bytes).unwrap_or_default(),
                value,
            );
        }
        all.0
    }

    fn features(&self, features: &mut BTreeSet<&'static str>) {
        if self.headers.keys().any(|name| name == "set-cookie") {
            features.insert(COOKIES);
        }
        if self.body_base64.is_some() {
            features.insert(BINARY);
        }
        let json = self.json.as_ref().map(Value::to_string);
        if self.body.as_deref().or(json.as_deref()).is_some_and(is_korean) {
            features.insert(KOREAN);
        }
        if self.status >= 400 {
            features.insert(ERRORS);
        }
        if (300..400).contains(&self.status) {
            features.insert(REDIRECTS);
        }
    }
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq<U> + std::fmt::Debug + ?Sized, U: std::fmt::Debug>(
        &mut self,
        what: &str,
        found: &T,
        expected: &U,
    ) {
        if found != expected {
            self.0.push(format!("{what} is {found:?} and not {expected:?}"));
        }
    }
}

const REPEATED_QUERY: &str = "repeated query keys";
const COOKIES: &str = "cookies";
const BINARY: &str = "binary bodies";
const KOREAN: &str = "Korean";
const ERRORS: &str = "errors";
const REDIRECTS: &str = "redirects";

const FEATURES: [&str; 6] = [REPEATED_QUERY, COOKIES, BINARY, KOREAN, ERRORS, REDIRECTS];

fn is_korean(text: &str) -> bool {
    text.chars().any(|c| ('가'..='힣').contains(&c))
}

/// The table of what is tried: a row a form.
fn table(samples: &[Sample]) -> String {
    let mut table =
        format!("| form | functions | requests | methods | {} |\n", FEATURES.join(" | "));
    table.push_str("| --- | --- | ---: | --- | --- | --- | --- | --- | --- | --- |\n");
    for form in Form::ALL.map(Form::name) {
        let of_form: Vec<_> = samples.iter().filter(|sample| sample.form == form).collect();
        let names = of_form.iter().map(|sample| {
            let link = format!("[{}](../examples/forms/{form}/{}.py)", sample.name, sample.name);
            let packages = sample.marker("packages").map(|names| format!(" ({names})"));
            link + &packages.unwrap_or_default()
        });
        let names: Vec<_> = names.collect();
        let exchanges: Vec<_> =
            of_form.iter().flat_map(|sample| sample.exchanges_at(Sample::PREFIX)).collect();
        let methods: BTreeSet<_> = exchanges.iter().map(|one| one.request.method()).collect();
        let mut features = BTreeSet::new();
        for exchange in &exchanges {
            exchange.request.features(&mut features);
            exchange.answer.features(&mut features);
        }
        let marks = FEATURES.map(|name| if features.contains(name) { "yes" } else { "" });
        let methods = methods.into_iter().collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            table,
            "| `{form}` | {} | {} | {methods} | {} |",
            names.join(", "),
            exchanges.len(),
            marks.join(" | ")
        );
    }
    table
}

/// Each platform's page shows the shortest function of its form.
#[test]
fn every_form_has_a_page_with_a_function() {
    let samples = Sample::all();
    for form in Form::ALL.into_iter().filter(|form| *form != Form::Native).map(Form::name) {
        let of_form = samples.iter().filter(|sample| sample.form == form);
        let sample = of_form.min_by_key(|sample| (sample.needs_packages(), sample.source.len()));
        let path = format!("docs/coming-from/{form}.md").leak();
        let page = Page { path, command: PAGE.command };
        page.exact_section("function", &format!("```python\n{}```\n", sample.unwrap().source));
    }
}

#[tokio::test]
async fn functions_of_every_form_run_unmodified() {
    let samples = Sample::all();
    for form in Form::ALL.map(Form::name) {
        let count = samples.iter().filter(|sample| sample.form == form).count();
        assert!(count >= 3, "{form} has {count} functions");
    }
    // The folder with the packages of .ci/forms.txt, if there is one.
    let packages = text_setting("FORM_PACKAGES");
    let env = CallEnv::start().await;
    let mut created = Vec::new();
    for sample in &samples {
        created.push((sample, sample.create(&env, packages.as_deref()).await));
    }
    env.settle().await;
    let mut problems = Vec::new();
    for (sample, id) in created {
        let detected = sample.detected_form(&env, &id).await;
        if detected != sample.form {
            problems.push(format!("{}/{} is found to be {detected}", sample.form, sample.name));
        }
        if sample.needs_packages() && packages.is_none() {
            continue;
        }
        for Exchange { request, answer: expected } in
            sample.exchanges_at(&format!("/invoke/{}/{id}", env.workspace))
        {
            let answer = request.send(&env, &id).await;
            let log = &env.logs(&id).await[0];
            let lines: Vec<String> = serde_json::from_value(log["logs"].clone()).unwrap();
            for difference in expected.differences(&answer, &lines) {
                let (form, name, method) = (sample.form, &sample.name, request.method());
                let path = request.path.as_deref().unwrap_or("/");
                problems.push(format!("{form}/{name}, {method} {path}: {difference}; {lines:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    PAGE.exact_section("what is tried", &table(&samples));
}
