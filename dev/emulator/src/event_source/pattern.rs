//! Filter patterns of an event source mapping, as EventBridge has them.
//!
//! A pattern has the form of the record, with a list of alternatives at each
//! leaf. Exact values, `prefix`, `exists` and `anything-but` are understood;
//! everything else is refused, so that a filter never means something else here
//! than on AWS.

use serde_json::Value;

/// A filter that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Vec<(String, Node)>);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Within(Pattern),
    OneOf(Vec<Alternative>),
}

#[derive(Clone, Debug, PartialEq)]
enum Alternative {
    Equal(Value),
    Prefix(String),
    Exists(bool),
    AnythingBut(Vec<Value>),
    AnythingButPrefix(String),
}

impl Pattern {
    /// Understands a pattern, which is JSON as a text.
    ///
    /// # Errors
    /// What can't be followed, to be read after the place of the pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pattern: Value =
            serde_json::from_str(text).map_err(|e| format!("is not JSON ({e})"))?;
        Self::read(&pattern, "")
    }

    /// Whether a record has everything that the pattern asks for.
    pub fn matches(&self, record: &Value) -> bool {
        self.0.iter().all(|(name, node)| {
            let value = record.get(name);
            match node {
                // What is missing is as if it were empty: a leaf below may ask for that.
                Node::Within(pattern) => pattern.matches(value.unwrap_or(&Value::Null)),
                Node::OneOf(alternatives) => alternatives.iter().any(|a| a.takes(value)),
            }
        })
    }

    fn read(pattern: &Value, place: &str) -> Result<Self, String> {
        let Value::Object(fields) = pattern else {
            return Err(format!("has something else than an object {}", at(place)));
        };
        let mut nodes = Vec::new();
        for (name, value) in fields {
            if name.starts_with('$') {
                return Err(format!("uses {name} {}, which is not implemented", at(place)));
            }
            let below = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            let node = match value {
                Value::Array(items) if items.is_empty() => {
                    return Err(format!("has an empty list {}", at(&below)));
                }
                Value::Array(items) => Node::OneOf(
                    items.iter().map(|i| alternative(i, &below)).collect::<Result<_, _>>()?,
                ),
                _ => Node::Within(Self::read(value, &below)?),
            };
            nodes.push((name.clone(), node));
        }
        Ok(Self(nodes))
    }
}

impl Alternative {
    fn takes(&self, value: Option<&Value>) -> bool {
        // An object is no leaf: to a pattern it is as if nothing were there.
        let value = value.filter(|value| !value.is_object());
        if let Self::Exists(wanted) = self {
            return value.is_some() == *wanted;
        }
        match value {
            None => false,
            // One of a list is enough.
            Some(Value::Array(items)) => items.iter().any(|item| self.takes_leaf(item)),
            Some(value) => self.takes_leaf(value),
        }
    }

    fn takes_leaf(&self, value: &Value) -> bool {
        let starts = |prefix: &str| value.as_str().is_some_and(|text| text.starts_with(prefix));
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::Prefix(prefix) => starts(prefix),
            Self::Exists(wanted) => *wanted,
            Self::AnythingBut(unwanted) => !unwanted.contains(value),
            Self::AnythingButPrefix(prefix) => !starts(prefix),
        }
    }
}

fn alternative(item: &Value, place: &str) -> Result<Alternative, String> {
    let unknown = || Err(format!("has {item} {}, which is not implemented", at(place)));
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Array(_) => return unknown(),
        plain => return Ok(Alternative::Equal(plain.clone())),
    };
    let mut fields = fields.iter();
    let (Some((name, value)), None) = (fields.next(), fields.next()) else { return unknown() };
    let plain = |value: &Value| value.is_string() || value.is_number();
    match (name.as_str(), value) {
        ("prefix", Value::String(prefix)) => Ok(Alternative::Prefix(prefix.clone())),
        ("exists", Value::Bool(wanted)) => Ok(Alternative::Exists(*wanted)),
        ("anything-but", value) if plain(value) => {
            Ok(Alternative::AnythingBut(vec![value.clone()]))
        }
        ("anything-but", Value::Array(values)) if values.iter().all(plain) => {
            Ok(Alternative::AnythingBut(values.clone()))
        }
        ("anything-but", Value::Object(inner)) if inner.len() == 1 => match inner.get("prefix") {
            Some(Value::String(prefix)) => Ok(Alternative::AnythingButPrefix(prefix.clone())),
            _ => unknown(),
        },
        _ => unknown(),
    }
}

fn at(place: &str) -> String {
    if place.is_empty() { "at its top".to_owned() } else { format!("at {place}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn takes(pattern: &Value, record: &Value) -> bool {
        Pattern::parse(&pattern.to_string()).unwrap().matches(record)
    }

    #[test]
    fn records_are_told_apart() {
        let record = json!({
            "eventName": "MODIFY",
            "dynamodb": {
                "Keys": {"PK": {"S": "WS#1"}, "SK": {"S": "FN#2"}},
                "NewImage": {"SK": {"S": "FN#2"}, "tags": {"SS": ["a", "b"]}, "n": {"N": "5"}},
            },
        });
        let key = |alternatives: Value| json!({"dynamodb": {"Keys": {"SK": {"S": alternatives}}}});
        for (pattern, taken) in [
            (json!({}), true),
            (json!({"eventName": ["INSERT", "MODIFY"]}), true),
            (json!({"eventName": ["INSERT"]}), false),
            (key(json!([{"prefix": "FN#"}])), true),
            (key(json!([{"prefix": "LOG#"}])), false),
            (key(json!([{"prefix": "LOG#"}, "FN#2"])), true),
            (key(json!([{"anything-but": "FN#2"}])), false),
            (key(json!([{"anything-but": ["a", "b"]}])), true),
            (key(json!([{"anything-but": {"prefix": "LOG#"}}])), true),
            (key(json!([{"anything-but": {"prefix": "FN#"}}])), false),
            (json!({"dynamodb": {"NewImage": {"gone": {"S": [{"exists": false}]}}}}), true),
            (json!({"dynamodb": {"OldImage": {"SK": {"S": [{"exists": false}]}}}}), true),
            (json!({"dynamodb": {"NewImage": {"SK": {"S": [{"exists": false}]}}}}), false),
            (json!({"dynamodb": {"NewImage": {"SK": {"S": [{"exists": true}]}}}}), true),
            (json!({"dynamodb": {"OldImage": {"SK": {"S": [{"anything-but": "x"}]}}}}), false),
            (json!({"dynamodb": {"NewImage": {"tags": {"SS": ["b"]}}}}), true),
            (json!({"dynamodb": {"NewImage": {"n": {"N": ["5"]}}}}), true),
            (json!({"dynamodb": {"NewImage": {"n": {"N": [5]}}}}), false),
            // As on AWS: only a leaf exists.
            (json!({"dynamodb": {"NewImage": [{"exists": true}]}}), false),
            (json!({"eventName": ["MODIFY"], "other": ["x"]}), false),
        ] {
            assert_eq!(takes(&pattern, &record), taken, "{pattern}");
        }
    }

    #[test]
    fn what_is_not_implemented_is_refused_with_its_place() {
        for (pattern, said) in [
            ("{", "is not JSON"),
            ("[]", "something else than an object at its top"),
            (r#"{"a": "x"}"#, "something else than an object at a"),
            (r#"{"a": []}"#, "an empty list at a"),
            (r#"{"a": {"b": [{"numeric": [">", 5]}]}}"#, "at a.b, which is not implemented"),
            (r#"{"a": [{"suffix": "x"}]}"#, "at a, which is not implemented"),
            (r#"{"a": [{"anything-but": {"suffix": "x"}}]}"#, "which is not implemented"),
            (r#"{"$or": []}"#, "uses $or at its top"),
        ] {
            let error = Pattern::parse(pattern).unwrap_err();
            assert!(error.contains(said), "{pattern}: {error}");
        }
    }
}
