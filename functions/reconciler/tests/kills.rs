//! The reconciler killed between any two of its calls, and started again: the
//! same end, nothing counted twice, nothing left over.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod bed;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bed::Bed;
use futures_util::future::join_all;
use serde_json::json;
use shared::domain::{FunctionId, Outcome, Owner, Timestamp};

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
async fn happen(bed: &Bed, story: Story) -> FunctionId {
    let id = bed.function("x = 1").await;
    if matches!(story, Story::Deploy) {
        return id;
    }
    bed.settle().await;
    match story {
        Story::Deploy => {}
        Story::Update | Story::UpdateTwice => {
            let body = json!({"code": STANDARD.encode("x = 2"), "memory": 256});
            bed.bed.patch(&bed.ws, &id, &body).await;
        }
        Story::Count | Story::DeleteFunction | Story::DeleteWorkspace => {
            for i in 0..30 {
                let outcome = if i % 3 == 0 { Outcome::Error } else { Outcome::Success };
                bed.bed.execution(&bed.ws, &id, Timestamp::now(), outcome, 5.0).await;
            }
        }
    }
    match story {
        Story::DeleteFunction => bed.delete(&id).await,
        Story::DeleteWorkspace => bed.delete_workspace().await,
        _ => {}
    }
    id
}

/// What must be so in the end.
async fn assert_ended(bed: &Bed, story: Story, id: &FunctionId, context: &str) {
    let (items, objects) = (bed.items().await, bed.objects().await);
    let deployed = bed.deployed().await;
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
    let function = bed.read(id).await.unwrap();
    assert!(objects.values().all(|text| text.as_bytes() == function.code.as_bytes()), "{context}");
    let memory = called(bed, id, context).await.expect("it is deployed");
    assert_eq!(memory, i32::from(function.memory.mb()), "{context}");
    let ran = if matches!(story, Story::Count) { (30, 10) } else { (0, 0) };
    assert_eq!((function.invocations_24h, function.errors_24h), ran, "{context}");
    let workspace = bed.bed.store.workspace(&Owner::anonymous(), &bed.ws).await.unwrap().value;
    assert_eq!(workspace.invocations_24h, ran.0, "{context}");
}

/// The memory of the version that callers call, which must be there whenever
/// there is one to call.
async fn called(bed: &Bed, id: &FunctionId, context: &str) -> Option<i32> {
    let callable = bed.bed.store.callable_function(&bed.ws, id).await.ok()?;
    let lambda = bed.bed.lambda_client().await;
    let get = lambda.get_function_configuration().function_name(format!("faas-{id}"));
    let found = get.qualifier(callable.engine_version?).send().await;
    found.unwrap_or_else(|e| panic!("{context}: {e:?}")).memory_size()
}

/// Kills the reconciler after each of its calls in turn; gives how many there are.
async fn killed_after_each_call(story: Story) -> usize {
    for calls in 0.. {
        let context = format!("{story:?}, killed after {calls} calls");
        let bed = Bed::start().await;
        let id = happen(&bed, story).await;
        bed.bed.faults.hold_after(calls);
        tokio::select! {
            biased;
            () = bed.bed.faults.held() => {}
            () = Box::pin(bed.settle()) => {}
        }
        let was_killed = bed.bed.faults.heal();
        called(&bed, &id, &context).await;
        if matches!(story, Story::UpdateTwice) {
            let body = json!({"code": STANDARD.encode("x = 3"), "memory": 512});
            bed.bed.patch(&bed.ws, &id, &body).await;
        }
        // It begins at the oldest record again: more than a stream would bring.
        bed.settle().await;
        Box::pin(assert_ended(&bed, story, &id, &context)).await;
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
