//! The settings of a function within the schemas of `Function` and `CreateFunction`.
//!
//! utoipa makes an `allOf` of a flattened field. One object is plainer for clients, so the field is
//! ignored there, and its properties are inserted here.

use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{Modify, PartialSchema};

use super::FunctionSettings;
use crate::domain::Name;

/// Inserts the properties of [`FunctionSettings`] into the schemas of an API's description.
#[derive(Clone, Copy, Debug)]
pub struct SettingsInSchemas;

impl Modify for SettingsInSchemas {
    fn modify(&self, openapi: &mut OpenApi) {
        let schemas = &mut openapi.components.get_or_insert_default().schemas;
        // In a function, its identifier and its workspace's come first.
        let holders = [("Function", 2, settings()), ("CreateFunction", 0, new_settings())];
        for (holder, at, settings) in holders {
            if let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(holder) {
                object.required.splice(at..at, settings.required);
                for (at, (name, schema)) in (at..).zip(settings.properties) {
                    object.properties.shift_insert(at, name, schema);
                }
            }
        }
    }
}

/// The settings as they are read: all of them are there.
fn settings() -> Object {
    match FunctionSettings::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::default(),
    }
}

/// The settings of a new function: all but the name have a default.
fn new_settings() -> Object {
    let mut settings = settings();
    settings.required.retain(|name| name == "name");
    let defaults = Name::try_from(Value::from("any")).map(FunctionSettings::named);
    let defaults = defaults.ok().and_then(|defaults| serde_json::to_value(defaults).ok());
    for (name, schema) in &mut settings.properties {
        let default = defaults.as_ref().and_then(|defaults| defaults.get(name));
        match schema {
            RefOr::Ref(description) if name == "description" => {
                description.description = "What it does; `null` is nothing.".into();
                let either = OneOfBuilder::new()
                    .item(description.clone())
                    .item(ObjectBuilder::new().schema_type(Type::Null))
                    .default(default.cloned());
                *schema = RefOr::T(Schema::OneOf(either.build()));
            }
            RefOr::Ref(reference) if name != "name" => reference.default = default.cloned(),
            _ => {}
        }
    }
    settings
}
