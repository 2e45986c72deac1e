//! The statements of a role's policy, in the forms that the template uses.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// An action on a resource that a call to AWS needs permission for, in the words of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredPermission {
    /// `dynamodb:GetItem`.
    pub action: String,
    /// Its ARN.
    pub resource: String,
    /// The request's values by condition key.
    pub context: BTreeMap<&'static str, Vec<String>>,
}

/// A statement that allows something. Any other form is an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PolicyStatement {
    /// Its name; each has one.
    pub sid: String,
    #[serde(rename = "Effect")]
    _effect: Effect,
    /// Complete names of actions.
    #[serde(rename = "Action", deserialize_with = "one_or_many")]
    pub actions: Vec<String>,
    #[serde(rename = "Resource", deserialize_with = "one_or_many")]
    resources: Vec<String>,
    #[serde(default, rename = "Condition")]
    conditions: BTreeMap<Operator, BTreeMap<String, Values>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
}

/// Operators that compare texts. All are read as `StringLike`, since no key and no name holds a
/// literal `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Operator {
    StringEquals,
    StringLike,
    #[serde(rename = "ForAllValues:StringEquals")]
    AllEqual,
    #[serde(rename = "ForAllValues:StringLike")]
    AllLike,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Values(#[serde(deserialize_with = "one_or_many")] Vec<String>);

fn one_or_many<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(value)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

impl PolicyStatement {
    /// Parses a statement whose intrinsic functions are resolved.
    ///
    /// # Errors
    /// What is not supported, to be read after its place.
    pub(super) fn read(statement: Value) -> Result<Self, String> {
        let unsupported = |problem: String| {
            format!(
                "has a statement that dev/emulator/src/template/policy.rs can't read: {problem}"
            )
        };
        let read: Self = serde_json::from_value(statement)
            .map_err(|problem| unsupported(problem.to_string()))?;
        match read.actions.iter().find(|action| action.contains(['*', '?'])) {
            Some(action) => Err(unsupported(format!("{action} is more than one action"))),
            None => Ok(read),
        }
    }

    /// ARNs of what it allows, with `*` for any text.
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// Whether it allows what is required.
    pub fn allows(&self, required: &RequiredPermission) -> bool {
        self.actions.contains(&required.action)
            && self.resources.iter().any(|pattern| matches(pattern, &required.resource))
            && self.conditions.values().flatten().all(|(key, allowed)| {
                // AWS's `ForAllValues` would accept a request without the key; nothing here
                // relies on that.
                let values = required.context.get(key.as_str()).map_or(&[][..], Vec::as_slice);
                let is_allowed = |value: &String| allowed.0.iter().any(|p| matches(p, value));
                !values.is_empty() && values.iter().all(is_allowed)
            })
    }
}

/// Whether `text` matches `pattern`, in which `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn statement(more: &Value) -> Result<PolicyStatement, String> {
        let mut statement = json!({
            "Sid": "S", "Effect": "Allow", "Action": ["a:One", "a:Two"], "Resource": "arn:x/faas-*",
        });
        for (name, value) in more.as_object().unwrap() {
            statement[name] = value.clone();
        }
        PolicyStatement::read(statement)
    }

    fn required(action: &str, resource: &str, keys: &[&str]) -> RequiredPermission {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let context = BTreeMap::from([("a:Keys", keys)]);
        RequiredPermission { action: action.into(), resource: resource.into(), context }
    }

    #[test]
    fn action_resource_and_condition_must_all_match() {
        let free = statement(&json!({})).unwrap();
        assert!(free.allows(&required("a:Two", "arn:x/faas-1", &[])));
        assert!(!free.allows(&required("a:Three", "arn:x/faas-1", &[])));
        assert!(!free.allows(&required("a:Two", "arn:x/fas-1", &[])));
        let condition = json!({"ForAllValues:StringLike": {"a:Keys": ["OWNER#*", "X"]}});
        let conditional = statement(&json!({ "Condition": condition })).unwrap();
        assert!(conditional.allows(&required("a:One", "arn:x/faas-", &["OWNER#a", "X"])));
        for keys in [&["OWNER#a", "WS#1"][..], &["XX"], &[]] {
            assert!(!conditional.allows(&required("a:One", "arn:x/faas-", keys)), "{keys:?}");
        }
    }

    #[test]
    fn an_unsupported_statement_is_an_error() {
        for more in [
            json!({"Action": "a:*"}),
            json!({"Effect": "Deny"}),
            json!({"NotResource": "x"}),
            json!({"Condition": {"IpAddress": {"aws:SourceIp": "1.2.3.4"}}}),
        ] {
            assert!(statement(&more).is_err(), "{more}");
        }
    }
}
