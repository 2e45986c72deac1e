//! `template.yaml` is the source of routes and CORS, and the Lambdas agree with it.

use std::collections::BTreeSet;

use deployment::Deployment;
use emulator::project;
use emulator::route::{self, Route};
use emulator::template::{DEFAULT_REGION, Template};
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
        ("/api/functions/fn-1/loki-logs", "logs"),
        ("/api/functions/fn-1/metrics", "logs"),
        ("/api/functions/fn-1/nothing", "logs"),
        ("/api/v1/build-and-push", "builds"),
        ("/api/v1/tasks/tk-1-1", "builds"),
        ("/api/v1/workspaces/ws-1/tasks", "builds"),
        ("/api/v1/deploy", "builds"),
        ("/api/v1/nothing", "builds"),
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
async fn deployment_routes_requests_by_the_template() {
    let api = Deployment::start().await;
    for path in ["/docs", "/docs/index.html", "/redoc", "/openapi.json"] {
        assert_eq!(api.lambda_of("GET", path), "docs", "{path}");
    }
    let answer = api.ask("GET", "/docs", None).await;
    assert!(answer.status < 400, "{}", answer.body);
}
