//! CRUD, validation, versions, paging and CORS of workspaces.

use serde_json::{Value, json};
use testkit::faults::Fault;
use testkit::{Answer, Event, Lambda, TestEnv};

fn start() -> (TestEnv, Lambda) {
    let env = TestEnv::start().unwrap();
    let lambda = env.lambda("workspaces", workspaces::router(env.store.clone()));
    (env, lambda)
}

async fn created(lambda: &Lambda, name: &str) -> Value {
    let event = Event::fixture("create-workspace").json(&json!({ "name": name }));
    let answer = lambda.answer(event).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

fn path(workspace: &Value) -> String {
    format!("/api/workspaces/{}", workspace["id"].as_str().unwrap())
}

async fn list(lambda: &Lambda, query: &str) -> Answer {
    let event = Event::fixture("list-workspaces").at(&format!("/api/workspaces{query}"));
    lambda.answer(event).await
}

#[tokio::test]
async fn workspace_is_created_read_patched_and_deleted() {
    let (_env, lambda) = start();
    let event = Event::fixture("create-workspace");
    let request = event.body();
    let answer = lambda.answer(event).await;
    assert_eq!(answer.status, 201);
    answer.assert_shared();
    let made = answer.json();
    assert_eq!(made["name"], request["name"]);
    assert_eq!(made["description"], request["description"]);
    assert_eq!(made["functionCount"], 0);
    assert_eq!(made["invocations24h"], 0);
    assert!(made["errorRate"].is_number());
    let created_at = made["createdAt"].as_str().unwrap();
    assert_eq!((created_at.len(), &created_at[23..]), (24, "Z"), "{created_at}");
    let path = path(&made);
    assert_eq!(answer.header("location"), path);

    let read = lambda.answer(Event::fixture("get-workspace").at(&path)).await;
    assert_eq!((read.status, read.json()), (200, made.clone()));
    assert_eq!(list(&lambda, "").await.json(), json!([made]));

    let changed = lambda.answer(Event::fixture("update-workspace").at(&path)).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let changed = changed.json();
    assert_eq!(changed["name"], Event::fixture("update-workspace").body()["name"]);
    assert_eq!(changed["createdAt"], made["createdAt"]);
    let read = lambda.answer(Event::fixture("get-workspace").at(&path)).await;
    assert_eq!(read.json(), changed);

    let deleted = lambda.answer(Event::fixture("delete-workspace").at(&path)).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    deleted.assert_shared();
    for event in ["get-workspace", "update-workspace", "delete-workspace"] {
        lambda.answer(Event::fixture(event).at(&path)).await.assert_error(404, "NOT_FOUND");
    }
    assert_eq!(list(&lambda, "").await.json(), json!([]));
}

#[tokio::test]
async fn patch_changes_named_fields_only() {
    let (_env, lambda) = start();
    let event = Event::fixture("create-workspace")
        .json(&json!({"name": "팀 🚀", "description": "설명 ✨"}));
    let made = lambda.answer(event).await.json();
    let patch = |body: Value| Event::fixture("update-workspace").at(&path(&made)).json(&body);

    assert_eq!(lambda.answer(patch(json!({}))).await.json(), made);
    assert_eq!(lambda.answer(patch(json!({"name": "팀 🚀"}))).await.json(), made);
    let renamed = lambda.answer(patch(json!({"name": " 새 이름 "}))).await.json();
    assert_eq!(renamed["name"], "새 이름");
    assert_eq!(renamed["description"], "설명 ✨");
    let cleared = lambda.answer(patch(json!({"description": null}))).await.json();
    assert_eq!((&cleared["name"], &cleared["description"]), (&json!("새 이름"), &json!("")));
    let message =
        lambda.answer(patch(json!({"name": null}))).await.assert_error(422, "VALIDATION_ERROR");
    assert_eq!(message, "name must be a string");
    let read = lambda.answer(Event::fixture("get-workspace").at(&path(&made))).await;
    assert_eq!(read.json(), cleared, "a rejected patch changes nothing");
}

#[tokio::test]
async fn stale_if_match_returns_412() {
    let (_env, lambda) = start();
    let answer = lambda.answer(Event::fixture("create-workspace")).await;
    let (at, first) = (path(&answer.json()), answer.header("etag").to_owned());
    let patch = |name: &str, tag: &str| {
        let event = Event::fixture("update-workspace").at(&at).json(&json!({ "name": name }));
        lambda.answer(event.header("if-match", Some(tag)))
    };
    let read = lambda.answer(Event::fixture("get-workspace").at(&at)).await;
    assert_eq!(read.header("etag"), first);
    let changed = patch("둘째", &first).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let second = changed.header("etag").to_owned();
    assert_ne!(second, first);

    for stale in [first.as_str(), "\"none of ours\"", "W/\"1\"", ""] {
        let message = patch("셋째", stale).await.assert_error(412, "PRECONDITION_FAILED");
        assert!(message.contains("read it again"), "{message}");
        let delete = Event::fixture("delete-workspace").at(&at).header("if-match", Some(stale));
        lambda.answer(delete).await.assert_error(412, "PRECONDITION_FAILED");
        let empty = Event::fixture("update-workspace").at(&at).json(&json!({}));
        let empty = lambda.answer(empty.header("if-match", Some(stale))).await;
        empty.assert_error(412, "PRECONDITION_FAILED");
    }
    let read = lambda.answer(Event::fixture("get-workspace").at(&at)).await;
    assert_eq!((read.json(), read.header("etag")), (changed.json(), second.as_str()));

    assert_eq!(patch("넷째", &format!("{first}, {second}")).await.status, 200);
    assert_eq!(patch("다섯째", "*").await.status, 200);
    let delete = Event::fixture("delete-workspace").at(&at).header("if-match", Some("*"));
    assert_eq!(lambda.answer(delete).await.status, 204);
    patch("여섯째", "*").await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn unreachable_storage_returns_503_with_retry_after() {
    let (env, lambda) = start();
    let made = created(&lambda, "down").await;
    env.faults.inject(1, usize::MAX - 1, Fault::Unsent);
    for event in ["get-workspace", "update-workspace", "list-workspaces"] {
        let at = if event == "list-workspaces" { "/api/workspaces".into() } else { path(&made) };
        let answer = lambda.answer(Event::fixture(event).at(&at)).await;
        let message = answer.assert_error(503, "SERVICE_UNAVAILABLE");
        assert_eq!(
            message,
            "storage or the engine is busy or not reachable; try again in a moment"
        );
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    assert!(env.faults.clear());
    let read = lambda.answer(Event::fixture("get-workspace").at(&path(&made))).await;
    assert_eq!(read.json(), made);
}

#[tokio::test]
async fn unreadable_item_does_not_hide_other_workspaces() {
    let (env, lambda) = start();
    let made = created(&lambda, "ours").await;
    let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.into());
    let put = env.dynamodb.put_item().table_name(&env.config.table);
    let put = put.item("PK", text("WS#ws-0foreign")).item("SK", text("METADATA"));
    let put = put.item("GSI1PK", text("OWNER#anonymous")).item("GSI1SK", text("WS#ws-0foreign"));
    put.send().await.unwrap();
    assert_eq!(list(&lambda, "").await.json(), json!([made]));
    let unreadable =
        lambda.answer(Event::fixture("get-workspace").at("/api/workspaces/ws-0foreign")).await;
    unreadable.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn workspaces_are_listed_in_creation_order_in_pages() {
    let (_env, lambda) = start();
    let mut made = Vec::new();
    for i in 0..7 {
        made.push(created(&lambda, &format!("w{i}")).await);
        // Ids sort by their creation time, in milliseconds.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let all = list(&lambda, "").await;
    assert_eq!(all.json(), json!(made));
    assert_eq!(all.next(), None);
    assert_eq!(
        list(&lambda, "?limit=7").await.next(),
        None,
        "the last page has no link, even if full"
    );

    let mut paged = Vec::new();
    let mut next = Some("/api/workspaces?limit=3".to_owned());
    let mut sizes = Vec::new();
    while let Some(at) = next {
        let page = lambda.answer(Event::fixture("list-workspaces").at(&at)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let items = page.json().as_array().unwrap().clone();
        sizes.push(items.len());
        paged.extend(items);
        next = page.next().map(str::to_owned);
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(paged, made);
}

#[tokio::test]
async fn list_above_the_response_limit_has_a_next_link() {
    let (_env, lambda) = start();
    // 1,000 backslashes are 4 KB in the answer, which is JSON within JSON: 1,500 exceed 6 MB.
    let description = "\\".repeat(1000);
    for chunk in 0..75 {
        let creations = (0..20).map(|i| {
            let name = format!("{chunk}-{i}");
            let body = json!({"name": name, "description": description});
            lambda.answer(Event::fixture("create-workspace").json(&body))
        });
        for answer in futures_util::future::join_all(creations).await {
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
    }
    let first = list(&lambda, "").await;
    let count = first.json().as_array().unwrap().len();
    assert!(serde_json::to_string(&first.body).unwrap().len() < 6_291_556);
    let rest = lambda.answer(Event::fixture("list-workspaces").at(first.next().unwrap())).await;
    assert_eq!(count + rest.json().as_array().unwrap().len(), 1500);
    assert_eq!(rest.next(), None);
}

#[tokio::test]
async fn invalid_query_parameters_return_422() {
    let (_env, lambda) = start();
    for query in ["?limit=abc", "?limit=0", "?limit=1001", "?limit=", "?limit=-1", "?limit=%2B5"] {
        let message = list(&lambda, query).await.assert_error(422, "VALIDATION_ERROR");
        assert_eq!(message, "limit must be a whole number from 1 to 1000", "{query}");
    }
    let answer = list(&lambda, "?cursor=x").await;
    answer.assert_error(422, "VALIDATION_ERROR");
    assert_eq!(answer.json()["error"]["details"], json!({"field": "cursor"}));
}

#[tokio::test]
async fn invalid_bodies_are_rejected_and_create_nothing() {
    let (_env, lambda) = start();
    let post = || Event::fixture("create-workspace");
    let malformed =
        |event| async { lambda.answer(event).await.assert_error(400, "MALFORMED_JSON") };
    assert_eq!(malformed(post().text("")).await, "the body is empty; send a JSON object");
    assert_eq!(malformed(post().text("{")).await, "the body is not JSON: line 1, column 1");
    assert_eq!(
        malformed(post().bytes(b"{\"name\":\"\xff\"}")).await,
        "the body is not UTF-8 from byte 9 on"
    );
    malformed(post().text("[".repeat(100_000))).await;

    for (body, message) in [
        (json!([]), "the body must be a JSON object"),
        (json!({}), "name is required"),
        (json!({"name": "  "}), "name must not be empty"),
        (json!({"name": "x".repeat(101)}), "name must be at most 100 characters, and has 101"),
        (json!({"name": "a\u{1}"}), "name must not contain control characters"),
        (json!({"name": "a", "description": 1}), "description must be a string or null"),
        (
            json!({"name": "a", "description": "x".repeat(1001)}),
            "description must be at most 1000 characters, and has 1001",
        ),
    ] {
        let answer = lambda.answer(post().json(&body)).await;
        assert_eq!(answer.assert_error(422, "VALIDATION_ERROR"), message);
    }

    let text = post().header("content-type", Some("text/plain"));
    let message = lambda.answer(text).await.assert_error(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(message, "the body must be application/json, not text/plain");
    let untyped = post().header("content-type", None);
    assert_eq!(lambda.answer(untyped).await.status, 201);

    let large = json!({"name": "a", "description": "x".repeat(shared::http::MAX_BODY_BYTES)});
    let message = lambda.answer(post().json(&large)).await.assert_error(413, "PAYLOAD_TOO_LARGE");
    let size = large.to_string().len();
    assert_eq!(message, format!("the body is {size} bytes long; the limit is 4500000 bytes"));
    assert_eq!(list(&lambda, "").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn validation_errors_precede_not_found() {
    let (_env, lambda) = start();
    for id in ["ws-01jd0000000000000000000000", "not-an-id", "ws-%23%2F", "ws-한글", "a b", "%FF"]
    {
        let at = format!("/api/workspaces/{id}");
        let patch = Event::fixture("update-workspace").at(&at);
        let bad = patch.clone().json(&json!({"name": 1}));
        lambda.answer(bad).await.assert_error(422, "VALIDATION_ERROR");
        lambda.answer(patch).await.assert_error(404, "NOT_FOUND");
        lambda.answer(Event::fixture("get-workspace").at(&at)).await.assert_error(404, "NOT_FOUND");
        lambda.answer(Event::new("DELETE", &at)).await.assert_error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn other_methods_return_405_and_other_paths_404() {
    let (_env, lambda) = start();
    for (method, path, allow) in [
        ("PUT", "/api/workspaces", "GET,HEAD,POST,OPTIONS"),
        ("DELETE", "/api/workspaces/", "GET,HEAD,POST,OPTIONS"),
        ("POST", "/api/workspaces/ws-1", "GET,HEAD,PATCH,DELETE,OPTIONS"),
        ("TRACE", "/api/workspaces/ws-1", "GET,HEAD,PATCH,DELETE,OPTIONS"),
    ] {
        let answer = lambda.answer(Event::new(method, path)).await;
        let message = answer.assert_error(405, "METHOD_NOT_ALLOWED");
        assert!(message.starts_with(method), "{message}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
    let nowhere = lambda.answer(Event::new("GET", "/api/workspaces/ws-1/nothing")).await;
    assert_eq!(
        nowhere.assert_error(404, "NOT_FOUND"),
        "there is nothing at /api/workspaces/ws-1/nothing"
    );
}

#[tokio::test]
async fn trailing_slash_and_head_are_supported() {
    let (_env, lambda) = start();
    let made = created(&lambda, "one").await;
    let slashed = format!("{}/", path(&made));
    let read = lambda.answer(Event::fixture("get-workspace").at(&slashed)).await;
    assert_eq!(read.json(), made);
    assert_eq!(list(&lambda, "/").await.json(), json!([made]));
    let head = lambda.answer(Event::new("HEAD", &path(&made))).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    head.assert_shared();
    let head = lambda.answer(Event::new("HEAD", "/api/workspaces/ws-none")).await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn preflight_needs_no_storage_and_other_origins_get_no_cors_headers() {
    let mut env = TestEnv::start().unwrap();
    env.config.table = "no-such-table".into();
    let store =
        shared::store::Store::with_clients(env.dynamodb.clone(), env.s3.clone(), &env.config);
    let lambda = env.lambda("workspaces", workspaces::router(store));
    let preflight = lambda.answer(Event::fixture("preflight")).await;
    assert_eq!(preflight.status, 204);
    preflight.assert_shared();
    assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
    assert!(preflight.header("access-control-max-age").parse::<u32>().unwrap() >= 600);

    let plain = Event::new("OPTIONS", "/api/workspaces").header("origin", None);
    let plain = lambda.answer(plain).await;
    assert_eq!((plain.status, plain.header("allow")), (204, "GET,HEAD,POST,OPTIONS"));
    let nowhere = Event::new("OPTIONS", "/nowhere");
    lambda.answer(nowhere).await.assert_error(404, "NOT_FOUND");

    let foreign = Event::fixture("list-workspaces").header("origin", Some("http://evil.example"));
    let answer = lambda.answer(foreign).await;
    let cors = answer.headers.keys().filter(|name| name.starts_with("access-control-")).count();
    assert_eq!(cors, 0, "{:?}", answer.headers);

    // A missing table is an internal error, and its name appears in the log only.
    let message = list(&lambda, "").await.assert_error(500, "INTERNAL_ERROR");
    assert!(!message.contains("no-such-table"), "{message}");
}
