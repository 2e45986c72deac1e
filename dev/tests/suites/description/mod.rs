//! `openapi.json` is generated from the routes, with examples of their responses. It fails where the
//! file differs; `UPDATE_EXPECT=1 cargo test --test suites` renews it.

mod document;
mod owners;
mod permissions;
mod scenario;

use std::collections::BTreeSet;

use emulator::route::Route;
use expect_test::expect_file;
use serde_json::Value;
use testkit::Event;

use document::Document;
use scenario::Story;

#[tokio::test]
async fn openapi_json_matches_the_routes_and_their_responses() {
    let mut document = Document::of_the_routes();
    let told = Story::begin().await.tell().await;
    for example in &told {
        document.show(example);
    }
    assert_eq!(document.gaps(), Vec::<String>::new());
    expect_file!["../../../../openapi.json"].assert_eq(&document.to_json());
}

#[tokio::test]
async fn every_route_is_documented_with_its_methods() {
    let story = Story::begin().await;
    let document = Document::of_the_routes();
    let mut described: BTreeSet<String> = document.paths().map(str::to_owned).collect();
    for (route, lambda) in story.routes() {
        let Some(path) = path_of_a_resource(route) else { continue };
        if PAGES.contains(&path) {
            continue;
        }
        assert!(described.remove(path), "{path} is a route that openapi.json doesn't describe");
        // A function's URL takes the methods of its function, which doesn't exist.
        if path.starts_with("/invoke/") {
            continue;
        }
        let answer = story.lambda(lambda).answer(Event::new("BREW", path)).await;
        answer.assert_error(405, "METHOD_NOT_ALLOWED");
        let allowed: BTreeSet<&str> = answer.header("allow").split(',').collect();
        let mut expected = document.methods(path);
        if expected.contains("GET") {
            expected.insert("HEAD");
        }
        expected.insert("OPTIONS");
        assert_eq!(allowed, expected, "{path}");
    }
    assert!(described.is_empty(), "described, and no route: {described:?}");
}

#[test]
fn every_tag_of_an_operation_is_declared() {
    let document: Value = serde_json::from_str(&Document::of_the_routes().to_json()).unwrap();
    let names = |tags: &Value| -> Vec<String> { serde_json::from_value(tags.clone()).unwrap() };
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let used: BTreeSet<String> =
        operations.flat_map(|operation| names(&operation["tags"])).collect();
    let tags = document["tags"].as_array().unwrap().iter();
    let declared = tags.map(|tag| tag["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(used, declared);
}

/// Pages for people, which are not described.
const PAGES: [&str; 4] = ["/openapi.json", "/docs", "/docs/{file}", "/redoc"];

/// The path of `ANY /a/{b}`. `None` for the default route and the greedy ones, which serve trailing
/// slashes and unknown paths.
fn path_of_a_resource(route: &Route) -> Option<&str> {
    route.key().strip_prefix("ANY ").filter(|path| !path.contains("+}"))
}
