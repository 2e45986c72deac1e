//! An event source mapping, and the filter patterns that say which records it takes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// An event of the type `DynamoDB`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The logical ids of the function and of the event, with a dot between.
    pub name: String,
    /// Whether it starts at the oldest record; otherwise after the newest.
    pub from_oldest: bool,
    /// The most records of one invocation; AWS's default is 100.
    pub batch_size: usize,
    /// How long a batch is gathered.
    pub window: Duration,
    /// A record is taken if one of them matches, or if there is none.
    pub patterns: Vec<Pattern>,
    /// Whether the function's answer names the records that failed.
    pub reports_failures: bool,
    /// How often a failed batch is retried; `None` is no limit.
    pub retries: Option<u32>,
    /// Whether a failed batch is retried in halves.
    pub bisects: bool,
}

impl Mapping {
    /// Whether the function gets a record.
    pub fn takes(&self, record: &Value) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(record))
    }
}

/// A filter pattern as EventBridge has them: it has the form of the record, with a list of
/// alternatives at each leaf. Texts, `prefix` and `exists` are understood; anything else is an
/// error, so no filter means something else here than on AWS.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Pattern(BTreeMap<String, Node>);

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Node {
    Object(Pattern),
    AnyOf(Vec<Alternative>),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Alternative {
    Equal(String),
    Operator(Operator),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operator {
    Prefix(String),
    Exists(bool),
}

impl Pattern {
    /// Parses a pattern, which is JSON.
    ///
    /// # Errors
    /// What can't be used, to be read after the place of the pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|problem| {
            format!(
                "has the pattern {text}, of which texts, prefix and exists are known: {problem}"
            )
        })
    }

    fn matches(&self, record: &Value) -> bool {
        self.0.iter().all(|(name, node)| {
            let value = record.get(name);
            match node {
                // A missing object is like an empty one: a leaf below may want it so.
                Node::Object(pattern) => pattern.matches(value.unwrap_or(&Value::Null)),
                Node::AnyOf(alternatives) => alternatives.iter().any(|a| a.matches(value)),
            }
        })
    }
}

impl Alternative {
    fn matches(&self, value: Option<&Value>) -> bool {
        // To a pattern an object is no value. Of a list, one item is enough.
        let items = match value {
            None | Some(Value::Object(_)) => &[],
            Some(Value::Array(items)) => &items[..],
            Some(value) => std::slice::from_ref(value),
        };
        let mut texts = items.iter().filter_map(Value::as_str);
        match self {
            Self::Equal(wanted) => texts.any(|text| text == wanted),
            Self::Operator(Operator::Prefix(prefix)) => texts.any(|text| text.starts_with(prefix)),
            Self::Operator(Operator::Exists(wanted)) => items.is_empty() != *wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_matches_as_on_eventbridge() {
        let record = json!({
            "eventName": "MODIFY",
            "dynamodb": {
                "Keys": {"PK": {"S": "WS#1"}, "SK": {"S": "FN#2"}},
                "NewImage": {"SK": {"S": "FN#2"}, "tags": {"SS": ["a", "b"]}, "n": {"N": "5"}},
            },
        });
        let key = |alternatives: Value| json!({"dynamodb": {"Keys": {"SK": {"S": alternatives}}}});
        for (pattern, matches) in [
            (json!({}), true),
            (json!({"eventName": ["INSERT", "MODIFY"]}), true),
            (json!({"eventName": ["INSERT"]}), false),
            (json!({"eventName": []}), false),
            (key(json!([{"prefix": "FN#"}])), true),
            (key(json!([{"prefix": "LOG#"}])), false),
            (key(json!([{"prefix": "LOG#"}, "FN#2"])), true),
            (json!({"dynamodb": {"NewImage": {"gone": {"S": [{"exists": false}]}}}}), true),
            (json!({"dynamodb": {"OldImage": {"SK": {"S": [{"exists": false}]}}}}), true),
            (json!({"dynamodb": {"NewImage": {"SK": {"S": [{"exists": false}]}}}}), false),
            (json!({"dynamodb": {"NewImage": {"SK": {"S": [{"exists": true}]}}}}), true),
            (json!({"dynamodb": {"NewImage": {"tags": {"SS": ["b"]}}}}), true),
            (json!({"dynamodb": {"NewImage": {"n": {"N": ["5"]}}}}), true),
            // As on AWS, only a leaf exists.
            (json!({"dynamodb": {"NewImage": [{"exists": true}]}}), false),
            (json!({"eventName": ["MODIFY"], "other": ["x"]}), false),
        ] {
            let parsed = Pattern::parse(&pattern.to_string()).unwrap();
            assert_eq!(parsed.matches(&record), matches, "{pattern}");
        }
    }

    #[test]
    fn an_operator_that_is_not_implemented_is_an_error() {
        for pattern in [
            "{",
            "[]",
            r#"{"a": "x"}"#,
            r#"{"a": [5]}"#,
            r#"{"a": {"b": [{"numeric": [">", 5]}]}}"#,
            r#"{"a": [{"suffix": "x"}]}"#,
            r#"{"a": [{"prefix": "x", "exists": true}]}"#,
            r#"{"$or": [{"a": ["x"]}]}"#,
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
