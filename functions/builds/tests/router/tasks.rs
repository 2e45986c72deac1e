//! What a task tells, and of whom.

use serde_json::{Value, json};
use testkit::Event;

use crate::env::{BuildEnv, OTHER, SOURCE};

#[tokio::test]
async fn a_task_follows_the_deployment_of_the_function_that_has_its_source() {
    let env = BuildEnv::start().await;
    let function = env.function("hello", SOURCE).await;
    let id = env.build("hello", SOURCE).await;
    let running = env.task(&id).await;
    assert_eq!((&running["status"], &running["result"]), (&json!("running"), &Value::Null));

    env.record_deployment(&function).await;
    let done = env.task(&id).await;
    assert_eq!((&done["status"], &done["error"]), (&json!("done"), &Value::Null));

    // What isn't deployed doesn't matter; what is does.
    env.env.patch(&env.workspace, &function, &json!({"status": "disabled"})).await;
    assert_eq!(env.task(&id).await["status"], "done");
    env.env.patch(&env.workspace, &function, &json!({"memory": 512})).await;
    assert_eq!(env.task(&id).await["status"], "running");

    env.record_failure(&function, "the account is full").await;
    let failed = env.task(&id).await;
    assert_eq!(
        (&failed["status"], &failed["error"], &failed["result"]),
        (&json!("failed"), &json!("the account is full"), &Value::Null)
    );
    env.env.patch(&env.workspace, &function, &json!({"memory": 128})).await;
    assert_eq!(env.task(&id).await["status"], "done", "it is as it was deployed");
}

#[tokio::test]
async fn a_build_that_no_function_has_is_done() {
    let env = BuildEnv::start().await;
    env.function("other", SOURCE).await;
    env.function("hello", OTHER).await;
    let id = env.build("hello", SOURCE).await;
    assert_eq!(env.task(&id).await["status"], "done", "another source");
    let id = env.build("nobody", SOURCE).await;
    assert_eq!(env.task(&id).await["status"], "done", "no function of this name");
}

#[tokio::test]
async fn of_several_functions_of_a_name_the_one_with_the_source_is_meant() {
    let env = BuildEnv::start().await;
    let first = env.function("hello", SOURCE).await;
    env.function("hello", OTHER).await;
    let id = env.build("hello", SOURCE).await;
    assert_eq!(env.task(&id).await["status"], "running");
    env.record_deployment(&first).await;
    assert_eq!(env.task(&id).await["status"], "done");
    env.function("hello", SOURCE).await;
    let id = env.build("hello", SOURCE).await;
    assert_eq!(env.task(&id).await["status"], "done", "it isn't clear which, so none");
}

#[tokio::test]
async fn tasks_are_listed_newest_first() {
    let env = BuildEnv::start().await;
    let function = env.function("hello", SOURCE).await;
    let first = env.build("hello", SOURCE).await;
    let second = env.build("나중", OTHER).await;
    let path = format!("/api/v1/workspaces/{}/tasks", env.workspace);
    let list = env.get(&path).await.json();
    assert_eq!((&list["workspace_id"], &list["count"]), (&json!(env.workspace), &json!(2)));
    let tasks = list["tasks"].as_array().unwrap();
    for (task, id, name, status) in
        [(&tasks[0], &second, "나중", "done"), (&tasks[1], &first, "hello", "running")]
    {
        assert_eq!(task["task_id"], **id);
        assert_eq!((&task["app_name"], &task["status"]), (&json!(name), &json!(status)));
        assert_eq!(task["updated_at"], task["created_at"]);
        let alone = env.task(id).await;
        assert_eq!((&alone["result"], &alone["error"]), (&task["result"], &task["error"]));
    }
    env.record_deployment(&function).await;
    let task = env.get(&path).await.json()["tasks"][1].take();
    assert!(task["updated_at"].as_str() >= task["created_at"].as_str(), "{task}");
    assert_eq!(task["status"], "done");
}

#[tokio::test]
async fn a_task_of_somebody_else_looks_absent() {
    let env = BuildEnv::start().await;
    let id = env.build("hello", SOURCE).await;
    let missing = format!("{}0", &id[..id.len() - 1]);
    for (id, owner) in [(&id, "bob"), (&missing, "bob"), (&missing, "anonymous")] {
        let event = Event::new("GET", &format!("/api/v1/tasks/{id}")).from(owner);
        let told = env.lambda.answer(event).await.assert_error(404, "NOT_FOUND");
        assert_eq!(told, format!("there is no task {id}"));
    }
    let path = format!("/api/v1/workspaces/{}/tasks", env.workspace);
    env.lambda.answer(Event::new("GET", &path).from("bob")).await.assert_error(404, "NOT_FOUND");
    env.get("/api/v1/tasks/nothing").await.assert_error(404, "NOT_FOUND");
    env.get("/api/v1/nothing").await.assert_error(404, "NOT_FOUND");
}
