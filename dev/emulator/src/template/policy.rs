//! Statements of a role's policy, as far as those of the template go.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::TemplateError;

/// An action on a resource, as policies name them, that a call to AWS needs permission for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredPermission {
    /// `dynamodb:GetItem`.
    pub action: String,
    /// Its ARN.
    pub resource: String,
    /// The values of the request that conditions may compare, by AWS's names of their keys.
    pub context: BTreeMap<&'static str, Vec<String>>,
}

/// A statement that allows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStatement {
    /// Its name, which each has.
    pub sid: String,
    /// What it allows: whole names of actions.
    pub actions: Vec<String>,
    /// On what: ARNs, with `*` for anything.
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// A condition: which values a key of the request's context may have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    key: String,
    values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Written {
    sid: String,
    effect: String,
    action: OneOrMore,
    resource: OneOrMore,
    #[serde(default)]
    condition: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl From<OneOrMore> for Vec<String> {
    fn from(written: OneOrMore) -> Self {
        match written {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        }
    }
}

/// Conditions that compare texts, of which `Like` alone knows `*`. Both are read as `Like`, since
/// a `*` for itself stands in no key and no name.
const OPERATORS: [&str; 4] =
    ["StringEquals", "StringLike", "ForAllValues:StringEquals", "ForAllValues:StringLike"];

impl PolicyStatement {
    /// Reads the statement at `place`, with every intrinsic function resolved.
    ///
    /// # Errors
    /// Where it isn't one that allows, with a `Sid` and whole names of actions, or has a condition
    /// that isn't followed here.
    pub(super) fn read(statement: Value, place: &str) -> Result<Self, TemplateError> {
        let unknown = |what: String| {
            let advice = "write Sid, Effect: Allow, Action, Resource and Condition, and teach \
                          dev/emulator/src/template/policy.rs what else is needed";
            TemplateError::at(place, what, advice)
        };
        let written: Written = serde_json::from_value(statement)
            .map_err(|problem| unknown(format!("is no statement: {problem}")))?;
        if written.effect != "Allow" {
            return Err(unknown(format!("has the effect {}", written.effect)));
        }
        let mut conditions = Vec::new();
        for (operator, keys) in written.condition {
            if !OPERATORS.contains(&&*operator) {
                return Err(unknown(format!("has a condition {operator}")));
            }
            for (key, values) in keys.as_object().into_iter().flatten() {
                let values: OneOrMore = serde_json::from_value(values.clone())
                    .map_err(|problem| unknown(format!("has a condition on {key}: {problem}")))?;
                conditions.push(Condition { key: key.clone(), values: values.into() });
            }
        }
        let actions: Vec<String> = written.action.into();
        if let Some(action) = actions.iter().find(|action| action.contains(['*', '?'])) {
            return Err(unknown(format!("allows {action}, which is more than one action")));
        }
        let resources = written.resource.into();
        Ok(Self { sid: written.sid, actions, resources, conditions })
    }

    /// On what it allows things: ARNs, with `*` for anything.
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// Whether it allows what is required.
    pub fn allows(&self, required: &RequiredPermission) -> bool {
        self.actions.contains(&required.action)
            && self.resources.iter().any(|pattern| matches(pattern, &required.resource))
            && self.conditions.iter().all(|condition| condition.holds(required))
    }
}

impl Condition {
    /// Every value that the request has must be one of the condition's. A request without the key
    /// is not let through, though AWS's `ForAllValues` would: nothing here relies on that.
    fn holds(&self, required: &RequiredPermission) -> bool {
        let values = required.context.get(&*self.key).map(Vec::as_slice).unwrap_or_default();
        let is_allowed = |value: &String| self.values.iter().any(|pattern| matches(pattern, value));
        !values.is_empty() && values.iter().all(is_allowed)
    }
}

/// Whether `text` is as `pattern`, in which `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn statement(more: &Value) -> Result<PolicyStatement, TemplateError> {
        let mut statement = json!({
            "Sid": "S", "Effect": "Allow", "Action": ["a:One", "a:Two"], "Resource": "arn:x/faas-*",
        });
        for (name, value) in more.as_object().unwrap() {
            statement[name] = value.clone();
        }
        PolicyStatement::read(statement, "here")
    }

    fn required(action: &str, resource: &str, keys: &[&str]) -> RequiredPermission {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let context = BTreeMap::from([("a:Keys", keys)]);
        RequiredPermission { action: action.into(), resource: resource.into(), context }
    }

    #[test]
    fn action_resource_and_condition_must_all_be_right() {
        let free = statement(&json!({})).unwrap();
        assert!(free.allows(&required("a:Two", "arn:x/faas-1", &[])));
        assert!(!free.allows(&required("a:Three", "arn:x/faas-1", &[])));
        assert!(!free.allows(&required("a:Two", "arn:x/fas-1", &[])));
        let condition = json!({"ForAllValues:StringLike": {"a:Keys": ["OWNER#*", "X"]}});
        let bound = statement(&json!({ "Condition": condition })).unwrap();
        assert!(bound.allows(&required("a:One", "arn:x/faas-", &["OWNER#a", "X"])));
        for keys in [&["OWNER#a", "WS#1"][..], &["XX"], &[]] {
            assert!(!bound.allows(&required("a:One", "arn:x/faas-", keys)), "{keys:?}");
        }
    }

    #[test]
    fn what_is_not_followed_is_told() {
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
