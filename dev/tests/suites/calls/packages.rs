//! Functions with packages, over a builder that answers at once.

use std::io::{Cursor, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::domain::FunctionId;
use testkit::Form;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::env::CallEnv;

/// Answers the names of the packages that it finds.
const NAMES: &str = "import importlib\n\n
def handler(event, context):
    found = {}
    for name in event['query'].get('names', '').split('-'):
        try:
            found[name] = importlib.import_module(name).name
        except ModuleNotFoundError:
            found[name] = None
    return found
";

async fn function(env: &CallEnv, id: &FunctionId) -> Value {
    env.get(&format!("/api/workspaces/{}/functions/{id}", env.workspace)).await
}

#[tokio::test]
async fn a_function_runs_with_the_packages_that_it_requires() {
    let env = CallEnv::start().await;
    let id = env.created(NAMES, json!({"requirements": "alpha\nbeta>=1\n"})).await;
    let before = function(&env, &id).await;
    assert_eq!(before["dependencies"]["status"], "resolving");
    assert_eq!(before["requirements"], "alpha\nbeta>=1\n");
    env.settle().await;
    let dependencies = function(&env, &id).await["dependencies"].take();
    assert_eq!(dependencies["status"], "ready");
    let [alpha, beta] = ["alpha", "beta"].map(|name| json!({"name": name, "version": "1.0"}));
    assert_eq!(dependencies["packages"], json!([alpha, beta]));
    assert_eq!(dependencies["lockHash"].as_str().unwrap().len(), 64);
    assert_eq!(dependencies["unzippedBytes"], 21);
    let answer = env.call(&id, "GET", "?names=alpha-beta-gamma", "").await;
    assert_eq!(answer.json(), json!({"alpha": "alpha", "beta": "beta", "gamma": null}));
}

#[tokio::test]
async fn a_change_of_code_resolves_and_builds_nothing() {
    let env = CallEnv::start().await;
    let id = env.created(NAMES, json!({"requirements": "alpha"})).await;
    env.settle().await;
    assert_eq!(env.builds.take(), ["resolve", "install"]);
    let changed = "import alpha\ndef handler(event, context):\n    return [alpha.name]\n";
    let changed = STANDARD.encode(changed);
    env.patch(&id, json!({"code": changed})).await;
    assert_eq!(function(&env, &id).await["dependencies"]["status"], "ready");
    env.settle().await;
    assert_eq!(env.builds.take(), Vec::<String>::new());
    assert_eq!(env.call(&id, "GET", "", "").await.json(), json!(["alpha"]));
}

/// `FUNCTIONS=200` makes so many, instead of 20.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "it is the test's own, and not the product's")]
async fn many_functions_with_the_same_requirements_have_one_build() {
    let env = CallEnv::start().await;
    let mut ids = Vec::new();
    let many = std::env::var("FUNCTIONS").map_or(20, |many| many.parse().unwrap());
    for _ in 0..many {
        ids.push(env.created(NAMES, json!({"requirements": "alpha"})).await);
    }
    env.settle().await;
    // One a clock hour; the functions may be made in two.
    let builds = env.builds.take();
    assert_eq!(builds.iter().filter(|what| *what == "install").count(), 1, "{builds:?}");
    assert!(builds.len() <= 3, "{builds:?}");
    assert_eq!(env.layers().await.len(), 1);
    for id in [&ids[0], &ids[many - 1]] {
        let answer = env.call(id, "GET", "?names=alpha", "").await;
        assert_eq!(answer.json(), json!({"alpha": "alpha"}));
    }
}

#[tokio::test]
async fn a_layer_is_deleted_with_its_last_use_and_not_before() {
    let env = CallEnv::start().await;
    let requires = |text: &str| json!({"requirements": text});
    let first = env.created(NAMES, requires("alpha")).await;
    let second = env.created(NAMES, requires("alpha # the same lock")).await;
    env.settle().await;
    let layers = env.layers().await;
    assert_eq!(layers.len(), 1);
    env.patch(&first, requires("beta")).await;
    env.settle().await;
    assert_eq!(env.layers().await.len(), 2);
    env.patch(&second, requires("alpha\nbeta")).await;
    env.settle().await;
    let now = env.layers().await;
    assert!(now.len() == 2 && !now.contains(&layers[0]), "{now:?}");
    // Made again within the hour: the lock is resolved anew.
    let third = env.created(NAMES, requires("alpha")).await;
    env.settle().await;
    assert_eq!(function(&env, &third).await["dependencies"]["status"], "ready");
    env.patch(&third, json!({"requirements": null})).await;
    env.settle().await;
    assert_eq!(function(&env, &third).await["dependencies"]["status"], "none");
    let answer = env.call(&third, "GET", "?names=alpha", "").await;
    assert_eq!(answer.json(), json!({"alpha": null}));
    for id in [first, second, third] {
        let path = format!("/api/workspaces/{}/functions/{id}", env.workspace);
        assert_eq!(env.ask("DELETE", &path, None).await.status, 204);
    }
    env.settle().await;
    assert_eq!(env.layers().await, Vec::<String>::new());
    let left = env.left().await;
    assert!(!left.iter().any(|what| what.contains("LAYER") || what.contains("locks/")), "{left:?}");
}

#[tokio::test]
async fn packages_that_cannot_be_had_are_told_and_the_version_before_goes_on() {
    let env = CallEnv::start().await;
    let id = env.created(NAMES, json!({"requirements": "alpha"})).await;
    env.settle().await;
    env.patch(&id, json!({"requirements": "alpha\nmissing"})).await;
    env.settle().await;
    let failed = function(&env, &id).await;
    assert_eq!(failed["dependencies"]["status"], "failed");
    assert_eq!(failed["dependencies"]["message"], "missing is not in the package index");
    assert_eq!(
        failed["deploymentError"],
        "the function could not be deployed: missing is not in the package index"
    );
    let answer = env.call(&id, "GET", "?names=alpha", "").await;
    assert_eq!(answer.json(), json!({"alpha": "alpha"}));
    env.patch(&id, json!({"requirements": "beta"})).await;
    env.settle().await;
    let mended = function(&env, &id).await;
    assert_eq!(mended["dependencies"]["status"], "ready");
    assert_eq!(mended.get("deploymentError"), None);
}

#[tokio::test]
async fn an_index_that_cannot_be_reached_is_told_and_tried_again() {
    let env = CallEnv::start().await;
    let id = env.created(NAMES, json!({"requirements": "offline"})).await;
    env.env.settle(|event| env.process(event)).await;
    let event = env.next_packages_wanted().await.unwrap();
    env.install_packages(&event).await.unwrap_err();
    env.env.settle(|event| env.process(event)).await;
    let failed = function(&env, &id).await;
    let message = "the package index packages.example can't be reached";
    assert_eq!(failed["dependencies"]["message"], message);
    assert!(failed["deploymentError"].as_str().unwrap().ends_with(message));
}

#[tokio::test]
async fn a_project_of_the_console_is_built_deployed_and_runs() {
    let env = CallEnv::start().await;
    let id = env.created("def handler(event, context): pass", json!({"name": "shop"})).await;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        (
            "shop/main.py",
            "import alpha\nfrom lib.prices import price\n\ndef handler(event, context):\n    return [alpha.name, price]\n",
        ),
        ("shop/lib/prices.py", "price = int(open('price.txt').read())\n"),
        ("shop/price.txt", "12"),
        ("shop/requirements.txt", "alpha\n"),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    let form = Form::default().field("app_name", "shop");
    let form = form.field("workspace_id", env.workspace.as_str()).file("shop.zip", &zip);
    let started = env.send(form.event("/api/v1/build-and-push")).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let task = format!("/api/v1/tasks/{}", started.json()["task_id"].as_str().unwrap());
    let image = env.get(&task).await["result"]["image_url"].take();
    let deploy = json!({"app_name": "shop", "image_ref": image, "function_id": id});
    let deployed = env.ask("POST", "/api/v1/deploy", Some(&deploy)).await;
    assert_eq!(deployed.status, 200, "{}", deployed.body);
    env.settle().await;
    assert_eq!(env.get(&task).await["status"], "done");
    assert_eq!(env.call(&id, "GET", "", "").await.json(), json!(["alpha", 12]));
    let again = env.ask("POST", "/api/v1/deploy", Some(&deploy)).await;
    assert!(again.json()["endpoint"].is_string(), "{}", again.body);
}

#[tokio::test]
async fn a_form_brings_the_packages_of_its_platform() {
    let env = CallEnv::start().await;
    let source = "import requests\n\ndef main(args):\n    return {'body': 'x'}\n";
    let id = env.created(source, json!({"form": "openwhisk"})).await;
    env.settle().await;
    let read = function(&env, &id).await;
    let requests = json!([{"name": "requests", "version": "1.0"}]);
    assert_eq!(read["dependencies"]["packages"], requests, "{read}");
    assert_eq!(read["requirements"], json!(null));
}

#[tokio::test]
async fn going_back_to_the_requirements_that_are_deployed_needs_no_build() {
    let env = CallEnv::start().await;
    let id = env.created(NAMES, json!({"requirements": "alpha"})).await;
    env.settle().await;
    let ready = function(&env, &id).await["dependencies"].take();
    env.patch(&id, json!({"requirements": "alpha\nmissing"})).await;
    env.settle().await;
    assert_eq!(function(&env, &id).await["dependencies"]["status"], "failed");
    env.builds.take();
    env.patch(&id, json!({"requirements": "alpha"})).await;
    env.settle().await;
    assert_eq!(function(&env, &id).await["dependencies"], ready);
    assert_eq!(env.builds.take(), Vec::<String>::new());
    assert_eq!(env.layers().await.len(), 1);
    let answer = env.call(&id, "GET", "?names=alpha", "").await;
    assert_eq!(answer.json(), json!({"alpha": "alpha"}));
}

#[tokio::test]
async fn a_failed_function_is_tried_again_with_its_next_change_and_only_then() {
    let env = CallEnv::start().await;
    let id = env.created(NAMES, json!({"requirements": "missing"})).await;
    env.settle().await;
    assert_eq!(env.builds.take(), ["resolve"]);
    env.env.store.redeploy(&env.workspace, &id).await.unwrap();
    env.settle().await;
    assert_eq!(env.builds.take(), Vec::<String>::new());
    env.patch(&id, json!({"description": "once more"})).await;
    env.settle().await;
    assert_eq!(env.builds.take(), ["resolve"]);
}

#[tokio::test]
async fn what_was_built_for_a_deleted_or_changed_function_is_deleted() {
    let env = CallEnv::start().await;
    for change in [Some(json!({"requirements": null})), None] {
        let id = env.created(NAMES, json!({"requirements": "alpha"})).await;
        env.env.settle(|event| env.process(event)).await;
        let path = format!("/api/workspaces/{}/functions/{id}", env.workspace);
        let method = if change.is_some() { "PATCH" } else { "DELETE" };
        let answer = env.ask(method, &path, change.as_ref()).await;
        assert!(answer.status < 300, "{}", answer.body);
        env.settle().await;
        assert_eq!(env.layers().await, Vec::<String>::new(), "{method}");
    }
    let left = env.left().await;
    assert!(!left.iter().any(|left| left.contains("LAYER#")), "{left:?}");
}
