//! Changes of the table, for the reconciler and the counter to process.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use serde_json::{Value, json};

/// A change of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scenario {
    Deploy,
    Update,
    Count,
    InstallPackages,
    ChangePackages,
    DeletePackages,
    DeleteFunction,
    DeleteWorkspace,
}

impl Scenario {
    pub(crate) const ALL: [Self; 8] = [
        Self::Deploy,
        Self::Update,
        Self::Count,
        Self::InstallPackages,
        Self::ChangePackages,
        Self::DeletePackages,
        Self::DeleteFunction,
        Self::DeleteWorkspace,
    ];

    /// Whether its function has packages.
    pub(crate) fn has_packages(self) -> bool {
        matches!(self, Self::InstallPackages | Self::ChangePackages | Self::DeletePackages)
    }

    /// Makes the change. The path of the changed function.
    pub(crate) async fn run(self, api: &Deployment) -> String {
        let id = |made: Value| made["id"].as_str().unwrap().to_owned();
        let made = id(api.make("/api/workspaces", &json!({"name": "w"})).await);
        let workspace = format!("/api/workspaces/{made}");
        let requirements = self.has_packages().then_some("alpha");
        let code = STANDARD.encode(source(1));
        let body = json!({"name": "f", "code": code, "requirements": requirements});
        let made = id(api.make(&format!("{workspace}/functions"), &body).await);
        let function = format!("{workspace}/functions/{made}");
        if matches!(self, Self::Deploy | Self::InstallPackages) {
            return function;
        }
        api.settle().await;
        if self == Self::Update {
            let body = json!({"code": STANDARD.encode(source(2)), "memory": 512});
            assert_eq!(api.ask("PATCH", &function, Some(&body)).await.status, 200);
            return function;
        }
        if self == Self::ChangePackages {
            let body = json!({"requirements": "beta", "code": STANDARD.encode(importing("beta"))});
            assert_eq!(api.ask("PATCH", &function, Some(&body)).await.status, 200);
            return function;
        }
        for _ in 0..3 {
            let ran = api.ask("POST", &format!("{function}/invoke"), None).await;
            assert_eq!(ran.json()["responseBody"], 1, "{}", ran.body);
        }
        let deleted = match self {
            Self::DeleteFunction | Self::DeletePackages => &function,
            Self::DeleteWorkspace => &workspace,
            _ => return function,
        };
        assert_eq!(api.ask("DELETE", deleted, None).await.status, 204);
        function
    }

    /// Checks the state after the change was processed.
    pub(crate) async fn assert_processed(self, api: &Deployment, function: &str, case: &str) {
        let read = api.ask("GET", function, None).await;
        match self {
            Self::DeleteFunction | Self::DeletePackages | Self::DeleteWorkspace => {
                read.assert_error(404, "NOT_FOUND");
            }
            _ => {
                let function = format!("{function}/invoke");
                let ran = api.ask("POST", &function, None).await;
                assert_eq!(ran.status, 200, "{case}: {}", ran.body);
                let which = match self {
                    Self::Update => json!(2),
                    Self::ChangePackages => json!(["beta"]),
                    _ => json!(1),
                };
                assert_eq!(ran.json()["responseBody"], which, "{case}");
                let counted = if self == Self::Count { 3 } else { 0 };
                assert_eq!(read.json()["invocations24h"], counted, "{case}");
                api.settle().await;
            }
        }
    }
}

fn importing(package: &str) -> String {
    format!("import {package}\ndef handler(event, context):\n    return [{package}.name]\n")
}

fn source(which: u64) -> String {
    format!("def handler(event, context):\n    return {which}\n")
}
