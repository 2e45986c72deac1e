//! The reconciler killed between any two of its calls, and started again: the
//! same end, nothing counted twice, nothing left over.

use super::env::StreamEnv;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::json;
use shared::domain::{ExecutionStatus, FunctionId, Owner, Timestamp};

#[derive(Clone, Copy, Debug)]
enum Story {
    Deploy,
    Update,
    /// Changed once more after the kill.
    UpdateTwice,
    Count,
    DeleteFunction,
    DeleteWorkspace,
}

/// Lets happen what `story` tells; gives the function of it.
async fn happen(env: &StreamEnv, story: Story) -> FunctionId {
    let id = env.function("x = 1").await;
    if matches!(story, Story::Deploy) {
        return id;
    }
    env.settle().await;
    match story {
        Story::Deploy => {}
        Story::Update | Story::UpdateTwice => {
            let body = json!({"code": STANDARD.encode("x = 2"), "memory": 256});
            env.env.patch(&env.ws, &id, &body).await;
        }
        Story::Count | Story::DeleteFunction | Story::DeleteWorkspace => {
            for i in 0..30 {
                let outcome =
                    if i % 3 == 0 { ExecutionStatus::Error } else { ExecutionStatus::Success };
                env.env.execution(&env.ws, &id, Timestamp::now(), outcome, 5.0).await;
            }
        }
    }
    match story {
        Story::DeleteFunction => env.delete(&id).await,
        Story::DeleteWorkspace => env.delete_workspace().await,
        _ => {}
    }
    id
}

/// What must be so in the end.
async fn assert_ended(env: &StreamEnv, story: Story, id: &FunctionId, context: &str) {
    let (items, objects) = (env.keys().await, env.objects().await);
    let deployed = env.deployed().await;
    match story {
        Story::DeleteWorkspace => {
            assert_eq!(
                (items.len(), objects.len(), deployed.len()),
                (0, 0, 0),
                "{context}: {items:?}"
            );
            return;
        }
        Story::DeleteFunction => {
            assert_eq!((objects.len(), deployed.len()), (0, 0), "{context}");
            let sks: Vec<_> = items.iter().map(|(_, sk)| sk.as_str()).collect();
            assert_eq!(sks, ["METADATA", "METRICS"], "{context}");
            return;
        }
        Story::Deploy | Story::Update | Story::UpdateTwice | Story::Count => {}
    }
    assert_eq!(deployed, [format!("faas-{id}")], "{context}");
    assert_eq!(objects.len(), 2, "{context}: {objects:?}");
    let function = env.read(id).await.unwrap();
    assert!(objects.values().all(|text| *text == function.code.as_bytes()), "{context}");
    let memory = called(env, id, context).await.expect("it is deployed");
    assert_eq!(memory, i32::from(function.memory.mb()), "{context}");
    let ran = if matches!(story, Story::Count) { (30, 10) } else { (0, 0) };
    assert_eq!((function.invocations_24h, function.errors_24h), ran, "{context}");
    let workspace = env.env.store.workspace(&Owner::anonymous(), &env.ws).await.unwrap().value;
    assert_eq!(workspace.invocations_24h, ran.0, "{context}");
}

/// The memory of the version that callers call, which must be there whenever
/// there is one to call.
async fn called(env: &StreamEnv, id: &FunctionId, context: &str) -> Option<i32> {
    let callable = env.env.store.callable_function(&env.ws, id).await.ok()?;
    let lambda = env.env.lambda_client().await;
    let get = lambda.get_function_configuration().function_name(format!("faas-{id}"));
    let found = get.qualifier(callable.engine_version?).send().await;
    found.unwrap_or_else(|e| panic!("{context}: {e:?}")).memory_size()
}

/// Kills the reconciler after each of its calls in turn; gives how many there are.
async fn killed_after_each_call(story: Story) -> usize {
    for calls in 0.. {
        let context = format!("{story:?}, killed after {calls} calls");
        let env = StreamEnv::start().await;
        let id = happen(&env, story).await;
        env.env.faults.hold_after(calls);
        tokio::select! {
            biased;
            () = env.env.faults.held() => {}
            () = Box::pin(env.settle()) => {}
        }
        let was_killed = env.env.faults.heal();
        called(&env, &id, &context).await;
        if matches!(story, Story::UpdateTwice) {
            let body = json!({"code": STANDARD.encode("x = 3"), "memory": 512});
            env.env.patch(&env.ws, &id, &body).await;
        }
        // It begins at the oldest record again: more than a stream would bring.
        env.settle().await;
        Box::pin(assert_ended(&env, story, &id, &context)).await;
        if !was_killed {
            return calls;
        }
    }
    unreachable!("it makes a limited number of calls");
}

#[tokio::test]
async fn killed_between_any_two_calls_it_comes_to_the_same_end() {
    use Story::*;
    let stories = [Deploy, Update, UpdateTwice, Count, DeleteFunction, DeleteWorkspace];
    let calls = join_all(stories.map(|story| Box::pin(killed_after_each_call(story)))).await;
    for (story, calls) in stories.iter().zip(&calls) {
        assert!(*calls >= 2, "{story:?} makes several calls: {calls}");
    }
}
