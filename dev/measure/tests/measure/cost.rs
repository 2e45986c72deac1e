//! The cost of each route is the one of `docs/cost.md`, so that a change shows in review.

use std::collections::BTreeSet;

use deployment::Deployment;
use emulator::project;
use measure::cost::{self, BACKGROUND_ITEMS, Cost, PAGE};
use measure::prices::Prices;
use serde_json::Value;

#[tokio::test]
async fn every_route_has_the_documented_cost_with_any_number_of_background_items() {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let mut all = Vec::new();
    for items in BACKGROUND_ITEMS {
        all.push(cost::costs(&api, items).await);
    }
    let tables: Vec<_> = all.iter().map(|costs| cost::table(costs)).collect();
    for (table, items) in tables.iter().zip(BACKGROUND_ITEMS) {
        assert_eq!(*table, tables[0], "with {items} background items of each kind");
    }
    let costs = &all[0];
    assert_targets(costs);
    assert_eq!(described(), measured(costs), "every operation is measured");
    PAGE.exact_section("calls", &tables[0]);
    let bill = cost::bill(costs, &Prices::US_EAST_1);
    PAGE.hold("dollars", &bill, cost::without_kilobytes);
}

/// The page has the reasons of the exceptions.
fn assert_targets(costs: &[Cost]) {
    for Cost { what, calls, depth, written, .. } in costs {
        let most = match what {
            _ if calls.iter().any(|call| call == "Invoke") => 3,
            _ if what.contains("/build-and-push") => 3,
            _ if what.contains("/tasks") || what.contains("/api/functions/") => 2,
            _ if what.contains("a large source") || what.contains("files") => 2,
            _ if calls.iter().any(|call| call == "PutObject") => 2,
            _ => 1,
        };
        let claimed = usize::from(what.contains("Idempotency-Key"));
        assert!(*depth <= most + claimed, "{what}: {depth} calls one after the other");
        assert!(!calls.iter().any(|call| call == "Scan"), "{what}");
        let is_run = claimed == 0 && calls.iter().any(|call| call == "Invoke");
        assert!(!is_run || *written <= 2.0, "{what}: {written} units for a log");
    }
}

/// Methods and paths of `openapi.json`.
fn described() -> BTreeSet<String> {
    let text = std::fs::read_to_string(project::source_root().join("openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    // A function's URL is one route for all methods.
    operations.filter(|o| !o.contains(" /invoke/") || o.starts_with("GET ")).collect()
}

fn measured(costs: &[Cost]) -> BTreeSet<String> {
    let routes = costs.iter().filter_map(|cost| cost.what.split('`').nth(1));
    routes.filter(|route| !route.starts_with("OPTIONS")).map(str::to_owned).collect()
}
