//! Every call of every command, once not sent and once without its answer:
//! nothing that was acknowledged is lost, and nothing is left that nobody owns.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use local::faults::Fault;
use local::testbed::{Testbed, fields};
use serde_json::{Value, json};
use shared::domain::{
    CreateFunction, CreateInvocationKey, CreateWorkspace, Expected, Function, FunctionId, Limits,
    List, NewInvocationKey, Origin, Owner, Page, PatchFunction, PatchWorkspace, Quotas, Timestamp,
    WorkspaceId,
};
use shared::error::Error;
use shared::store::{Change, Claim};

/// One workspace with two functions, one of them with a source too large for its item.
struct Bed {
    bed: Testbed,
    owner: Owner,
    ws: WorkspaceId,
    small: FunctionId,
    large: FunctionId,
}

fn encoded(source: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(source)
}

/// A comment that compression can't bring below what an item holds.
fn noise(seed: u64) -> String {
    let word = |i: u64| format!("{:016x}", (i + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    "#".to_owned() + &(1..4000).map(word).collect::<String>()
}

fn function(ws: &WorkspaceId, source: &str) -> Function {
    let body = json!({"name": "f", "code": encoded(source)});
    CreateFunction::try_from(fields(&body))
        .unwrap()
        .create(ws.clone(), &Origin::new(Timestamp::now()))
}

fn patch(body: &Value) -> PatchFunction {
    PatchFunction::try_from(fields(body)).unwrap()
}

fn key() -> Result<NewInvocationKey, Error> {
    CreateInvocationKey::try_from(fields(&json!({"name": "k"})))?
        .create(&Origin::new(Timestamp::now()))
}

fn anew() -> Claim {
    Claim::without_intent(Timestamp::now())
}

impl Bed {
    async fn start() -> Self {
        let bed = Testbed::start().unwrap();
        let owner = Owner::anonymous();
        let new = CreateWorkspace::try_from(fields(&json!({"name": "w"}))).unwrap();
        let made = bed
            .store
            .create_workspace(&owner, &anew(), new.create(&Origin::new(Timestamp::now())))
            .await
            .unwrap();
        let ws = made.value.id;
        let small =
            bed.store.create_function(&owner, &anew(), function(&ws, "print(1)")).await.unwrap();
        let large =
            bed.store.create_function(&owner, &anew(), function(&ws, &noise(1))).await.unwrap();
        let (small, large) = (small.value.id, large.value.id);
        let opens = key().unwrap();
        bed.store.create_invocation_key(&owner, &anew(), &ws, &large, &opens).await.unwrap();
        Self { bed, owner, ws, small, large }
    }

    async fn functions(&self) -> Result<Vec<Function>, Error> {
        let page =
            Page::new(List::Functions(self.ws.clone()), Limits::RESOURCES.parse(None)?, None)?;
        let listed = self.bed.store.functions_of_workspace(&self.owner, &self.ws, &page).await?;
        Ok(listed.items)
    }

    async fn keys(&self) -> BTreeSet<String> {
        let bucket = &self.bed.config.bucket;
        let listed = self.bed.s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// The sort keys of all items but what is counted of the owner, which stays: the workspaces,
    /// a count that is right whatever happened, and requests.
    async fn items(&self) -> Vec<String> {
        let table = &self.bed.config.table;
        let scanned = self.bed.dynamodb.scan().table_name(table).send().await.unwrap();
        let there = scanned.items();
        let workspaces = there.iter().filter(|item| {
            item["SK"].as_s().unwrap() == "METADATA" && !item.contains_key("deletedAt")
        });
        let counted = there.iter().find(|item| item["SK"].as_s().unwrap() == "COUNT").unwrap();
        assert_eq!(counted["workspaces"].as_n().unwrap(), &workspaces.count().to_string());
        let keys = there.iter().map(|item| item["SK"].as_s().unwrap().clone());
        keys.filter(|sk| sk != "COUNT" && !sk.starts_with("REQUESTS#")).collect()
    }

    /// Does with the store what the reconciler does with it, as the stream tells.
    /// The engine has tests of its own.
    async fn follow(&self) {
        let item = |image: &Value| match image {
            Value::Null => serde_dynamo::Item::default(),
            image => serde_json::from_value(image.clone()).unwrap(),
        };
        let mut stream = self.bed.stream();
        loop {
            let records = stream.next(1000).unwrap();
            if records.is_empty() {
                return;
            }
            for record in records.iter().map(|record| &record["dynamodb"]) {
                let [keys, old, new] = ["Keys", "OldImage", "NewImage"].map(|of| item(&record[of]));
                let sequence = record["SequenceNumber"].as_str().unwrap();
                let Some(change) = Change::of(sequence, keys, old, new) else { continue };
                let (store, until) = (&self.bed.store, Instant::now() + Duration::from_secs(60));
                let followed = match &change {
                    Change::FunctionSaved { workspace, function, replaced, .. } => {
                        store.publish_source(workspace, function, replaced.as_ref()).await
                    }
                    Change::FunctionDeleted { workspace, function }
                    | Change::FunctionNoted { workspace, function, .. } => {
                        store.purge_function(workspace, function, until).await.map(drop)
                    }
                    Change::WorkspaceDeleted(workspace) => {
                        store.purge_workspace(workspace, until).await
                    }
                    Change::Executed(_) => Ok(()),
                };
                followed.unwrap();
            }
        }
    }

    /// What must hold whatever went wrong; and, where it was made good, that
    /// nothing is left which nobody owns and that other tools find the sources.
    async fn assert_whole(&self, context: &str, made_good: bool) {
        let functions = self.functions().await.unwrap_or_else(|e| panic!("{context}: {e:?}"));
        let counted = self.bed.store.workspace(&self.owner, &self.ws).await.unwrap().value;
        assert_eq!(counted.function_count, functions.len() as u64, "{context}: the count");
        let items = self.items().await;
        let below = items.iter().filter(|sk| sk.starts_with("FN#")).count();
        assert_eq!(below, functions.len(), "{context}: {items:?}");
        if !made_good {
            return;
        }
        self.assert_published(context).await;
        let keys = self.keys().await;
        assert_eq!(keys.len(), 2 * functions.len(), "{context}: two objects each: {keys:?}");
    }

    /// That other tools find the sources in force.
    async fn assert_published(&self, context: &str) {
        for function in self.functions().await.unwrap() {
            let published = format!("{}/{}.py", self.ws, function.id);
            let got = self.bed.s3.get_object().bucket(&self.bed.config.bucket).key(&published);
            let bytes = got.send().await.unwrap().body.collect().await.unwrap().to_vec();
            assert_eq!(bytes, function.code.as_bytes(), "{context}: {published}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Command {
    CreateWorkspace,
    RenameWorkspace,
    DeleteWorkspace,
    CreateSmall,
    CreateLarge,
    Rename,
    ReplaceSmall,
    ReplaceLarge,
    Delete,
    Read,
    List,
    Admit,
    MakeKey,
    RevokeKey,
}

/// Carries out a command and holds its answer against what is there.
async fn carried_out(bed: &Bed, command: Command, context: &str) -> Result<(), Error> {
    let Bed { owner, ws, small, large, .. } = bed;
    let store = &bed.bed.store;
    let any = Expected::Any;
    match command {
        Command::CreateWorkspace => {
            let new = CreateWorkspace::try_from(fields(&json!({"name": "new"})))?;
            let made = store
                .create_workspace(owner, &anew(), new.create(&Origin::new(Timestamp::now())))
                .await?;
            assert_eq!(store.workspace(owner, &made.value.id).await?, made, "{context}");
        }
        Command::RenameWorkspace => {
            let patch = PatchWorkspace::try_from(fields(&json!({"name": "새 이름"})))?;
            let patched = store.patch_workspace(owner, ws, &any, patch).await?;
            assert_eq!(store.workspace(owner, ws).await?, patched, "{context}");
        }
        Command::DeleteWorkspace => {
            store.delete_workspace(owner, ws, &any).await?;
            assert!(is_gone(store.workspace(owner, ws).await)?, "{context}");
            assert!(is_gone(bed.functions().await)?, "{context}");
        }
        Command::CreateSmall | Command::CreateLarge => {
            let source = if matches!(command, Command::CreateSmall) { "x = 1" } else { &noise(2) };
            let made = store.create_function(owner, &anew(), function(ws, source)).await?;
            assert_eq!(store.function(owner, ws, &made.value.id).await?, made, "{context}");
        }
        Command::Rename => {
            let body = json!({"name": "새 이름", "status": "disabled"});
            let patched = store.patch_function(owner, ws, large, &any, patch(&body)).await?;
            assert_eq!(store.function(owner, ws, large).await?, patched, "{context}");
        }
        Command::ReplaceSmall | Command::ReplaceLarge => {
            let is_large = matches!(command, Command::ReplaceLarge);
            let (id, source) = if is_large { (large, noise(3)) } else { (small, "y = 2".into()) };
            let body = json!({"name": "new", "code": encoded(&source)});
            let patched = store.patch_function(owner, ws, id, &any, patch(&body)).await?;
            assert_eq!(patched.value.code.as_bytes(), source.as_bytes(), "{context}");
            assert_eq!(store.function(owner, ws, id).await?, patched, "{context}");
        }
        Command::Delete => {
            store.delete_function(owner, ws, large, &any).await?;
            assert!(is_gone(store.function(owner, ws, large).await)?, "{context}");
        }
        Command::Read => {
            store.function(owner, ws, large).await?;
        }
        Command::List => assert_eq!(bed.functions().await?.len(), 2, "{context}"),
        Command::Admit => {
            let quotas = Quotas { requests_per_second: Some(10), ..bed.bed.config.quotas };
            store.clone().with_quotas(quotas).admit(owner).await?;
        }
        Command::MakeKey => {
            let new = key()?;
            store.create_invocation_key(owner, &anew(), ws, small, &new).await?;
            assert_eq!(store.invocation_keys(owner, ws, small).await?, [new.key], "{context}");
        }
        Command::RevokeKey => {
            let there = store.invocation_keys(owner, ws, large).await?;
            store.revoke_invocation_key(owner, ws, large, &there[0].id).await?;
            assert_eq!(store.invocation_keys(owner, ws, large).await?, [], "{context}");
        }
    }
    Ok(())
}

fn is_gone<T>(read: Result<T, Error>) -> Result<bool, Error> {
    match read {
        Ok(_) => Ok(false),
        Err(Error::NotFound(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Spoils each call of `command` in turn, on stores of its own; gives how many there were.
async fn spoil_each_call(command: Command, times: usize, fault: Fault) -> usize {
    for first in 1.. {
        let context = format!("{command:?}, {times} calls from the {first}. on {fault:?}");
        let bed = Bed::start().await;
        bed.bed.faults.spoil(first, times, fault);
        // On the heap: all commands in one future are too much for a test's stack.
        let outcome = Box::pin(carried_out(&bed, command, &context)).await;
        let was_spoiled = bed.bed.faults.heal();
        // The SDK sends everything up to three times, so only then does a caller notice.
        match &outcome {
            Err(Error::Unavailable(_)) if times >= 3 => {}
            Err(error) => panic!("{context}: {error:?}"),
            Ok(()) => {}
        }
        let replaces = matches!(command, Command::ReplaceSmall | Command::ReplaceLarge);
        if outcome.is_err() && replaces {
            // Told that it failed, a client tries again, and then it is all well.
            Box::pin(carried_out(&bed, command, &context)).await.unwrap();
            bed.follow().await;
            bed.assert_published(&context).await;
        }
        bed.follow().await;
        let there = bed.bed.store.workspace(&bed.owner, &bed.ws).await;
        if there.is_ok() {
            bed.assert_whole(&context, times < 3).await;
        } else if times < 3 {
            assert!(is_gone(there).unwrap() && matches!(command, Command::DeleteWorkspace));
            assert_eq!(bed.items().await, Vec::<String>::new(), "{context}");
            assert_eq!(bed.keys().await, BTreeSet::new(), "{context}");
        }
        if !was_spoiled {
            return first - 1;
        }
    }
    unreachable!("a command makes a limited number of calls");
}

async fn spoil_each_call_of_each_command(times: usize, fault: Fault) {
    use Command::*;
    let commands = [
        CreateWorkspace,
        RenameWorkspace,
        DeleteWorkspace,
        CreateSmall,
        CreateLarge,
        Rename,
        ReplaceSmall,
        ReplaceLarge,
        Delete,
        Read,
        List,
        Admit,
        MakeKey,
        RevokeKey,
    ];
    let calls =
        join_all(commands.map(|command| Box::pin(spoil_each_call(command, times, fault)))).await;
    assert!(calls.iter().all(|calls| *calls > 0), "every command makes a call: {calls:?}");
}

#[tokio::test]
async fn a_call_that_never_arrives_is_made_good() {
    spoil_each_call_of_each_command(1, Fault::Unsent).await;
}

#[tokio::test]
async fn a_lost_answer_loses_nothing_and_leaves_nothing() {
    spoil_each_call_of_each_command(1, Fault::Unanswered).await;
}

#[tokio::test]
async fn answers_lost_for_good_lose_nothing_that_was_acknowledged() {
    spoil_each_call_of_each_command(3, Fault::Unanswered).await;
}
