//! `docs/scale.md` is what the simulation says today, of the units that are measured today.

use emulator::project;
use emulator::template::{DEFAULT_REGION, Template};
use measure::cost;
use measure::prices::Prices;
use measure::scale::{self, PAGE, costs};

#[test]
fn the_page_is_the_simulations() {
    PAGE.exact_section("scale", &scale::page(&Prices::US_EAST_1));
}

#[test]
fn a_simulated_call_has_the_measured_units() {
    let page = cost::PAGE.read("calls");
    let call = page.lines().find(|line| line.starts_with("| `GET /invoke/")).unwrap();
    let cells: Vec<_> = call.split('|').map(str::trim).collect();
    let read = costs::FUNCTION_READ_UNITS + costs::WORKSPACE_READ_UNITS;
    assert_eq!(cells[4], read.to_string());
    assert_eq!(cells[5], (costs::LOG_TABLE_UNITS + costs::LOG_INDEX_UNITS).to_string());
}

#[test]
fn a_simulated_batch_is_the_templates() {
    let template = project::source_root().join("template.yaml");
    let template = Template::read(&template, DEFAULT_REGION).unwrap();
    let counter = template.functions.iter().find(|function| function.binary == "counter").unwrap();
    let mapping = &counter.mappings[0];
    assert_eq!(mapping.batch_size as u64, costs::BATCH_RECORDS);
    assert_eq!(mapping.window.as_millis() as u64, costs::BATCH_WINDOW_MS);
}
