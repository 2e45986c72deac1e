//! What each route costs, held against `docs/cost.md`: a change that costs more is seen there.

use std::collections::BTreeSet;

use deployment::Deployment;
use emulator::project;
use measure::cost::{self, Cost, NEIGHBOURS, PAGE};
use measure::prices::Prices;
use serde_json::Value;

/// Costs of what was measured, which are held against the targets and the page.
#[tokio::test]
async fn every_route_costs_what_the_page_says_whatever_is_beside_it() {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let mut all = Vec::new();
    for neighbours in NEIGHBOURS {
        all.push(cost::costs(&api, neighbours).await);
    }
    let tables: Vec<_> = all.iter().map(|costs| cost::table(costs)).collect();
    for (table, neighbours) in tables.iter().zip(NEIGHBOURS) {
        assert_eq!(*table, tables[0], "among {neighbours} neighbours of each kind");
    }
    let costs = &all[0];
    hold_targets(costs);
    assert_eq!(described(), measured(costs), "every operation is measured");
    PAGE.exact_section("calls", &tables[0]);
    let bill = cost::bill(costs, &Prices::default());
    PAGE.hold("dollars", &bill, cost::without_kilobytes);
}

/// The exceptions stand on the page with their reasons.
fn hold_targets(costs: &[Cost]) {
    for Cost { what, calls, depth, written, .. } in costs {
        let most = match what {
            _ if calls.iter().any(|call| call == "Invoke") => 3,
            _ if what.contains("a large source") => 2,
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

/// Paths and methods of the API's description.
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
