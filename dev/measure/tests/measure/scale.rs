//! What is said of the time past one machine is what the simulation says today, of today's figures.

use emulator::project;
use emulator::template::{DEFAULT_REGION, Template};
use measure::cost;
use measure::prices::Prices;
use measure::scale::{self, Costs, PAGE};

#[test]
fn the_page_is_the_simulations() {
    PAGE.exact_section("scale", &scale::page(&Costs::measured(), &Prices::default()));
}

/// The simulation's own numbers for a call are those that `tests/cost.rs` measures.
#[test]
fn a_call_costs_what_was_measured() {
    let page = cost::PAGE.read("calls");
    let call = page.lines().find(|line| line.starts_with("| `GET /invoke/")).unwrap();
    let cells: Vec<_> = call.split('|').map(str::trim).collect();
    let costs = Costs::measured();
    assert_eq!(cells[4], costs.call_read_units().to_string());
    assert_eq!(cells[5], (costs.log_table_units + costs.log_index_units).to_string());
}

#[test]
fn a_batch_is_as_the_template_has_it() {
    let template = project::source_root().join("template.yaml");
    let template = Template::read(&template, DEFAULT_REGION).unwrap();
    let counter = template.functions.iter().find(|function| function.binary == "counter").unwrap();
    let costs = Costs::measured();
    let mapping = &counter.mappings[0];
    assert_eq!(mapping.batch_size as u64, costs.batch_records);
    assert_eq!(mapping.window.as_millis() as u64, costs.batch_window_ms);
}
