//! Migration of a table of the legacy backend, checked through the API.

mod env;
mod legacy;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use migrate::{Migration, MigrationError, Options, Tally};
use serde_json::json;
use shared::config::Config;
use shared::domain::{Owner, Timestamp};
use shared::store::Store;
use testkit::faults::Fault;
use testkit::{Event, TestEnv};

use env::{MigrationEnv, Table};
use legacy::{
    BINARY, BUSY, LARGE_MEMORY, LONG, OF_OTHER, ORPHAN, ORPHAN_FUNCTION, OTHER, TEAM,
    WITHOUT_WORKSPACE,
};

/// The table without attributes that differ between runs: expiry times and random keys.
fn without_random(mut table: Table) -> Table {
    for item in table.values_mut() {
        item.remove("expiresAt");
        item.remove("codeKey");
    }
    table
}

fn tally(changed: u64, unchanged: u64, removed: u64, skipped: u64) -> Tally {
    Tally { changed, unchanged, removed, skipped, failed: 0 }
}

#[tokio::test]
async fn dry_run_reports_and_changes_nothing() {
    let env = MigrationEnv::start().await;
    let (table, objects) = (env.table().await, env.objects().await);
    let report = env.migration(true, Owner::anonymous()).run().await.unwrap();
    assert_eq!((env.table().await, env.objects().await), (table, objects));
    assert!(!report.has_failures() && report.lacks.is_empty());
    assert_eq!(report.workspaces, tally(2, 0, 1, 1));
    assert_eq!(report.functions, tally(5, 0, 1, 4));
    assert_eq!(report.logs, tally(9, 0, 0, 4));
    assert_eq!(report.others, 1);
    let skipped: BTreeMap<&str, &str> =
        report.skipped.iter().map(|note| (&*note.what, &*note.why)).collect();
    let [long, large_memory, binary, inside, without_workspace, invalid_log] = [
        format!("workspace {LONG}"),
        format!("function {LARGE_MEMORY} of {TEAM}"),
        format!("function {BINARY} of {TEAM}"),
        format!("function fn-LongLong of {LONG}"),
        format!("function {WITHOUT_WORKSPACE} of ws-G2ne2345"),
        format!("LOG#2025-11-08T03:05:00.000001#StrangeS of {BUSY}"),
    ];
    let [of_large_memory, of_orphan, orphaned_logs] =
        [LARGE_MEMORY, ORPHAN_FUNCTION, "fn-N2body23"].map(|id| format!("logs of {id} (1)"));
    let expected: BTreeMap<&str, &str> = [
        (&long, "name must be at most 100 characters, and has 101"),
        (&large_memory, "memory must be 128 to 1024 MB"),
        (&binary, "code must be base64 of Python source in UTF-8"),
        (&inside, "its workspace is not in the present form"),
        (&without_workspace, "its workspace is not there"),
        (&invalid_log, "status must be success or error"),
        (&of_large_memory, "the function is not in the present form"),
        (&of_orphan, "the function does not exist"),
        (&orphaned_logs, "the function does not exist"),
    ]
    .into_iter()
    .map(|(what, why)| (what.as_str(), why))
    .collect();
    assert_eq!(skipped, expected);
    let text = report.to_string();
    assert!(text.starts_with("A dry run: nothing was changed."), "{text}");
    assert!(text.contains(&format!("  {large_memory}: memory must be 128 to 1024 MB\n")), "{text}");
}

#[tokio::test]
async fn migrated_items_are_served_and_a_second_run_changes_nothing() {
    let env = MigrationEnv::start().await;
    // Items that are in the present format already.
    let ours = env.env.new_workspace().await;
    env.env.new_function(&ours, "x = 1", &json!({})).await;
    let before = env.table().await;
    let began = Timestamp::now().epoch_seconds();
    let report = env.migrate().await;
    assert!(!report.has_failures(), "{report}");
    assert_eq!(report.workspaces, tally(2, 1, 1, 1));
    assert_eq!(report.functions, tally(5, 1, 1, 4));
    assert_eq!(report.logs, tally(9, 0, 0, 4));
    let after = env.table().await;
    // Other items, and invalid legacy items, are unchanged.
    for (key, item) in &before {
        let is_left = item.contains_key("version")
            || [
                "BUILD#",
                LARGE_MEMORY,
                BINARY,
                "fn-LongLong",
                WITHOUT_WORKSPACE,
                "StrangeS",
                "N2body23",
            ]
            .iter()
            .any(|part| key.0.contains(part) || key.1.contains(part))
            || key.0.contains(LONG);
        if is_left {
            assert_eq!(after.get(key), Some(item), "{key:?}");
        }
    }
    for gone in [(ORPHAN, "METADATA"), (TEAM, &format!("FN#{ORPHAN_FUNCTION}"))] {
        assert!(!after.contains_key(&(format!("WS#{}", gone.0), gone.1.to_owned())), "{gone:?}");
    }
    env.assert_counts("migrated").await;
    let ended = Timestamp::now().epoch_seconds();
    for item in after.values().filter(|item| item.contains_key("expiresAt")) {
        let expiry: i64 = item["expiresAt"].as_n().unwrap().parse().unwrap();
        assert!((began..=ended).contains(&(expiry - 30 * 86_400)), "{item:?}");
    }

    let objects = env.objects().await;
    let again = env.migrate().await;
    assert_eq!(again.workspaces, tally(0, 3, 0, 1));
    assert_eq!(again.functions, tally(0, 6, 0, 4));
    assert_eq!(again.logs, tally(0, 9, 0, 4));
    assert_eq!((env.table().await, env.objects().await), (after, objects));

    env.env
        .store
        .delete_workspace(&Owner::anonymous(), &ours, &shared::domain::Expected::Any)
        .await
        .unwrap();
    env.assert_migrated("migrated").await;
}

#[tokio::test]
async fn reconciler_deploys_and_counts_migrated_functions() {
    let env = MigrationEnv::start().await;
    env.settle().await;
    env.migrate().await;
    let migrated = env.table().await;
    env.settle().await;
    env.assert_migrated("processed").await;
    let processed = env.table().await;
    for key in migrated.keys() {
        // The rest of the orphaned function is purged.
        assert!(processed.contains_key(key) || key.0.contains(ORPHAN_FUNCTION), "{key:?}");
    }
    let deployed = env.env.lambda_client().await.list_functions().send().await.unwrap();
    let deployed: BTreeSet<&str> =
        deployed.functions().iter().filter_map(|f| f.function_name()).collect();
    let names = legacy::sources().map(|(id, _)| format!("faas-{id}"));
    assert_eq!(deployed, names.iter().map(String::as_str).collect());
    let busy = env.get(&format!("/api/workspaces/{TEAM}/functions/{BUSY}")).await;
    assert!(busy["lastDeployed"].is_string() && busy["invocationUrl"].is_string(), "{busy}");
    assert_eq!(busy["detectedForm"], "spin");
    // Of the last 24 hours. The legacy usage is dropped: it was not of 24 hours.
    let usage = [&busy["invocations24h"], &busy["errors24h"], &busy["avgDuration"]];
    assert_eq!(usage, [&json!(2), &json!(1), &json!(12.5)]);
    let team = env.get(&format!("/api/workspaces/{TEAM}")).await;
    assert_eq!([&team["invocations24h"], &team["errorRate"]], [&json!(2), &json!(50.0)]);
    let objects = env.objects().await;
    for (id, source) in legacy::sources() {
        let ws = if id == OF_OTHER { OTHER } else { TEAM };
        assert_eq!(objects[&format!("{ws}/{id}.py")], source.as_bytes(), "{id}");
    }
    let path = format!("/api/workspaces/{TEAM}/functions/{BUSY}/invoke");
    let tried = env.ask("POST", &path, Some(&json!({"name": "지수"}))).await;
    assert_eq!(tried.json()["responseBody"], "안녕 👋 지수", "{}", tried.body);
}

#[tokio::test]
async fn migration_resumes_after_a_kill_at_any_call() {
    let uninterrupted = MigrationEnv::start().await;
    uninterrupted.migrate().await;
    let end = comparable_table(&uninterrupted).await;
    for calls in 0.. {
        let context = format!("killed after {calls} calls");
        let env = MigrationEnv::start().await;
        env.env.faults.block_after(calls);
        tokio::select! {
            biased;
            () = env.env.faults.blocked() => {}
            report = Box::pin(env.migrate()) => assert!(!report.has_failures(), "{report}"),
        }
        let was_killed = env.env.faults.clear();
        env.assert_counts(&context).await;
        let report = Box::pin(env.migrate()).await;
        assert!(!report.has_failures(), "{context}: {report}");
        assert_eq!(comparable_table(&env).await, end, "{context}");
        if calls % 8 == 0 {
            env.assert_migrated(&context).await;
        }
        if !was_killed {
            assert!(calls >= 40, "it makes many calls: {calls}");
            return;
        }
    }
}

/// The table without what differs between runs: see [`without_random`], and the recent logs.
async fn comparable_table(env: &MigrationEnv) -> Table {
    let mut table = without_random(env.table().await);
    table.retain(|(_, sk), _| !sk.contains("#log-Recent"));
    table
}

#[tokio::test]
async fn reconciler_may_run_during_the_migration() {
    for calls in (5..200).step_by(10) {
        let context = format!("processed after {calls} calls");
        let env = MigrationEnv::start().await;
        env.env.faults.block_after(calls);
        tokio::select! {
            biased;
            () = env.env.faults.blocked() => {}
            _ = Box::pin(env.migrate()) => {}
        }
        let was_killed = env.env.faults.clear();
        env.settle().await;
        env.migrate().await;
        env.settle().await;
        env.assert_migrated(&context).await;
        let busy = env.get(&format!("/api/workspaces/{TEAM}/functions/{BUSY}")).await;
        assert_eq!((&busy["invocations24h"], &busy["errors24h"]), (&json!(2), &json!(1)));
        if !was_killed {
            return;
        }
    }
}

#[tokio::test]
async fn lost_responses_do_not_change_the_result() {
    let end = {
        let env = MigrationEnv::start().await;
        env.migrate().await;
        comparable_table(&env).await
    };
    for first in (1..).step_by(3) {
        let context = format!("3 calls from the {first}. on");
        let env = MigrationEnv::start().await;
        env.env.faults.inject(first, 3, Fault::Unanswered);
        let report = Box::pin(env.migrate()).await;
        let was_injected = env.env.faults.clear();
        assert!(!report.has_failures(), "{context}: {report}");
        assert_eq!(comparable_table(&env).await, end, "{context}");
        if !was_injected {
            return;
        }
    }
}

#[tokio::test]
async fn failed_items_are_reported_and_others_migrated() {
    let env = MigrationEnv::start().await;
    // A bucket that denies all access.
    let key = aws_sdk_s3::config::Credentials::new("wrong", "wrong", None, None, "test");
    let s3 = env.env.s3.config().to_builder().credentials_provider(key).build();
    let (dynamodb, config) = (env.env.dynamodb.clone(), &env.env.config);
    let store = Store::with_clients(dynamodb, aws_sdk_s3::Client::from_conf(s3), config);
    let options = Options { dry_run: false, owner: Owner::anonymous(), log_days: 30 };
    let migration = Migration::new(store, env.env.dynamodb.clone(), &config.table, options);
    let report = migration.run().await.unwrap();
    assert_eq!((report.workspaces.changed, report.functions.failed), (2, 5), "{report}");
    assert_eq!(report.logs.changed, 0, "logs are migrated after their function only: {report}");
    assert!(
        report.to_string().contains("Failed; run the command again to migrate the rest:"),
        "{report}"
    );
    env.assert_counts("without functions").await;
    assert!(!env.migrate().await.has_failures());
    env.assert_migrated("with the right key").await;
}

#[tokio::test]
async fn functions_keep_the_owner_of_their_workspace() {
    let mut env = TestEnv::start().unwrap();
    env.config.sign_in = true;
    legacy::fill(&env).await;
    let env = MigrationEnv::over(env).await;
    // Killed after the workspaces are migrated, and run again for another owner.
    let first_run = env.migration(false, Owner::of_subject("ada"));
    env.env.faults.block_after(9);
    tokio::select! {
        biased;
        () = env.env.faults.blocked() => {}
        _ = Box::pin(first_run.run()) => {}
    }
    env.env.faults.clear();
    env.migrate().await;
    let listed = env.send(Event::new("GET", "/api/workspaces").from("ada")).await;
    assert_eq!(listed.json().as_array().unwrap().len(), 2, "{}", listed.body);
    let path = format!("/api/workspaces/{TEAM}/functions");
    let functions = env.send(Event::new("GET", &path).from("ada")).await;
    assert_eq!(functions.json().as_array().unwrap().len(), 4, "{}", functions.body);
    let logs = env.send(Event::new("GET", &format!("{path}/{BUSY}/logs")).from("ada"));
    assert_eq!(logs.await.json()["logs"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn large_logs_are_migrated_across_scan_pages() {
    let env = MigrationEnv::start().await;
    let long = "가".repeat(50_000);
    for i in 0..12 {
        let (id, time) = (format!("L2ng{i:04}"), format!("2025-10-01T00:00:{i:02}.000001"));
        let mut log = legacy::log(&id, &time, "success");
        log["requestBody"] = json!({ "text": long });
        let sk = format!("LOG#{time}#{id}");
        legacy::put(&env.env, &format!("FN#{OF_OTHER}"), &sk, &log).await;
    }
    let report = env.migrate().await;
    assert_eq!(report.logs, tally(9 + 12, 0, 0, 4), "{report}");
    let path = format!("/api/workspaces/{OTHER}/functions/{OF_OTHER}/logs");
    let logs = env.get(&path).await["logs"].take();
    let logs = logs.as_array().unwrap();
    assert_eq!(logs.len(), 12);
    assert!(logs.iter().all(|log| log["requestBody"]["text"] == *long));
}

#[tokio::test]
async fn incomplete_table_is_not_migrated() {
    let env = MigrationEnv::start().await;
    let mut create = env.env.dynamodb.create_table().table_name("plain");
    for (name, kind) in [("PK", KeyType::Hash), ("SK", KeyType::Range)] {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        let text = AttributeDefinition::builder().attribute_name(name);
        let text = text.attribute_type(ScalarAttributeType::S);
        create = create.key_schema(key.build().unwrap());
        create = create.attribute_definitions(text.build().unwrap());
    }
    create.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    let config = Config { table: "plain".into(), ..env.env.config.clone() };
    let store = Store::with_clients(env.env.dynamodb.clone(), env.env.s3.clone(), &config);
    let migration = |dry_run| {
        let options = Options { dry_run, owner: Owner::anonymous(), log_days: 30 };
        Migration::new(store.clone(), env.env.dynamodb.clone(), "plain", options)
    };
    let report = migration(true).run().await.unwrap();
    assert_eq!(report.lacks.len(), 3, "{report}");
    let Err(MigrationError::Lacks { lacks, .. }) = migration(false).run().await else {
        panic!("it was changed")
    };
    assert!(lacks.contains("index GSI1") && lacks.contains("stream"), "{lacks}");
    assert!(lacks.contains("time to live"), "{lacks}");
}
