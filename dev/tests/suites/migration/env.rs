//! The earlier backend's table with everything that reads it, changes it and follows it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use counter::Counter;
use migrate::{Migration, Options, Report};
use reconciler::Reconciler;
use serde_json::{Value, json};
use shared::domain::Owner;
use shared::engine::Engine;
use testkit::permissions::acting_as;
use testkit::{self, Event, Lambda, TestEnv};

use super::legacy::{BUSY, LARGE, OF_OTHER, OTHER, TEAM};

pub(crate) type Item = HashMap<String, AttributeValue>;
pub(crate) type Table = BTreeMap<(String, String), Item>;

/// The earlier backend's table, and the Lambdas that read it.
pub(crate) struct MigrationEnv {
    pub(crate) env: TestEnv,
    pub(crate) lambdas: [Lambda; 3],
}

impl MigrationEnv {
    pub(crate) async fn start() -> Self {
        let env = TestEnv::start().unwrap();
        super::legacy::fill(&env).await;
        Self::over(env)
    }

    pub(crate) fn over(env: TestEnv) -> Self {
        let store = || env.store.clone();
        let lambdas = [
            env.lambda("workspaces", workspaces::router(store())),
            env.lambda("functions", functions::router(store())),
            env.lambda("logs", logs::router(store())),
        ];
        Self { env, lambdas }
    }

    pub(crate) fn migration(&self, dry_run: bool, owner: Owner) -> Migration {
        let (dynamodb, _) = testkit::clients(self.env.stores(), self.env.faults.clone());
        let options = Options { dry_run, owner, log_days: 30 };
        Migration::new(self.env.store.clone(), dynamodb, &self.env.config.table, options)
    }

    pub(crate) async fn migrate(&self) -> Report {
        self.migration(false, Owner::anonymous()).run().await.unwrap()
    }

    /// What the API answers.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let [workspaces, functions, logs] = &self.lambdas;
        let lambda = match path.split('?').next().unwrap() {
            path if path.ends_with("/logs") => logs,
            path if path.contains("/functions") => functions,
            _ => workspaces,
        };
        let answer = lambda.answer(Event::new("GET", path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    pub(crate) async fn table(&self) -> Table {
        let mut pages = self
            .env
            .dynamodb
            .scan()
            .table_name(&self.env.config.table)
            .into_paginator()
            .items()
            .send();
        let mut table = Table::new();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            let key = |name: &str| item[name].as_s().unwrap().clone();
            table.insert((key("PK"), key("SK")), item);
        }
        table
    }

    pub(crate) async fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let (s3, bucket) = (&self.env.s3, &self.env.config.bucket);
        let listed = s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        let mut objects = BTreeMap::new();
        for key in listed.contents().iter().filter_map(|object| object.key()) {
            let got = s3.get_object().bucket(bucket).key(key).send().await.unwrap();
            objects.insert(key.to_owned(), got.body.collect().await.unwrap().to_vec());
        }
        objects
    }

    /// Lets the reconciler and the counter follow everything that has happened so far.
    pub(crate) async fn settle(&self) {
        let engine = Engine::with_client(self.env.lambda_client().await, &self.env.config);
        let reconciler = Reconciler::new(self.env.store.clone(), engine);
        let counter = Counter::new(self.env.store.clone());
        let follow = async |event: Value| {
            let end = SystemTime::now() + Duration::from_secs(600);
            let read = || serde_json::from_value(event.clone()).unwrap();
            let Ok(followed) = acting_as("reconciler", reconciler.handle(read(), end)).await;
            let Ok(counted) = acting_as("counter", counter.handle(read())).await;
            testkit::together([followed, counted].map(|a| serde_json::to_value(a).unwrap()))
        };
        self.env.settle(follow).await;
    }

    /// Holds what the API answers against what the earlier backend held.
    pub(crate) async fn assert_migrated(&self, context: &str) {
        let listed = self.get("/api/workspaces").await;
        let ids: BTreeSet<&str> =
            listed.as_array().unwrap().iter().map(|w| w["id"].as_str().unwrap()).collect();
        assert_eq!(ids, BTreeSet::from([TEAM, OTHER]), "{context}");
        let team = self.get(&format!("/api/workspaces/{TEAM}")).await;
        assert_eq!(
            (&team["name"], &team["description"], &team["createdAt"], &team["functionCount"]),
            (
                &json!("결제팀 🚀"),
                &json!("orders\nand refunds"),
                &json!("2025-11-08T03:04:05.123Z"),
                &json!(4)
            ),
            "{context}"
        );
        let other = self.get(&format!("/api/workspaces/{OTHER}")).await;
        assert_eq!(other["createdAt"], "2025-12-23T15:30:00.000Z", "{context}");
        assert_eq!((&other["functionCount"], &other["description"]), (&json!(1), &json!("")));
        for (id, source) in super::legacy::sources() {
            let ws = if id == OF_OTHER { OTHER } else { TEAM };
            let function = self.get(&format!("/api/workspaces/{ws}/functions/{id}")).await;
            let expected = json!({
                "id": id, "workspaceId": ws, "name": format!("이름 {id}"), "description": "",
                "runtime": "Python 3.12", "memory": 256, "timeout": 30,
                "httpMethods": ["GET", "POST"], "environmentVariables": {"KEY": "값 🔑"},
                "code": STANDARD.encode(source),
                "status": if id == LARGE { "disabled" } else { "active" },
                "lastModified":
                    if id == LARGE { "2025-11-08T03:04:05.000Z" } else { "2025-11-08T03:04:05.123Z" },
            });
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&function[name], value, "{context}: {name} of {id}");
            }
        }
        self.assert_logs(context).await;
    }

    pub(crate) async fn assert_logs(&self, context: &str) {
        let path = format!("/api/workspaces/{TEAM}/functions/{BUSY}/logs");
        let of_function = self.get(&path).await;
        let logs = of_function["logs"].as_array().unwrap();
        let ids: Vec<&str> = logs.iter().map(|log| log["id"].as_str().unwrap()).collect();
        let newest_first = [
            "log-RecentAa",
            "log-RecentBb",
            "log-BareBare",
            "log-NullsFff",
            "log-BoolsEee",
            "log-NumbersD",
            "log-TextsCcc",
            "log-2rraysBb",
            "log-2bjectsA",
        ];
        assert_eq!(ids, newest_first, "{context}");
        assert_eq!(
            self.get(&format!("/api/workspaces/{TEAM}/logs")).await,
            of_function,
            "{context}"
        );
        for (i, (id, request, response)) in super::legacy::bodies().into_iter().enumerate() {
            let log = logs.iter().find(|log| log["id"] == format!("log-{id}")).unwrap();
            let expected = json!({
                "id": format!("log-{id}"), "functionId": BUSY,
                "timestamp": format!("2025-11-08T03:04:{}.123Z", 10 + i), "status": "success",
                "duration": 12.5, "statusCode": 200, "requestBody": request,
                "responseBody": response, "logs": ["first", "둘째 🥈", ""], "level": "info",
            });
            assert_eq!(log, &expected, "{context}");
        }
        let bare = logs.iter().find(|log| log["id"] == "log-BareBare").unwrap();
        assert_eq!(
            (&bare["level"], &bare["duration"]),
            (&json!("error"), &json!(7.0)),
            "{context}"
        );
        assert_eq!((&bare["logs"], &bare["responseBody"]), (&json!([]), &json!(null)), "{context}");
        let answer = self.lambdas[2].answer(Event::new("GET", &path)).await;
        assert!(answer.body.contains(":12345678901234567890.123456789,"), "{context}");
    }

    /// That a workspace counts exactly the functions that its list holds.
    pub(crate) async fn assert_counts(&self, context: &str) {
        let listed = self.get("/api/workspaces").await.as_array().unwrap().len();
        let count = ("OWNER#anonymous".to_owned(), "COUNT".to_owned());
        let counted = self.table().await.get(&count).map(|item| item["workspaces"].clone());
        let counted = counted.map_or("0".into(), |number| number.as_n().unwrap().clone());
        assert_eq!(counted, listed.to_string(), "{context}: workspaces of the owner");
        for workspace in self.get("/api/workspaces").await.as_array().unwrap() {
            let path = format!("/api/workspaces/{}/functions", workspace["id"].as_str().unwrap());
            let listed = self.get(&path).await.as_array().unwrap().len();
            assert_eq!(workspace["functionCount"], listed, "{context}: {workspace}");
        }
    }
}
