//! Tests of the detection, with sources as people write them for each platform.

mod applications;
mod bounds;
mod conflicts;
mod entry_points;
mod events;
mod platforms;

use ruff_python_parser::{Mode, ParseOptions, parse_module, parse_unchecked};

use super::*;

/// The detection in one line: `aws handler`, `native -` without an entry point, and
/// `aws handler | asgi app` for an ambiguous one.
fn told(source: &str, entry_point: Option<&str>) -> String {
    let parsed = parse_module(source).expect(source);
    match detect(parsed.syntax(), entry_point) {
        Detection::Found { form, entry_point } => {
            format!("{} {}", form.name(), entry_point.as_deref().unwrap_or("-"))
        }
        Detection::Ambiguous { candidates } => {
            assert!(candidates.len() > 1);
            let told = candidates.iter().map(|c| format!("{} {}", c.form.name(), c.entry_point));
            told.collect::<Vec<_>>().join(" | ")
        }
    }
}

/// Checks a table of what is expected, and the source. Broken parts of it must have an answer too.
fn check(table: &[(&str, &str)]) {
    for (_, source) in table {
        for (end, _) in source.char_indices() {
            let options = ParseOptions::from(Mode::Module);
            let parsed = parse_unchecked(&source[..end], options).try_into_module();
            detect(parsed.expect("a module").syntax(), None);
        }
    }
    let wrong: Vec<String> = table
        .iter()
        .map(|(expected, source)| (expected, source, told(source, None)))
        .filter(|(expected, _, told)| told != *expected)
        .map(|(expected, source, told)| format!("{told}, not {expected}:\n{source}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_form_has_one_name() {
    let names: std::collections::HashSet<_> = Form::ALL.iter().map(|form| form.name()).collect();
    assert_eq!(names.len(), Form::ALL.len());
    for (place, form) in Form::ALL.into_iter().enumerate() {
        assert_eq!(form as usize, place);
    }
}
