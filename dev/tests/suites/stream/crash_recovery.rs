//! The reconciler is killed after each of its AWS calls, and started again. The final state is the same.

use super::env::StreamEnv;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::json;
use shared::domain::{ExecutionStatus, FunctionId, Owner, Timestamp};

#[derive(Clone, Copy, Debug)]
enum Scenario {
    Deploy,
    Update,
    /// With one more update after the kill.
    UpdateTwice,
    Count,
    DeleteFunction,
    DeleteWorkspace,
}

/// Changes the table. The id of the changed function.
async fn change(env: &StreamEnv, scenario: Scenario) -> FunctionId {
    let id = env.function("x = 1").await;
    if matches!(scenario, Scenario::Deploy) {
        return id;
    }
    env.settle().await;
    match scenario {
        Scenario::Deploy => {}
        Scenario::Update | Scenario::UpdateTwice => {
            let body = json!({"code": STANDARD.encode("x = 2"), "memory": 256});
            env.env.patch(&env.ws, &id, &body).await;
        }
        Scenario::Count | Scenario::DeleteFunction | Scenario::DeleteWorkspace => {
            for i in 0..30 {
                let outcome =
                    if i % 3 == 0 { ExecutionStatus::Error } else { ExecutionStatus::Success };
                env.env.execution(&env.ws, &id, Timestamp::now(), outcome, 5.0).await;
            }
        }
    }
    match scenario {
        Scenario::DeleteFunction => env.delete(&id).await,
        Scenario::DeleteWorkspace => env.delete_workspace().await,
        _ => {}
    }
    id
}

/// Checks the final state.
async fn assert_final_state(env: &StreamEnv, scenario: Scenario, id: &FunctionId, context: &str) {
    let (items, objects) = (env.items().await, env.objects().await);
    let deployed = env.deployed().await;
    match scenario {
        Scenario::DeleteWorkspace => {
            assert_eq!(
                (items.len(), objects.len(), deployed.len()),
                (0, 0, 0),
                "{context}: {items:?}"
            );
            return;
        }
        Scenario::DeleteFunction => {
            assert_eq!((objects.len(), deployed.len()), (0, 0), "{context}");
            let sks: Vec<_> = items.iter().map(|(_, sk)| sk.as_str()).collect();
            assert_eq!(sks, ["METADATA", "METRICS"], "{context}");
            return;
        }
        Scenario::Deploy | Scenario::Update | Scenario::UpdateTwice | Scenario::Count => {}
    }
    assert_eq!(deployed, [format!("faas-{id}")], "{context}");
    assert_eq!(objects.len(), 2, "{context}: {objects:?}");
    let function = env.read(id).await.unwrap();
    assert!(objects.values().all(|text| text.as_bytes() == function.code.as_bytes()), "{context}");
    let memory = callable_memory(env, id, context).await.expect("it is deployed");
    assert_eq!(memory, i32::from(function.settings.memory.mb()), "{context}");
    let usage = if matches!(scenario, Scenario::Count) { (30, 10) } else { (0, 0) };
    assert_eq!((function.invocations_24h, function.errors_24h), usage, "{context}");
    let workspace = env.env.store.workspace(&Owner::anonymous(), &env.ws).await.unwrap().value;
    assert_eq!(workspace.invocations_24h, usage.0, "{context}");
}

/// The memory size of the version that callers are sent to, if any. It always exists.
async fn callable_memory(env: &StreamEnv, id: &FunctionId, context: &str) -> Option<i32> {
    let callable = env.env.store.callable_function(&env.ws, id).await.ok()?;
    let lambda = env.env.lambda_client().await;
    let get = lambda.get_function_configuration().function_name(format!("faas-{id}"));
    let found = get.qualifier(callable.engine_version?).send().await;
    found.unwrap_or_else(|e| panic!("{context}: {e:?}")).memory_size()
}

/// Kills the reconciler after each of its calls in turn. The number of calls.
async fn killed_after_each_call(scenario: Scenario) -> usize {
    for calls in 0.. {
        let context = format!("{scenario:?}, killed after {calls} calls");
        let env = StreamEnv::start().await;
        let id = change(&env, scenario).await;
        env.env.faults.block_after(calls);
        tokio::select! {
            biased;
            () = env.env.faults.blocked() => {}
            () = Box::pin(env.settle()) => {}
        }
        let was_killed = env.env.faults.clear();
        callable_memory(&env, &id, &context).await;
        if matches!(scenario, Scenario::UpdateTwice) {
            let body = json!({"code": STANDARD.encode("x = 3"), "memory": 512});
            env.env.patch(&env.ws, &id, &body).await;
        }
        // Processing begins with the oldest record again, which redelivers more than AWS does.
        env.settle().await;
        Box::pin(assert_final_state(&env, scenario, &id, &context)).await;
        if !was_killed {
            return calls;
        }
    }
    unreachable!("it makes a limited number of calls");
}

#[tokio::test]
async fn reconciler_resumes_after_a_kill_at_any_call() {
    use Scenario::*;
    let scenarios = [Deploy, Update, UpdateTwice, Count, DeleteFunction, DeleteWorkspace];
    let calls =
        join_all(scenarios.map(|scenario| Box::pin(killed_after_each_call(scenario)))).await;
    for (scenario, calls) in scenarios.iter().zip(&calls) {
        assert!(*calls >= 2, "{scenario:?} makes several calls: {calls}");
    }
}
