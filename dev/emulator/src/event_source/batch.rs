//! The function's answer to a batch, as AWS reads it.

use serde_json::Value;

use crate::stream::sequence_number;

/// How many records of a batch succeeded, counted from its first.
///
/// With `reports_failures` an answer may name failed records: everything before the first of
/// them succeeded. As on AWS, an answer that names anything else fails the whole batch.
pub(super) fn succeeded(records: &[Value], answer: &Value, reports_failures: bool) -> usize {
    let failures = answer.get("batchItemFailures").and_then(Value::as_array);
    let Some(failures) = failures.filter(|_| reports_failures) else { return records.len() };
    let mut first = records.len();
    for failure in failures {
        let number = failure["itemIdentifier"].as_str().unwrap_or_default();
        match records.iter().position(|record| sequence_number(record) == number) {
            Some(index) => first = first.min(index),
            None => return 0,
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_failed_record_ends_what_succeeded() {
        let records: Vec<Value> =
            ["1", "2", "3"].map(|n| json!({"dynamodb": {"SequenceNumber": n}})).into();
        let failed = |numbers: &[&str]| {
            let items = numbers.iter().map(|n| json!({"itemIdentifier": n}));
            json!({"batchItemFailures": items.collect::<Vec<_>>()})
        };
        for (answer, expected) in [
            (Value::Null, 3),
            (json!({}), 3),
            (json!({"batchItemFailures": null}), 3),
            (failed(&[]), 3),
            (failed(&["3"]), 2),
            (failed(&["3", "2"]), 1),
            (failed(&["1"]), 0),
            (failed(&[""]), 0),
            (failed(&["2", "9"]), 0),
            (json!({"batchItemFailures": [{"other": "2"}]}), 0),
        ] {
            assert_eq!(succeeded(&records, &answer, true), expected, "{answer}");
        }
        assert_eq!(succeeded(&records, &failed(&["1"]), false), 3);
    }
}
