//! CRUD, validation, versions and paging of functions.

use crate::env::RouterEnv;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::domain::{Clock, Expected, Owner, Timestamp};
use testkit::Event;

async fn items(env: &RouterEnv) -> usize {
    let scanned = env.env.dynamodb.scan().table_name(&env.env.config.table).send().await;
    scanned.unwrap().items().len()
}

/// A comment that zlib barely compresses, so its source is stored in the bucket.
fn noise(bytes: usize) -> String {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b' ' + (state % 95) as u8)
    };
    std::iter::once('#').chain((1..bytes).map(|_| letter())).collect()
}

#[tokio::test]
async fn function_is_created_read_patched_and_deleted() {
    let env = RouterEnv::start().await;
    let event = Event::fixture("create-function").at(&env.path());
    let request = event.body();
    let answer = env.lambda.answer(event).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.assert_shared();
    let made = answer.json();
    for field in [
        "name",
        "description",
        "runtime",
        "memory",
        "timeout",
        "httpMethods",
        "environmentVariables",
        "code",
    ] {
        assert_eq!(made[field], request[field], "{field}");
    }
    assert_eq!(made["workspaceId"], env.workspace.as_str());
    assert_eq!(made["status"], "active");
    assert_eq!((&made["invocationUrl"], &made["lastDeployed"]), (&Value::Null, &Value::Null));
    assert_eq!(answer.header("location"), env.path_of(&made));
    assert_eq!(env.read(&made).await.json(), made);
    assert_eq!(env.list("").await.json(), json!([made]));
    assert_eq!(env.function_count().await, 1);

    let event = Event::fixture("update-function").at(&env.path_of(&made));
    let changes = event.body();
    let changed = env.lambda.answer(event).await.json();
    for (field, value) in changes.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{field}");
    }
    assert!(changed["lastModified"].as_str() >= made["lastModified"].as_str());
    assert_eq!(env.read(&made).await.json(), changed);

    let deleted = env.delete(&made).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    env.read(&made).await.assert_error(404, "NOT_FOUND");
    env.patch(&made, &json!({"name": "x"})).await.assert_error(404, "NOT_FOUND");
    env.delete(&made).await.assert_error(404, "NOT_FOUND");
    assert_eq!(env.list("").await.json(), json!([]));
    assert_eq!(env.function_count().await, 0);
    assert_eq!(items(&env).await, 2, "the workspace and its owner's count");
}

#[tokio::test]
async fn patch_changes_named_fields_and_last_modified() {
    let mut env = RouterEnv::start().await;
    let clock = Clock::standing_at("2026-01-31T09:05:00.000Z".parse::<Timestamp>().unwrap());
    let store = env.env.store.clone().with_clock(clock.clone());
    env.lambda = env.env.lambda("functions", functions::router(store));
    let made = env.created("처음 🌱", "print(1)").await;
    clock.set("2026-01-31T09:05:00.001Z".parse::<Timestamp>().unwrap());

    let same = json!({"name": "처음 🌱", "code": made["code"], "httpMethods": ["get"], "memory": 256,
        "environmentVariables": {}, "status": "active"});
    for body in [json!({}), json!({"unknown": 1, "invocationUrl": "http://evil.example"}), same] {
        assert_eq!(env.patch(&made, &body).await.json(), made, "{body}");
    }
    assert_eq!(env.objects().await.len(), 1, "an unchanged source writes no object");

    let all = json!({
        "name": "바뀜", "description": "설명 ✨", "runtime": "Python 3.13", "memory": 128,
        "timeout": 900, "httpMethods": ["delete", "POST"], "environmentVariables": {"KEY": "값"},
        "code": STANDARD.encode("print('둘')"), "status": "disabled",
    });
    for (field, value) in all.as_object().unwrap() {
        let before = env.read(&made).await.json();
        let after = env.patch(&made, &json!({ field: value })).await.json();
        for (other, was) in before.as_object().unwrap() {
            if other == field {
                assert_ne!(&after[other], was, "{field}");
            } else if other != "lastModified" {
                assert_eq!(&after[other], was, "{other} after a change of {field}");
            }
        }
        assert!(after["lastModified"].as_str() > made["lastModified"].as_str(), "{field}");
        assert_eq!(env.read(&made).await.json(), after);
    }
    let cleared = env.patch(&made, &json!({"description": null})).await.json();
    assert_eq!(cleared["description"], "");
    for field in all.as_object().unwrap().keys().filter(|field| *field != "description") {
        let answer = env.patch(&made, &json!({ field: null })).await;
        let message = answer.assert_error(422, "VALIDATION_ERROR");
        assert!(message.starts_with(field.as_str()), "{message}");
        assert_eq!(answer.json()["error"]["details"], json!({ "field": field }));
    }
    assert_eq!(env.read(&made).await.json(), cleared);
}

#[tokio::test]
async fn stale_if_match_returns_412() {
    let env = RouterEnv::start().await;
    let made = env.created("versioned", "print(1)").await;
    let first = env.read(&made).await.header("etag").to_owned();
    let with_tag = |event: &str, body: &Value, tag: &str| {
        let event = Event::fixture(event).at(&env.path_of(&made)).json(body);
        env.lambda.answer(event.header("if-match", Some(tag)))
    };
    let rename = json!({"name": "이름"});
    let second = with_tag("update-function", &rename, &first).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let source = json!({"code": STANDARD.encode("print(2)")});
    for body in [&source, &json!({"name": "other"}), &json!({})] {
        let answer = with_tag("update-function", body, &first).await;
        answer.assert_error(412, "PRECONDITION_FAILED");
    }
    with_tag("delete-function", &json!({}), &first).await.assert_error(412, "PRECONDITION_FAILED");
    assert_eq!(env.read(&made).await.json(), second.json());
    assert_eq!(env.objects().await.len(), 1, "a rejected patch leaves no source");

    let third = with_tag("update-function", &source, second.header("etag")).await;
    assert_eq!((third.status, &third.json()["code"]), (200, &source["code"]));
    assert_eq!(env.read(&made).await.header("etag"), third.header("etag"));
    let deleted = with_tag("delete-function", &json!({}), third.header("etag")).await;
    assert_eq!(deleted.status, 204);
}

#[tokio::test]
async fn code_up_to_1_mib_round_trips() {
    let env = RouterEnv::start().await;
    for source in
        ["x".to_owned(), "# 안녕 👋\r\n\t".repeat(50), noise(900 * 1024), noise(1024 * 1024)]
    {
        let made = env.created("code", &source).await;
        assert_eq!(made["code"], STANDARD.encode(&source));
        assert_eq!(env.read(&made).await.json()["code"], made["code"]);
    }
    let larger = json!({"name": "a", "code": STANDARD.encode(noise(1024 * 1024 + 1))});
    let message = env.create(&larger).await.assert_error(422, "VALIDATION_ERROR");
    assert_eq!(message, "code must be at most 1048576 bytes of source, and has 1048577");
    let wrapped: String = STANDARD
        .encode("print(1)\n".repeat(20))
        .as_bytes()
        .chunks(76)
        .fold(String::new(), |text, line| text + std::str::from_utf8(line).unwrap() + "\r\n");
    let answer = env.create(&json!({"name": "a", "code": wrapped.replace('=', "")})).await;
    assert_eq!(answer.json()["code"], STANDARD.encode("print(1)\n".repeat(20)));
}

#[tokio::test]
async fn large_functions_are_paged_below_the_response_limit() {
    let env = RouterEnv::start().await;
    let source = noise(700 * 1024);
    let mut made = Vec::new();
    for i in 0..10 {
        made.push(env.created(&format!("large {i}"), &source).await);
    }
    let mut listed = Vec::new();
    let mut next = Some(env.path());
    let mut answers = 0;
    while let Some(at) = next {
        let page = env.lambda.answer(Event::fixture("list-functions").at(&at)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(serde_json::to_string(&page.body).unwrap().len() < 6_291_556);
        listed.extend(page.json().as_array().unwrap().clone());
        next = page.next().map(str::to_owned);
        answers += 1;
    }
    assert_eq!(listed, made);
    assert_eq!(answers, 2, "the first answer holds six");
}

#[tokio::test]
async fn deleted_workspace_returns_404_on_every_function_route() {
    let env = RouterEnv::start().await;
    let made = env.created("orphan", "print(1)").await;
    let owner = Owner::anonymous();
    env.env.store.delete_workspace(&owner, &env.workspace, &Expected::Any).await.unwrap();
    env.list("").await.assert_error(404, "NOT_FOUND");
    env.read(&made).await.assert_error(404, "NOT_FOUND");
    env.patch(&made, &json!({"name": "x"})).await.assert_error(404, "NOT_FOUND");
    env.patch(&made, &json!({"code": "eA=="})).await.assert_error(404, "NOT_FOUND");
    env.delete(&made).await.assert_error(404, "NOT_FOUND");
    let message =
        env.create(&json!({"name": "x", "code": "eA=="})).await.assert_error(404, "NOT_FOUND");
    assert_eq!(message, format!("there is no workspace {}", env.workspace));
    assert_eq!(env.objects().await.len(), 1, "a rejected patch leaves no source");
}

#[tokio::test]
async fn functions_of_a_partly_purged_workspace_return_404() {
    let env = RouterEnv::start().await;
    let made = env.created("hidden", "print(1)").await;
    // The state that an interrupted purge leaves.
    let key = aws_sdk_dynamodb::types::AttributeValue::S;
    env.env
        .dynamodb
        .update_item()
        .table_name(&env.env.config.table)
        .key("PK", key(format!("WS#{}", env.workspace)))
        .key("SK", key("METADATA".into()))
        .update_expression("SET deletedAt = :now")
        .expression_attribute_values(":now", key("2026-01-01T00:00:00.000Z".into()))
        .send()
        .await
        .unwrap();
    env.list("").await.assert_error(404, "NOT_FOUND");
    env.read(&made).await.assert_error(404, "NOT_FOUND");
    env.patch(&made, &json!({"name": "x"})).await.assert_error(404, "NOT_FOUND");
    env.patch(&made, &json!({})).await.assert_error(404, "NOT_FOUND");
    env.delete(&made).await.assert_error(404, "NOT_FOUND");
    env.create(&json!({"name": "x", "code": "eA=="})).await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn function_returns_404_in_another_workspace() {
    let env = RouterEnv::start().await;
    let made = env.created("mine", "print(1)").await;
    let other = env.env.new_workspace().await;
    let at = format!("/api/workspaces/{other}/functions/{}", made["id"].as_str().unwrap());
    for (method, body) in
        [("GET", json!({})), ("PATCH", json!({"name": "x"})), ("DELETE", json!({}))]
    {
        let answer = env.lambda.answer(Event::new(method, &at).json(&body)).await;
        answer.assert_error(404, "NOT_FOUND");
    }
    assert_eq!(env.read(&made).await.json(), made);
}

#[tokio::test]
async fn create_and_patch_validate_every_field() {
    let env = RouterEnv::start().await;
    let made = env.created("rules", "print(1)").await;
    for (field, value, reason) in [
        ("name", json!(""), "must not be empty"),
        ("name", json!("가".repeat(101)), "must be at most 100 characters, and has 101"),
        ("description", json!("x".repeat(1001)), "must be at most 1000 characters, and has 1001"),
        (
            "runtime",
            json!("Python 2.7"),
            "must be one of \"Python 3.11\", \"Python 3.12\", \"Python 3.13\"",
        ),
        ("memory", json!(64), "must be 128 to 1024 MB"),
        ("memory", json!("256"), "must be a whole number"),
        ("timeout", json!(901), "must be 1 to 900 seconds"),
        ("httpMethods", json!([]), "must hold at least one method"),
        (
            "httpMethods",
            json!(["TRACE"]),
            "must hold methods; each must be one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS",
        ),
        (
            "environmentVariables",
            json!({"AWS_REGION": "x"}),
            "must not set AWS_REGION: AWS_* and LAMBDA_* are reserved",
        ),
        ("environmentVariables", json!({"A": 1}), "must be an object of strings, and A is not one"),
        ("code", json!("print(1)"), "must be standard base64 (A-Z a-z 0-9 + / and =)"),
        ("code", json!(""), "must not be empty"),
        ("code", json!("/w=="), "must be base64 of Python source in UTF-8"),
    ] {
        let mut body = json!({"name": "a", "code": "eA=="});
        body[field] = value.clone();
        let message = env.create(&body).await.assert_error(422, "VALIDATION_ERROR");
        assert_eq!(message, format!("{field} {reason}"));
        let message =
            env.patch(&made, &json!({ field: value })).await.assert_error(422, "VALIDATION_ERROR");
        assert_eq!(message, format!("{field} {reason}"));
    }
    let status = env.patch(&made, &json!({"status": "paused"})).await;
    assert_eq!(
        status.assert_error(422, "VALIDATION_ERROR"),
        "status must be one of active, disabled"
    );
    let message = env.list("?limit=abc").await.assert_error(422, "VALIDATION_ERROR");
    assert_eq!(message, "limit must be a whole number from 1 to 1000");
    assert_eq!(env.list("").await.json(), json!([made]), "nothing was created or changed");
    assert_eq!(env.function_count().await, 1);
}

#[tokio::test]
async fn syntax_error_returns_422_with_line_and_column() {
    let env = RouterEnv::start().await;
    let made = env.created("syntax", "print(1)").await;
    let code = STANDARD.encode("def handler(event, context):\n    return {}\n\ndef 인사()\n");
    let created = env.create(&json!({"name": "a", "code": code, "runtime": "Python 3.11"})).await;
    let patched = env.patch(&made, &json!({"code": code})).await;
    for (answer, python) in [(created, "Python 3.11"), (patched, "Python 3.13")] {
        let message = answer.assert_error(422, "VALIDATION_ERROR");
        let problem = "line 4, column 9: expected `:`, found newline";
        assert_eq!(message, format!("code is not Python that {python} can read: {problem}"));
        let details = json!({"field": "code", "line": 4, "column": 9});
        assert_eq!(answer.json()["error"]["details"], details);
    }

    // The runtime in the same body decides the syntax; without one, the newest does.
    let newer = STANDARD.encode("type A = int");
    let older = json!({"code": newer, "runtime": "Python 3.11"});
    env.patch(&made, &older).await.assert_error(422, "VALIDATION_ERROR");
    assert_eq!(env.list("").await.json(), json!([made]), "nothing was created or changed");
    assert_eq!(env.patch(&made, &json!({"code": newer})).await.status, 200);
    // A runtime alone is checked against the source that is there.
    let older = env.patch(&made, &json!({"runtime": "Python 3.11"})).await;
    let message = older.assert_error(422, "VALIDATION_ERROR");
    assert!(message.starts_with("code is not Python that Python 3.11 can read"), "{message}");
    assert_eq!(env.patch(&made, &json!({"runtime": "Python 3.13"})).await.status, 200);
}

#[tokio::test]
async fn missing_source_returns_500_without_the_object_key() {
    let env = RouterEnv::start().await;
    let made = env.created("lost", &noise(100 * 1024)).await;
    for (key, _) in env.objects().await {
        env.env.s3.delete_object().bucket(&env.env.config.bucket).key(key).send().await.unwrap();
    }
    let message = env.read(&made).await.assert_error(500, "INTERNAL_ERROR");
    assert!(!message.contains("code/"), "{message}");
    let other = env.created("found", "print(1)").await;
    assert_eq!(env.list("").await.json(), json!([other]), "other functions are still listed");
}
