//! What a build takes, refuses and keeps.

use std::io::{Cursor, Write};

use serde_json::json;
use shared::domain::Code;
use testkit::{Event, Form};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::env::{BUILD, BuildEnv, OTHER, SOURCE};

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_build_has_a_task_and_its_source_is_kept() {
    let env = BuildEnv::start().await;
    let answer = env.post(env.form("hello").file("app.py", SOURCE.as_bytes())).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.assert_shared();
    assert_eq!(answer.json()["status"], "pending");
    let sha = Code::try_from(SOURCE.to_owned()).unwrap().sha256();
    let image = format!("faas://{}/hello:{}", env.workspace, &sha[..16]);
    let id = answer.json()["task_id"].clone();
    assert_eq!(
        env.task(id.as_str().unwrap()).await,
        json!({
            "task_id": id, "status": "done", "error": null,
            "result": {"image_url": image, "wasm_path": null, "file_path": "app.py"},
        })
    );
    let key = format!("builds/{}/{}.py", env.workspace, &sha[..16]);
    let object = env.env.s3.get_object().bucket(&env.env.config.bucket).key(key);
    let object = object.send().await.unwrap().body.collect().await.unwrap();
    assert_eq!(object.to_vec(), SOURCE.as_bytes());
}

#[tokio::test]
async fn an_archive_is_taken_by_name_or_content() {
    let env = BuildEnv::start().await;
    let archive = zipped(&[("spin.toml", "x"), ("src/app.py", SOURCE)]);
    let mut images = Vec::new();
    for name in ["a.zip", "a.py", "blob"] {
        let answer = env.post(env.form("f").file(name, &archive)).await;
        assert_eq!(answer.status, 202, "{name}: {}", answer.body);
        let task = env.task(answer.json()["task_id"].as_str().unwrap()).await;
        assert_eq!(task["result"]["file_path"], name);
        images.push(task["result"]["image_url"].clone());
    }
    let plain = env.build("f", SOURCE).await;
    images.push(env.task(&plain).await["result"]["image_url"].clone());
    assert!(images.iter().all(|image| *image == images[0]), "one source, one name: {images:?}");
}

#[tokio::test]
async fn an_archive_of_several_files_is_one_source() {
    let env = BuildEnv::start().await;
    let archive = |helper: &str| zipped(&[("main.py", SOURCE), ("lib/helper.py", helper)]);
    let mut images = Vec::new();
    for helper in ["A = 1", "A = 2", "A = 1"] {
        let answer = env.post(env.form("f").file("p.zip", &archive(helper))).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let task = env.task(answer.json()["task_id"].as_str().unwrap()).await;
        images.push(task["result"]["image_url"].clone());
    }
    assert_eq!(images[0], images[2]);
    assert_ne!(images[0], images[1]);
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_told_with_its_field() {
    let env = BuildEnv::start().await;
    let form = || env.form("f");
    let python = SOURCE.as_bytes();
    let unclear = zipped(&[("a.py", "1"), ("b.py", "2")]);
    let large = vec![b'#'; Code::MAX_BYTES + 1];
    let without = |field: &str| {
        let all = [("app_name", "f"), ("workspace_id", env.workspace.as_str())];
        let kept = all.into_iter().filter(|(name, _)| *name != field);
        kept.fold(Form::default(), |form, (name, value)| form.field(name, value))
    };
    for (form, field, message) in [
        (form(), "file", "file is required"),
        (without("app_name").file("a.py", python), "app_name", "app_name is required"),
        (without("workspace_id").file("a.py", python), "workspace_id", "workspace_id is required"),
        (
            without("app_name").field("app_name", " ").file("a.py", python),
            "app_name",
            "app_name must not be empty",
        ),
        (form().file("a.py", b""), "file", "file must not be empty"),
        (form().file("a.py", b"\xff\xfe"), "file", "file must be Python source in UTF-8"),
        (
            form().file("a.py", &large),
            "file",
            "file must be at most 1048576 bytes of source, and has 1048577",
        ),
        (form().file("a.zip", python), "file", "file is not a zip archive that can be read"),
        (form().file("a.zip", &unclear), "file", "file "),
        (form().file("a.py", b"def f(:\n"), "file", "file is not Python that Python 3.13 can read"),
    ] {
        let answer = env.post(form).await;
        let told = answer.assert_error(422, "VALIDATION_ERROR");
        assert!(told.starts_with(message), "{told}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{told}");
    }
    let answer = env.post(form().file("a.py", b"x = 1\ndef f(:\n")).await;
    let details = &answer.json()["error"]["details"];
    assert_eq!((&details["line"], &details["column"]), (&json!(2), &json!(7)));
    assert_eq!(env.kept().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_form_or_too_large_is_refused() {
    let env = BuildEnv::start().await;
    let at = || Event::new("POST", BUILD);
    let told = env.lambda.answer(at().json(&json!({}))).await;
    let told = told.assert_error(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(told, "the body must be multipart/form-data, not application/json");
    let bare = at().text("x").header("content-type", None);
    let told = env.lambda.answer(bare).await.assert_error(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(told, "the body must be multipart/form-data, not without a type");
    for kind in ["multipart/form-data", "multipart/form-data; boundary=a", "Multipart/Form-Data; x"]
    {
        let broken = at().text("no form").header("content-type", Some(kind));
        env.lambda.answer(broken).await.assert_error(400, "MALFORMED_JSON");
    }
    let large = vec![b'#'; shared::http::MAX_BODY_BYTES];
    let answer = env.post(env.form("f").file("a.py", &large)).await;
    answer.assert_error(413, "PAYLOAD_TOO_LARGE");
    let other = Form::default().field("app_name", "f").file("a.py", SOURCE.as_bytes());
    for missing in ["ws-nothing", "no id", ""] {
        let form = other.clone().field("workspace_id", missing);
        env.post(form).await.assert_error(404, "NOT_FOUND");
    }
    assert_eq!(env.kept().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_of_a_registry_is_kept() {
    let env = BuildEnv::start().await;
    let form = env.form("f").field("registry_url", "https://hub.example").field("tag", "latest");
    let form = form.field("username", "ada@example.org").field("password", "correct horse battery");
    let event = form.file("a.py", SOURCE.as_bytes()).event(BUILD);
    let event = event.header("idempotency-key", Some("k"));
    assert_eq!(env.lambda.answer(event).await.status, 202);
    let scanned = env.env.dynamodb.scan().table_name(&env.env.config.table).send().await.unwrap();
    let items = format!("{:?}", scanned.items());
    assert!(items.contains("TASK#"), "{items}");
    // Each has a character, or letters, that no id or digest has: the items are full of those.
    for secret in ["hub.example", "ada@example", "correct horse", "latest"] {
        assert!(!items.contains(secret), "{secret} in {items}");
    }
}

#[tokio::test]
async fn a_repeated_build_is_made_once_whatever_its_boundary_and_password() {
    let env = BuildEnv::start().await;
    let once = async |password: &str, source: &str, boundary: &'static str| {
        let form = env.form("f").field("password", password).file("a.py", source.as_bytes());
        let event = form.with_boundary(boundary).event(BUILD);
        env.lambda.answer(event.header("idempotency-key", Some("k"))).await
    };
    let first = once("one", SOURCE, "a").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (202, ""));
    let again = once("two", SOURCE, "b").await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    let tasks = env.get(&format!("/api/v1/workspaces/{}/tasks", env.workspace)).await;
    assert_eq!(tasks.json()["count"], 1);
    once("one", OTHER, "a").await.assert_error(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_refused_build_leaves_its_key_free() {
    let env = BuildEnv::start().await;
    let form = Form::default().field("app_name", "f").field("workspace_id", "ws-nothing");
    let event = form.file("a.py", SOURCE.as_bytes()).event(BUILD);
    let event = event.header("idempotency-key", Some("k"));
    for _ in 0..2 {
        env.lambda.answer(event.clone()).await.assert_error(404, "NOT_FOUND");
    }
}

impl BuildEnv {
    /// The keys of all objects of builds.
    async fn kept(&self) -> Vec<String> {
        let listed = self.env.s3.list_objects_v2().bucket(&self.env.config.bucket);
        let listed = listed.prefix("builds/").send().await.unwrap();
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }
}
