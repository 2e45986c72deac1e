//! The syntax check of Python sources, and the recognition of their handlers' form: it always ends, with
//! the position and the problem, with a form, or with the candidates.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use shared::domain::{CreateFunction, Fields, InvalidField, PatchFunction};

fuzz_target!(|data: &[u8]| {
    let Ok(source) = std::str::from_utf8(data) else { return };
    if source.is_empty() {
        return;
    }
    let runtimes = ["Python 3.11", "Python 3.12", "Python 3.13"];
    let errors = runtimes.map(|runtime| syntax_error::<CreateFunction>(source, runtime));
    for error in errors.iter().flatten() {
        assert_position(source, error);
    }
    // No Python since 3.11 has removed syntax.
    assert!(errors.windows(2).all(|pair| pair[0].is_some() || pair[1].is_none()));
    assert_eq!(syntax_error::<PatchFunction>(source, runtimes[1]), errors[1]);
});

/// Line, column and problem.
type SyntaxError = (usize, usize, String);

fn syntax_error<T: TryFrom<Fields, Error = InvalidField>>(
    source: &str,
    runtime: &str,
) -> Option<SyntaxError> {
    let body = json!({ "name": "f", "runtime": runtime, "code": STANDARD.encode(source) });
    let fields = Fields::parse(body.to_string().as_bytes()).expect("a body");
    match T::try_from(fields) {
        Ok(_) => None,
        Err(error) => {
            fuzz::assert_message(&error.to_string());
            let (python, line, column, problem) = match error {
                InvalidField::Syntax { python, line, column, problem, .. } => {
                    (python, line, column, problem)
                }
                // It is Python, of several forms.
                InvalidField::Value { field, .. } if field == "code" => return None,
                other => panic!("{other:?}"),
            };
            assert_eq!(python, runtime);
            Some((line, column, problem))
        }
    }
}

/// Checks that the position is in the source, and the problem one short line.
fn assert_position(source: &str, (line, column, problem): &SyntaxError) {
    let source = source.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = source.split('\n').collect();
    assert!((1..=lines.len()).contains(line), "line {line} of {}", lines.len());
    let letters = lines[line - 1].chars().count();
    assert!((1..=letters + 1).contains(column), "column {column} of {letters}");
    assert!((1..=200).contains(&problem.chars().count()), "{problem:?}");
}
