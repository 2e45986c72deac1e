//! CloudFormation's intrinsic functions, with every parameter at its default.

use serde_json::{Map, Value};

use super::TemplateError;
use super::cloudformation::{self, ACCOUNT_ID};

/// How deep references may nest; beyond it they go in a circle.
const DEEPEST: usize = 64;

/// Resolves the values of one template.
pub(super) struct Resolver<'t> {
    document: &'t Value,
    region: &'t str,
}

impl<'t> Resolver<'t> {
    pub(super) fn new(document: &'t Value, region: &'t str) -> Self {
        Self { document, region }
    }

    /// The template as written, not resolved.
    pub(super) fn document(&self) -> &'t Value {
        self.document
    }

    /// Resources of one type whose condition holds: logical id and body, not resolved.
    pub(super) fn resources(&self, kind: &str) -> Result<Vec<(&'t str, &'t Value)>, TemplateError> {
        let mut found = Vec::new();
        let resources = self.document.get("Resources").and_then(Value::as_object);
        for (id, resource) in resources.into_iter().flatten() {
            if resource.get("Type").and_then(Value::as_str) != Some(kind) {
                continue;
            }
            let holds = match resource.get("Condition").and_then(Value::as_str) {
                Some(name) => self.condition(name, &format!("Resources.{id}.Condition"), 0)?,
                None => true,
            };
            if holds {
                found.push((id.as_str(), resource));
            }
        }
        Ok(found)
    }

    /// The value with every intrinsic function replaced; `None` where it is `AWS::NoValue`.
    pub(super) fn resolve(
        &self,
        value: &Value,
        place: &str,
    ) -> Result<Option<Value>, TemplateError> {
        self.at_depth(value, place, 0)
    }

    fn at_depth(
        &self,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Result<Option<Value>, TemplateError> {
        if depth > DEEPEST {
            return Err(TemplateError::at(
                place,
                "refers to itself in a circle",
                "break the circle with a plain value",
            ));
        }
        let depth = depth + 1;
        match value {
            Value::Object(map) => match intrinsic(map) {
                Some((name, argument)) => self.call(name, argument, place, depth),
                None => {
                    let mut resolved = Map::new();
                    for (key, value) in map {
                        let place = format!("{place}.{key}");
                        if let Some(value) = self.at_depth(value, &place, depth)? {
                            resolved.insert(key.clone(), value);
                        }
                    }
                    Ok(Some(Value::Object(resolved)))
                }
            },
            Value::Array(items) => {
                let mut resolved = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    resolved.extend(self.at_depth(item, &format!("{place}.{i}"), depth)?);
                }
                Ok(Some(Value::Array(resolved)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    fn call(
        &self,
        name: &str,
        argument: &Value,
        place: &str,
        depth: usize,
    ) -> Result<Option<Value>, TemplateError> {
        let list = |length: usize| match argument.as_array() {
            Some(items) if items.len() == length => Ok(items),
            _ => Err(TemplateError::at(
                place,
                format!("gives {name} something else than a list of {length}"),
                "see CloudFormation's manual for its form",
            )),
        };
        Ok(Some(match name {
            "Ref" => return self.reference(&self.text(argument, place, depth)?, place, depth),
            "Fn::GetAtt" => {
                let [resource, attribute] = &list(2)?[..] else { unreachable!("length checked") };
                let resource = self.text(resource, place, depth)?;
                self.attribute(&resource, &self.text(attribute, place, depth)?, place, depth)?
            }
            "Fn::Sub" => self.substitute(argument, place, depth)?,
            "Fn::Join" => {
                let items = list(2)?;
                let parts = self.texts(&items[1], place, depth)?;
                Value::String(parts.join(&self.text(&items[0], place, depth)?))
            }
            "Fn::Split" => {
                let items = list(2)?;
                let text = self.text(&items[1], place, depth)?;
                let separator = self.text(&items[0], place, depth)?;
                Value::from(text.split(&separator).collect::<Vec<_>>())
            }
            "Fn::Select" => {
                let items = list(2)?;
                let index: usize =
                    self.text(&items[0], place, depth)?.parse().map_err(|_| wrong_index(place))?;
                let choices = self.at_depth(&items[1], place, depth)?;
                let chosen = choices.as_ref().and_then(|c| c.get(index)).cloned();
                chosen.ok_or_else(|| wrong_index(place))?
            }
            "Fn::If" => {
                let items = list(3)?;
                let name = self.text(&items[0], place, depth)?;
                let chosen = if self.condition(&name, place, depth)? { 1 } else { 2 };
                return self.at_depth(&items[chosen], place, depth);
            }
            "Condition" | "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
                Value::Bool(self.holds(name, argument, place, depth)?)
            }
            unknown => {
                return Err(TemplateError::at(
                    place,
                    format!("uses {unknown}, which the local stack does not know"),
                    "use Ref, Fn::Sub, Fn::Join, Fn::Select, Fn::Split or Fn::If there",
                ));
            }
        }))
    }

    fn holds(
        &self,
        name: &str,
        argument: &Value,
        place: &str,
        depth: usize,
    ) -> Result<bool, TemplateError> {
        if name == "Condition" {
            return self.condition(&self.text(argument, place, depth)?, place, depth);
        }
        let operands = self.at_depth(argument, place, depth)?;
        let operands = operands.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
        let all_bool: Option<Vec<bool>> = operands.iter().map(Value::as_bool).collect();
        match (name, &operands[..], all_bool.as_deref()) {
            ("Fn::Equals", [left, right], _) => {
                Ok(cloudformation::plain_text(left) == cloudformation::plain_text(right))
            }
            ("Fn::Not", _, Some([operand])) => Ok(!operand),
            ("Fn::And", _, Some(all)) => Ok(all.iter().all(|b| *b)),
            ("Fn::Or", _, Some(all)) => Ok(all.iter().any(|b| *b)),
            _ => Err(TemplateError::at(
                place,
                format!("gives {name} operands that it does not take"),
                "see CloudFormation's manual for its form",
            )),
        }
    }

    fn condition(&self, name: &str, place: &str, depth: usize) -> Result<bool, TemplateError> {
        let body = self.document.get("Conditions").and_then(|c| c.get(name)).ok_or_else(|| {
            TemplateError::at(
                place,
                format!("names the condition {name}, which is not under Conditions"),
                "define it, or correct the name",
            )
        })?;
        let place = format!("Conditions.{name}");
        self.at_depth(body, &place, depth)?.as_ref().and_then(Value::as_bool).ok_or_else(|| {
            TemplateError::at(&place, "is neither true nor false", "use Fn::Equals or the like")
        })
    }

    fn reference(
        &self,
        name: &str,
        place: &str,
        depth: usize,
    ) -> Result<Option<Value>, TemplateError> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some(value) = cloudformation::pseudo_parameter(name, self.region) {
            return Ok(Some(Value::from(value)));
        }
        if let Some(parameter) = self.document.get("Parameters").and_then(|p| p.get(name)) {
            return cloudformation::parameter_default(name, parameter).map(Some);
        }
        let Some(resource) = self.document.get("Resources").and_then(|r| r.get(name)) else {
            return Err(TemplateError::at(
                place,
                format!("refers to {name}, which is neither a parameter nor a resource"),
                "define it, or correct the name",
            ));
        };
        let Some(property) = cloudformation::naming_property(resource) else {
            return Err(TemplateError::at(
                place,
                format!("refers to {name}, whose name or id does not exist locally"),
                "only the table, the bucket, parameters and pseudo-parameters can be referred to there",
            ));
        };
        let named = format!("Resources.{name}.Properties.{property}");
        match resource.get("Properties").and_then(|p| p.get(property)) {
            Some(value) => self.at_depth(value, &named, depth),
            None => Err(TemplateError::missing(&format!("Resources.{name}.Properties"), property)),
        }
    }

    fn attribute(
        &self,
        resource: &str,
        attribute: &str,
        place: &str,
        depth: usize,
    ) -> Result<Value, TemplateError> {
        let body = self.document.get("Resources").and_then(|r| r.get(resource));
        let kind = body.and_then(|b| b.get("Type")).and_then(Value::as_str).unwrap_or("");
        let name = |this: &Self| {
            this.text(
                &Value::Object(Map::from_iter([("Ref".into(), resource.into())])),
                place,
                depth,
            )
        };
        match (kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => Ok(Value::from(format!(
                "arn:aws:dynamodb:{}:{ACCOUNT_ID}:table/{}",
                self.region,
                name(self)?
            ))),
            // These exist on AWS only, and only policies speak of them.
            ("AWS::DynamoDB::Table", "StreamArn")
            | ("AWS::Logs::LogGroup", "Arn")
            | ("AWS::SQS::Queue", "Arn") => Ok(Value::from(format!("arn:aws:local:{resource}"))),
            ("AWS::S3::Bucket", "Arn") => Ok(Value::from(format!("arn:aws:s3:::{}", name(self)?))),
            ("AWS::IAM::Role", "Arn") => {
                Ok(Value::from(format!("arn:aws:iam::{ACCOUNT_ID}:role/{resource}")))
            }
            _ => Err(TemplateError::at(
                place,
                format!("needs {resource}.{attribute}, which does not exist locally"),
                "only the Arn of the table, the bucket and of roles do: pass something else there",
            )),
        }
    }

    fn substitute(
        &self,
        argument: &Value,
        place: &str,
        depth: usize,
    ) -> Result<Value, TemplateError> {
        let (text, own) = match argument {
            Value::Array(items) if items.len() == 2 => (&items[0], items[1].as_object()),
            text => (text, None),
        };
        let text = text.as_str().ok_or_else(|| {
            TemplateError::at(place, "gives Fn::Sub no text", "give it a text with ${Name} in it")
        })?;
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let (name, after) = after.split_once('}').ok_or_else(|| {
                TemplateError::at(place, "has a ${ without its }", "close the brace")
            })?;
            rest = after;
            let value = if let Some(literal) = name.strip_prefix('!') {
                Value::from(format!("${{{literal}}}"))
            } else if let Some(value) = own.and_then(|own| own.get(name)) {
                Value::from(self.text(value, place, depth)?)
            } else if let Some((resource, attribute)) = name.split_once('.') {
                self.attribute(resource, attribute, place, depth)?
            } else {
                self.reference(name, place, depth)?.unwrap_or(Value::Null)
            };
            result.push_str(&cloudformation::plain_text(&value).ok_or_else(|| {
                TemplateError::at(
                    place,
                    format!("puts {name}, which is not one value, into a text"),
                    "use Fn::Join for a list",
                )
            })?);
        }
        result.push_str(rest);
        Ok(Value::String(result))
    }

    fn text(&self, value: &Value, place: &str, depth: usize) -> Result<String, TemplateError> {
        let resolved = self.at_depth(value, place, depth)?;
        resolved.as_ref().and_then(cloudformation::plain_text).ok_or_else(|| {
            TemplateError::at(place, "is not one plain value", "put a text or a number there")
        })
    }

    fn texts(
        &self,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Result<Vec<String>, TemplateError> {
        let resolved = self.at_depth(value, place, depth)?;
        let texts = resolved.as_ref().and_then(Value::as_array).and_then(|items| {
            items.iter().map(cloudformation::plain_text).collect::<Option<Vec<_>>>()
        });
        texts.ok_or_else(|| {
            TemplateError::at(place, "is not a list of plain values", "put a list there")
        })
    }
}

fn intrinsic(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = map.iter().next().filter(|_| map.len() == 1)?;
    // A policy statement's Condition is an object; the intrinsic one names a condition.
    let is_condition = name == "Condition" && argument.is_string();
    (name == "Ref" || name.starts_with("Fn::") || is_condition).then_some((name, argument))
}

fn wrong_index(place: &str) -> TemplateError {
    TemplateError::at(place, "selects an item that is not in the list", "correct the index")
}
