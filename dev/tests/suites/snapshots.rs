//! What is made from `template.yaml` and `openapi.json`: the watch router in `Cargo.toml`, the
//! events of `events/` and README's table of routes. `cargo snapshots` writes them.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use emulator::project;
use emulator::route::{self, Route};
use emulator::template::{DEFAULT_REGION, Template};
use expect_test::expect_file;
use serde_json::{Map, Value, json};
use testkit::Form;

/// The identifiers of every event.
const PATH_PARAMETERS: [(&str, &str); 5] = [
    ("workspaceId", "ws-01jd0000000000000000000000"),
    ("functionId", "fn-01jd0000000000000000000000"),
    ("keyId", "key-01jd0000000000000000000000"),
    ("taskId", "tk-01jd0000000000000000000000-01jd0000000000000000000000"),
    ("file", "swagger-ui.css"),
];

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/143.0.0.0 Safari/537.36";
const DOMAIN: &str = "a1b2c3d4e5.execute-api.ap-northeast-2.amazonaws.com";

fn read(path: &str) -> String {
    std::fs::read_to_string(project::source_root().join(path)).unwrap()
}

/// Every route of the template with its Lambda.
fn routes() -> Vec<(Route, String)> {
    let template = project::source_root().join("template.yaml");
    let functions = Template::read(&template, DEFAULT_REGION).unwrap().functions;
    let routes = functions.into_iter().flat_map(|function| {
        let lambda = function.binary;
        function.routes.into_iter().map(move |route| (route, lambda.clone()))
    });
    routes.collect()
}

/// The path of a resource; `None` for the default route and the greedy ones, which take slashes at
/// the end and what doesn't exist.
fn resource(route: &Route) -> Option<&str> {
    route.key().strip_prefix("ANY ").filter(|path| !path.contains("+}"))
}

fn openapi() -> Value {
    serde_json::from_str(&read("openapi.json")).unwrap()
}

/// The operations of `openapi.json`: method, path and what is said of them.
fn operations(openapi: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
    let paths = openapi["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

/// `text` with what is between two marks replaced.
fn with_section(text: &str, begin: &str, end: &str, section: &str) -> String {
    let from = text.find(begin).unwrap_or_else(|| panic!("there is no {begin}")) + begin.len();
    let to = from + text[from..].find(end).unwrap_or_else(|| panic!("there is no {end}"));
    format!("{}{section}{}", &text[..from], &text[to..])
}

#[test]
fn watch_router_is_made_from_the_template() {
    let routes = routes();
    let order = ["docs", "workspaces", "functions", "builds", "invocations", "logs"];
    let lambdas: BTreeSet<&str> = routes.iter().map(|(_, lambda)| lambda.as_str()).collect();
    assert_eq!(lambdas, BTreeSet::from(order), "every Lambda with routes has a place");
    let lines = order.iter().flat_map(|of| {
        let mut paths: Vec<&str> = routes
            .iter()
            .filter(|(_, lambda)| lambda == of)
            .filter_map(|(route, _)| resource(route))
            .collect();
        paths.sort_unstable();
        paths.into_iter().map(move |path| format!("\"{path}\" = \"{of}\"\n"))
    });
    let section: String = lines.collect();
    let begin = "[workspace.metadata.lambda.watch.router]\n";
    let manifest = with_section(&read("Cargo.toml"), begin, "\n[", &section);
    expect_file!["../../../Cargo.toml"].assert_eq(&manifest);
}

#[test]
fn readme_table_is_made_from_the_description_and_the_template() {
    let (openapi, routes) = (openapi(), routes());
    let mut table =
        "| Method | Path | What it does | Lambda |\n| --- | --- | --- | --- |\n".to_owned();
    for (method, path, operation) in operations(&openapi) {
        let (_, lambda, _) = route::select(&routes, &method, path).unwrap();
        let summary = operation["summary"].as_str().unwrap();
        table.push_str(&format!("| `{method}` | `{path}` | {summary} | {lambda} |\n"));
    }
    let marks = ["<!-- routes: begin -->\n", "<!-- routes: end -->"];
    let readme = with_section(&read("README.md"), marks[0], marks[1], &table);
    expect_file!["../../../README.md"].assert_eq(&readme);
}

#[test]
fn events_are_made_from_the_description_and_the_template() {
    let openapi = openapi();
    let mut events = BTreeMap::new();
    for (method, path, operation) in operations(&openapi) {
        let id = operation["operationId"].as_str().unwrap();
        // A function's URL takes several methods; one event stands for all.
        let id = match id.split_once("With") {
            Some((id, "Post")) => id,
            Some(_) => continue,
            None => id,
        };
        let content = &operation["requestBody"]["content"];
        let example = &content["application/json"]["example"];
        let name = kebab_case(id);
        let body = (!example.is_null()).then(|| body_of(&name).unwrap_or(example.to_string()));
        let mut event = event(&method, path, body);
        if let Some(fields) = content["multipart/form-data"]["example"].as_object() {
            let (kind, body) = form(fields).content();
            let length = body.len().to_string();
            event["headers"]["content-type"] = json!(kind);
            event["headers"]["content-length"] = json!(length);
            event["body"] = json!(STANDARD.encode(body));
            event["isBase64Encoded"] = json!(true);
        }
        events.insert(name, event);
    }
    for (route, _) in &routes() {
        let Some(path) = resource(route).filter(|path| openapi["paths"].get(path).is_none()) else {
            continue;
        };
        let name = path.trim_matches('/').replace("/{", "-").replace('}', "").replace(".json", "");
        events.insert(name, event("GET", path, None));
    }
    events.insert("preflight".to_owned(), preflight());
    let folder = project::source_root().join("events");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let stems = files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned());
    if std::env::var_os("UPDATE_EXPECT").is_none() {
        assert_eq!(stems.collect::<BTreeSet<_>>(), events.keys().cloned().collect());
    }
    for (name, event) in events {
        let text = serde_json::to_string_pretty(&event).unwrap() + "\n";
        expect_file![folder.join(format!("{name}.json"))].assert_eq(&text);
    }
}

/// The body of the event that is there: written by hand, it stays. A new one starts with the
/// description's example.
fn body_of(event: &str) -> Option<String> {
    let path = project::source_root().join("events").join(format!("{event}.json"));
    let event: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    event["body"].as_str().map(str::to_owned)
}

/// The form of an example.
fn form(fields: &Map<String, Value>) -> Form {
    fields.iter().fold(Form::default(), |form, (name, value)| match name.as_str() {
        "file" => form.file("function.py", value.as_str().unwrap().as_bytes()),
        name => form.field(name, value.as_str().unwrap()),
    })
}

/// `createWorkspace` as `create-workspace`.
fn kebab_case(id: &str) -> String {
    let letters = id.chars().flat_map(|c| {
        let dash = c.is_ascii_uppercase().then_some('-');
        dash.into_iter().chain([c.to_ascii_lowercase()])
    });
    letters.collect()
}

fn preflight() -> Value {
    let mut event = event("OPTIONS", "/api/workspaces", None);
    let headers = event["headers"].as_object_mut().unwrap();
    headers.remove("content-type");
    headers.insert("access-control-request-method".into(), json!("POST"));
    headers.insert("access-control-request-headers".into(), json!("content-type"));
    event
}

/// The event of API Gateway, payload 2.0, for a request of the console.
fn event(method: &str, path: &str, body: Option<String>) -> Value {
    let routes = routes();
    let (route, ..) = route::select(&routes, method, path).unwrap();
    let mut raw_path = path.to_owned();
    let mut parameters = serde_json::Map::new();
    for (name, value) in PATH_PARAMETERS {
        let placeholder = format!("{{{name}}}");
        if raw_path.contains(&placeholder) {
            raw_path = raw_path.replace(&placeholder, value);
            parameters.insert(name.into(), value.into());
        }
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key(),
        "rawPath": raw_path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "accept-encoding": "gzip, deflate, br, zstd",
            "accept-language": "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7",
            "content-length": body.as_ref().map_or(0, String::len).to_string(),
            "content-type": "application/json",
            "host": DOMAIN,
            "origin": "http://localhost:5173",
            "referer": "http://localhost:5173/",
            "sec-fetch-dest": "empty",
            "sec-fetch-mode": "cors",
            "sec-fetch-site": "cross-site",
            "user-agent": AGENT,
            "x-amzn-trace-id": "Root=1-697dc6dc-916a74d0a2b51ed8fe5790e1",
            "x-forwarded-for": "203.0.113.10",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "a1b2c3d4e5",
            "domainName": DOMAIN,
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.10",
                "userAgent": AGENT,
            },
            "requestId": "Ndx1tkxEqfIV/Uo=",
            "routeKey": route.key(),
            "stage": "$default",
            "time": "31/Jan/2026:09:05:08 +0000",
            "timeEpoch": 1_769_850_308_123_i64,
        },
        "isBase64Encoded": false,
    });
    if !parameters.is_empty() {
        event["pathParameters"] = Value::Object(parameters);
    }
    if let Some(body) = body {
        event["body"] = Value::String(body);
    }
    event
}
