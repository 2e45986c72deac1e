//! A deployment over the legacy backend's table.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::{Deployment, Item};
use migrate::{Migration, Options, Report};
use serde_json::json;
use shared::domain::Owner;
use testkit::TestEnv;

use super::legacy::{BUSY, LARGE, OF_OTHER, OTHER, TEAM};

pub(crate) type Table = BTreeMap<(String, String), Item>;

/// A deployment over the legacy backend's table.
pub(crate) struct MigrationEnv {
    api: Deployment,
}

impl MigrationEnv {
    pub(crate) async fn start() -> Self {
        let env = TestEnv::start().unwrap();
        super::legacy::fill(&env).await;
        Self::over(env).await
    }

    pub(crate) async fn over(env: TestEnv) -> Self {
        Self { api: Deployment::over(env).await }
    }

    pub(crate) fn migration(&self, dry_run: bool, owner: Owner) -> Migration {
        let (dynamodb, _) = testkit::clients(self.env.stores(), self.env.faults.clone());
        let options = Options { dry_run, owner, log_days: 30 };
        Migration::new(self.env.store.clone(), dynamodb, &self.env.config.table, options)
    }

    pub(crate) async fn migrate(&self) -> Report {
        self.migration(false, Owner::anonymous()).run().await.unwrap()
    }

    /// Every item by its key.
    pub(crate) async fn table(&self) -> Table {
        let key = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
        let items = self.items().await.into_iter();
        items.map(|item| ((key(&item, "PK"), key(&item, "SK")), item)).collect()
    }

    /// Compares what the API returns with the legacy table.
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
                "cpuTime": null, "maxMemory": null,
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
        let answer = self.ask("GET", &path, None).await;
        assert!(answer.body.contains(":12345678901234567890.123456789,"), "{context}");
    }

    /// Compares the counts of workspaces and functions with the lists.
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

impl Deref for MigrationEnv {
    type Target = Deployment;

    fn deref(&self) -> &Deployment {
        &self.api
    }
}
