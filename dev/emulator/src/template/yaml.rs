//! YAML with CloudFormation's short tags, as JSON with the long forms.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Value, json};

use super::error::TemplateError;

/// Reads the first document of `text`: `!Ref X` becomes `{"Ref": "X"}`, `!Sub X`
/// becomes `{"Fn::Sub": "X"}`, and so on for every tag.
pub(super) fn to_json(text: &str) -> Result<Value, TemplateError> {
    let documents = Yaml::load_from_str(text).map_err(|error| TemplateError::Syntax {
        line: error.marker().line(),
        problem: error.info().to_owned(),
    })?;
    Ok(documents.first().map_or(Value::Null, convert))
}

fn convert(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(text)) | Yaml::Representation(text, ..) => json!(text),
        Yaml::Sequence(items) => items.iter().map(convert).collect(),
        Yaml::Mapping(entries) => {
            let name = |key: &Yaml<'_>| match convert(key) {
                Value::String(name) => name,
                other => other.to_string(),
            };
            Value::Object(entries.iter().map(|(key, value)| (name(key), convert(value))).collect())
        }
        Yaml::Tagged(tag, inner) => match (tag.suffix.as_str(), convert(inner)) {
            (name @ ("Ref" | "Condition"), value) => json!({ name: value }),
            ("GetAtt", Value::String(text)) => {
                json!({"Fn::GetAtt": text.splitn(2, '.').collect::<Vec<_>>()})
            }
            (name, value) => json!({ format!("Fn::{name}"): value }),
        },
        Yaml::Value(Scalar::Null) | Yaml::Alias(_) | Yaml::BadValue => Value::Null,
    }
}
