//! CloudFormation's intrinsic functions.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::TemplateError;
use crate::ids::{self, ACCOUNT};

/// How deep references may nest; deeper ones go in a circle.
const MAX_DEPTH: usize = 10;

/// Evaluates the values of one template.
///
/// A function that can't be evaluated, because what it names exists on AWS only, stays the
/// object that it is. [`Resolver::read`] then refuses it where another type is needed.
pub(super) struct Resolver<'t> {
    document: &'t Value,
    region: &'t str,
}

impl<'t> Resolver<'t> {
    pub(super) fn new(document: &'t Value, region: &'t str) -> Self {
        Self { document, region }
    }

    /// Logical ids and bodies of the resources of one type whose condition holds.
    pub(super) fn resources(&self, kind: &str) -> Vec<(&'t str, &'t Value)> {
        let resources = self.document["Resources"].as_object().into_iter().flatten();
        let exists = |resource: &Value| {
            let condition = resource["Condition"].as_str();
            condition.is_none_or(|name| self.condition(name, 0) != Some(false))
        };
        resources
            .filter(|(_, resource)| resource["Type"] == kind && exists(resource))
            .map(|(id, resource)| (id.as_str(), resource))
            .collect()
    }

    /// The value at `place` of the document, such as `Globals.Function`, as a `T`. A value that
    /// is missing is read as an empty object.
    pub(super) fn read<T: DeserializeOwned>(&self, place: &str) -> Result<T, TemplateError> {
        let value = self.document.pointer(&format!("/{}", place.replace('.', "/")));
        let resolved = value.and_then(|value| self.resolve(value, 0));
        read(resolved.unwrap_or_else(|| Map::new().into()), place)
    }

    /// `None` is `AWS::NoValue`.
    fn resolve(&self, value: &Value, depth: usize) -> Option<Value> {
        match value {
            Value::Object(map) => self.call(map, depth).unwrap_or_else(|| {
                let resolved = |(key, value): (&String, &Value)| {
                    Some((key.clone(), self.resolve(value, depth)?))
                };
                Some(Value::Object(map.iter().filter_map(resolved).collect()))
            }),
            Value::Array(items) => {
                Some(items.iter().filter_map(|item| self.resolve(item, depth)).collect())
            }
            plain => Some(plain.clone()),
        }
    }

    /// The value of the intrinsic function `map`; `None` if it is none that can be evaluated.
    fn call(&self, map: &Map<String, Value>, depth: usize) -> Option<Option<Value>> {
        let (name, argument) = map.iter().next().filter(|_| map.len() == 1)?;
        let operands = || self.resolve(argument, depth).and_then(list);
        let booleans = || operands()?.iter().map(Value::as_bool).collect::<Option<Vec<bool>>>();
        Some(Some(match (name.as_str(), argument) {
            ("Ref", Value::String(name)) if name == "AWS::NoValue" => return Some(None),
            ("Ref", Value::String(name)) => self.reference(name, depth)?,
            ("Fn::GetAtt", Value::Array(names)) => {
                let [resource, attribute] = &names[..] else { return None };
                Value::from(self.attribute(resource.as_str()?, attribute.as_str()?, depth)?)
            }
            ("Fn::Sub", Value::String(text)) => Value::from(self.substitute(text, depth)?),
            ("Fn::Join", _) => {
                let [separator, items] = &operands()?[..] else { return None };
                let texts: Option<Vec<String>> = items.as_array()?.iter().map(text).collect();
                Value::from(texts?.join(separator.as_str()?))
            }
            ("Fn::If", Value::Array(parts)) => {
                let [condition, yes, no] = &parts[..] else { return None };
                let holds = self.condition(condition.as_str()?, depth)?;
                return Some(self.resolve(if holds { yes } else { no }, depth));
            }
            // A policy statement's condition is an object.
            ("Condition", Value::String(name)) => self.condition(name, depth)?.into(),
            ("Fn::Equals", _) => {
                let [left, right] = &operands()?[..] else { return None };
                (text(left)? == text(right)?).into()
            }
            ("Fn::Not", _) => (booleans()? == [false]).into(),
            ("Fn::And", _) => booleans()?.iter().all(|holds| *holds).into(),
            ("Fn::Or", _) => booleans()?.iter().any(|holds| *holds).into(),
            _ => return None,
        }))
    }

    fn condition(&self, name: &str, depth: usize) -> Option<bool> {
        let body = self.document.get("Conditions")?.get(name).filter(|_| depth < MAX_DEPTH)?;
        self.resolve(body, depth + 1)?.as_bool()
    }

    fn reference(&self, name: &str, depth: usize) -> Option<Value> {
        match name {
            "AWS::Region" => return Some(self.region.into()),
            "AWS::AccountId" => return Some(ACCOUNT.into()),
            "AWS::Partition" => return Some("aws".into()),
            "AWS::StackName" => return Some("local".into()),
            "AWS::URLSuffix" => return Some("amazonaws.com".into()),
            _ => {}
        }
        if let Some(parameter) = self.document["Parameters"].get(name) {
            let default = parameter.get("Default")?;
            let is_list = parameter["Type"] == "CommaDelimitedList";
            let items = |text: &str| text.split(',').map(str::trim).collect();
            return Some(if is_list { items(default.as_str()?) } else { default.clone() });
        }
        let resource = self.document["Resources"].get(name).filter(|_| depth < MAX_DEPTH)?;
        let property = match resource["Type"].as_str()? {
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::S3::Bucket" => "BucketName",
            _ => return None,
        };
        self.resolve(resource["Properties"].get(property)?, depth + 1)
    }

    fn attribute(&self, id: &str, attribute: &str, depth: usize) -> Option<String> {
        let resource = self.document["Resources"].get(id)?;
        let name = || self.reference(id, depth).as_ref().and_then(text);
        let region = self.region;
        Some(match (resource["Type"].as_str()?, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => {
                format!("arn:aws:dynamodb:{region}:{ACCOUNT}:table/{}", name()?)
            }
            ("AWS::S3::Bucket", "Arn") => format!("arn:aws:s3:::{}", name()?),
            ("AWS::Serverless::Function", "Arn") => {
                let binary = &resource["Metadata"]["BuildProperties"]["Binary"];
                ids::function_arn(region, binary.as_str()?)
            }
            ("AWS::IAM::Role", "Arn") => format!("arn:aws:iam::{ACCOUNT}:role/{id}"),
            // They exist on AWS only, and only policies and mappings name them.
            ("AWS::DynamoDB::Table", "StreamArn")
            | ("AWS::Logs::LogGroup" | "AWS::SQS::Queue", "Arn") => format!("arn:aws:local:{id}"),
            _ => return None,
        })
    }

    /// `text` with a value for each `${Name}`.
    fn substitute(&self, text: &str, depth: usize) -> Option<String> {
        let mut parts = text.split("${");
        let mut result = parts.next()?.to_owned();
        for part in parts {
            let (name, after) = part.split_once('}')?;
            result += &match (name.strip_prefix('!'), name.split_once('.')) {
                (Some(literal), _) => format!("${{{literal}}}"),
                (None, Some((id, attribute))) => self.attribute(id, attribute, depth)?,
                (None, None) => self.reference(name, depth).as_ref().and_then(self::text)?,
            };
            result += after;
        }
        Some(result)
    }
}

/// A value that is resolved already, as a `T`. `place` is its place in the template.
pub(super) fn read<T: DeserializeOwned>(value: Value, place: &str) -> Result<T, TemplateError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = format!("{place}.{}", error.path());
        let problem = format!("can't be used: {}", error.inner());
        TemplateError::at(place.trim_end_matches('.'), problem)
    })
}

/// A plain value as CloudFormation writes it into a text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}
