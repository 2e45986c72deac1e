//! `template.yaml` is the source of routes and CORS. Everything else that names them agrees with it.

use std::collections::BTreeSet;
use std::process::Command;

use deployment::Deployment;
use emulator::project;
use emulator::route::{self, Route};
use emulator::template::{DEFAULT_REGION, Template};
use serde_json::Value;
use shared::http::cors::Cors;

fn template() -> Template {
    Template::read(&project::source_root().join("template.yaml"), DEFAULT_REGION).unwrap()
}

fn routes() -> Vec<(Route, String)> {
    let binary = |function: emulator::template::LambdaFunction| {
        let name = function.binary;
        function.routes.into_iter().map(move |route| (route, name.clone()))
    };
    template().functions.into_iter().flat_map(binary).collect()
}

/// The routes of `cargo lambda watch`, from the workspace's metadata.
fn watch_router() -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(project::source_root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let router = &metadata["metadata"]["lambda"]["watch"]["router"];
    let routes = router.as_object().unwrap().iter();
    routes.map(|(path, name)| (path.clone(), name.as_str().unwrap().to_owned())).collect()
}

/// `ANY /a/{b}` as the path of the watch router. `None` for the default route and the greedy ones,
/// which it can't express.
fn as_watch_path(route: &Route) -> Option<&str> {
    route.key().strip_prefix("ANY ").filter(|path| !path.contains("+}"))
}

#[test]
fn cargo_lambda_watch_routes_match_the_template() {
    let mut expected: Vec<_> = routes()
        .iter()
        .filter_map(|(route, name)| Some((as_watch_path(route)?.to_owned(), name.clone())))
        .collect();
    let mut found = watch_router();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

/// The paths of all `.route(…)` in a Lambda's source, in the template's notation.
fn routes_in_code(binary: &str) -> BTreeSet<String> {
    let folder = project::source_root().join("functions").join(binary).join("src");
    let mut named = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for after in source.split(".route(").skip(1) {
            let (_, literal) = after.split_once('"').unwrap();
            named.insert(literal.split('"').next().unwrap().replace("{*rest}", "{proxy+}"));
        }
    }
    named
}

#[test]
fn routers_match_the_template() {
    let of_apis = template().functions.into_iter().filter(|function| !function.routes.is_empty());
    for function in of_apis {
        let in_code = routes_in_code(&function.binary);
        let paths = function.routes.iter().filter_map(|route| route.key().strip_prefix("ANY "));
        let in_template: BTreeSet<String> = paths.map(str::to_owned).collect();
        let missing: Vec<_> = in_code.difference(&in_template).collect();
        assert!(missing.is_empty(), "{}: not in template.yaml: {missing:?}", function.binary);
        // Other greedy routes serve trailing slashes and unknown paths.
        let in_template = in_template.into_iter().filter(|path| !path.contains("+}"));
        let unknown: Vec<_> = in_template.filter(|path| !in_code.contains(path)).collect();
        assert!(unknown.is_empty(), "{}: no router has {unknown:?}", function.binary);
    }
}

#[test]
fn cors_of_lambdas_matches_the_gateway() {
    let gateway = template().cors.unwrap();
    assert_eq!(gateway, Cors::for_origins(gateway.origins.clone()));
    let default = ["http://localhost:3000", "http://localhost:5173"];
    assert_eq!(gateway.origins, default);
}

#[test]
fn every_documented_path_reaches_its_lambda() {
    for (path, lambda) in [
        ("/", "docs"),
        ("/health", "docs"),
        ("/nothing", "docs"),
        ("/api", "docs"),
        ("/api/workspaces", "workspaces"),
        ("/api/workspaces/ws-1", "workspaces"),
        ("/api/workspaces/ws-1/nothing", "workspaces"),
        ("/api/workspaces/ws-1/functions", "functions"),
        ("/api/workspaces/ws-1/functions/fn-1", "functions"),
        ("/api/workspaces/ws-1/functions/fn-1/nothing", "functions"),
        ("/api/workspaces/ws-1/functions/fn-1/keys", "functions"),
        ("/api/workspaces/ws-1/functions/fn-1/keys/key-1", "functions"),
        ("/api/workspaces/ws-1/functions/fn-1/logs", "logs"),
        ("/api/workspaces/ws-1/logs", "logs"),
        ("/api/workspaces/ws-1/functions/fn-1/invoke", "invocations"),
        ("/invoke/ws-1/fn-1", "invocations"),
        ("/invoke/ws-1/fn-1/a/b", "invocations"),
        ("/invoke/ws-1", "docs"),
    ] {
        for path in [path.to_owned(), format!("{}/", path.trim_end_matches('/'))] {
            for method in ["GET", "POST", "OPTIONS", "TRACE"] {
                let routes = routes();
                let found = route::select(&routes, method, &path).map(|(_, name, _)| name.as_str());
                assert_eq!(found, Some(lambda), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_deployment_routes_requests_as_the_template_says() {
    let api = Deployment::start().await;
    for path in ["/docs", "/docs/index.html", "/redoc", "/openapi.json"] {
        assert_eq!(api.lambda_of("GET", path), "docs", "{path}");
    }
    let answer = api.ask("GET", "/docs", None).await;
    assert!(answer.status < 400, "{}", answer.body);
}

#[test]
fn sample_events_match_the_gateways_routes() {
    let mut routes_seen = Vec::new();
    for entry in std::fs::read_dir(project::source_root().join("events")).unwrap() {
        let path = entry.unwrap().path();
        let event: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let method = event["requestContext"]["http"]["method"].as_str().unwrap();
        let routes = routes();
        let (route, _, parameters) =
            route::select(&routes, method, event["rawPath"].as_str().unwrap()).unwrap();
        let place = path.display();
        assert_eq!(event["routeKey"], route.key(), "{place}");
        assert_eq!(event["requestContext"]["routeKey"], route.key(), "{place}");
        for (name, value) in parameters {
            assert_eq!(event["pathParameters"][&name], value, "{place}");
        }
        routes_seen.push(route.key().to_owned());
    }
    for (route, _) in routes() {
        // Greedy and default routes serve unknown paths only.
        let is_resource = as_watch_path(&route).is_some();
        assert!(!is_resource || routes_seen.contains(&route.key().to_owned()), "{}", route.key());
    }
}
