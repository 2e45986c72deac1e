//! YAML with CloudFormation's short tags, as JSON with the long forms.

use saphyr::{LoadableYamlNode, Scalar, ScanError, Tag, Yaml};
use serde_json::{Map, Number, Value};

use super::TemplateError;

/// Reads the first document of `text`: `!Ref X` becomes `{"Ref": "X"}`, `!Sub X`
/// becomes `{"Fn::Sub": "X"}`, and so on for every tag.
pub(super) fn to_json(text: &str) -> Result<Value, TemplateError> {
    let documents = Yaml::load_from_str(text).map_err(|error| syntax_error(&error))?;
    let document = documents.into_iter().next().unwrap_or(Yaml::Value(Scalar::Null));
    let json = convert(&document, "the document")?;
    if !json.is_object() {
        return Err(TemplateError::at(
            "the document",
            "is not a mapping",
            "a template starts with keys such as Transform and Resources",
        ));
    }
    Ok(json)
}

fn syntax_error(error: &ScanError) -> TemplateError {
    TemplateError::Syntax { line: error.marker().line(), problem: error.info().to_owned() }
}

fn convert(node: &Yaml<'_>, place: &str) -> Result<Value, TemplateError> {
    Ok(match node {
        Yaml::Value(scalar) => convert_scalar(scalar, place)?,
        Yaml::Representation(text, ..) => Value::String(text.to_string()),
        Yaml::Sequence(items) => {
            let item = |(i, item)| convert(item, &format!("{place}.{i}"));
            Value::Array(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = match convert(key, place)? {
                    Value::String(key) => key,
                    key @ (Value::Number(_) | Value::Bool(_)) => key.to_string(),
                    _ => {
                        return Err(TemplateError::at(
                            place,
                            "has a key that is not a word",
                            "use a string as the key",
                        ));
                    }
                };
                let place =
                    if place == "the document" { key.clone() } else { format!("{place}.{key}") };
                map.insert(key, convert(value, &place)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tag, inner) => convert_tagged(tag, convert(inner, place)?, place)?,
        Yaml::Alias(_) | Yaml::BadValue => {
            return Err(TemplateError::at(
                place,
                "holds a value that can't be read",
                "write it out plainly",
            ));
        }
    })
}

fn convert_scalar(scalar: &Scalar<'_>, place: &str) -> Result<Value, TemplateError> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(b) => Value::Bool(*b),
        Scalar::Integer(i) => Value::from(*i),
        Scalar::FloatingPoint(f) => {
            let number = Number::from_f64(f.into_inner());
            Value::Number(number.ok_or_else(|| {
                TemplateError::at(place, "is not a finite number", "put a number there")
            })?)
        }
        Scalar::String(s) => Value::String(s.to_string()),
    })
}

fn convert_tagged(tag: &Tag, value: Value, place: &str) -> Result<Value, TemplateError> {
    if tag.handle != "!" {
        return Err(TemplateError::at(
            place,
            format!("has the tag {}{}", tag.handle, tag.suffix),
            "CloudFormation's tags, such as !Ref, are the only ones that are understood",
        ));
    }
    let (name, value) = match (tag.suffix.as_str(), value) {
        ("Ref", value) => ("Ref".to_owned(), value),
        ("Condition", value) => ("Condition".to_owned(), value),
        ("GetAtt", Value::String(text)) => {
            let (resource, attribute) = text.split_once('.').unwrap_or((&text, ""));
            ("Fn::GetAtt".to_owned(), Value::from(vec![resource, attribute]))
        }
        (function, value) => (format!("Fn::{function}"), value),
    };
    Ok(Value::Object(Map::from_iter([(name, value)])))
}
