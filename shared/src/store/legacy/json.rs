//! Attributes as JSON text, in which numbers keep all digits that DynamoDB gives.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// `attributes` as a JSON object.
pub(super) fn object<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>,
) -> String {
    let mut json = String::new();
    write_object(attributes, &mut json);
    json
}

/// `value` as JSON. Sets are arrays and bytes are base64. The names of an object are sorted, because
/// DynamoDB keeps no order. Items nest at most 32 levels.
pub(super) fn text(value: &AttributeValue) -> String {
    let mut json = String::new();
    write(value, &mut json);
    json
}

fn write(value: &AttributeValue, json: &mut String) {
    match value {
        AttributeValue::S(text) => write_text(text, json),
        AttributeValue::N(number) => json.push_str(number),
        AttributeValue::Bool(is) => json.push_str(if *is { "true" } else { "false" }),
        AttributeValue::B(bytes) => write_text(&STANDARD.encode(bytes), json),
        AttributeValue::L(values) => write_array(values, write, json),
        AttributeValue::M(attributes) => write_object(attributes, json),
        AttributeValue::Ss(texts) => write_array(texts, |text, json| write_text(text, json), json),
        AttributeValue::Ns(numbers) => {
            write_array(numbers, |number, json| json.push_str(number), json);
        }
        AttributeValue::Bs(all) => {
            write_array(all, |bytes, json| write_text(&STANDARD.encode(bytes), json), json);
        }
        // And types that DynamoDB doesn't have so far.
        _ => json.push_str("null"),
    }
}

fn write_text(text: &str, json: &mut String) {
    json.push_str(&Value::from(text).to_string());
}

fn write_array<T>(values: &[T], write: impl Fn(&T, &mut String), json: &mut String) {
    json.push('[');
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            json.push(',');
        }
        write(value, json);
    }
    json.push(']');
}

fn write_object<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>,
    json: &mut String,
) {
    let mut attributes: Vec<_> = attributes.into_iter().collect();
    attributes.sort_by_key(|(name, _)| *name);
    json.push('{');
    for (i, (name, value)) in attributes.into_iter().enumerate() {
        if i > 0 {
            json.push(',');
        }
        write_text(name, json);
        json.push(':');
        write(value, json);
    }
    json.push('}');
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_attribute_type_has_a_json_form() {
        let n = |number: &str| AttributeValue::N(number.into());
        let s = |text: &str| AttributeValue::S(text.into());
        let inner = HashMap::from([("z".to_owned(), n("1")), ("a\"".to_owned(), s("\n👋"))]);
        let all = AttributeValue::L(vec![
            n("12345678901234567890123456789012345678"),
            n("-0.10000000000000000555"),
            AttributeValue::Bool(true),
            AttributeValue::Bool(false),
            AttributeValue::Null(true),
            AttributeValue::M(inner),
            AttributeValue::M(HashMap::new()),
            AttributeValue::Ns(vec!["1".into(), "2".into()]),
            AttributeValue::Ss(vec!["a".into()]),
            AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(b"abc")),
        ]);
        assert_eq!(
            text(&all),
            "[12345678901234567890123456789012345678,-0.10000000000000000555,true,false,null,\
             {\"a\\\"\":\"\\n👋\",\"z\":1},{},[1,2],[\"a\"],\"YWJj\"]"
        );
    }
}
