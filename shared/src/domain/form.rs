//! The form of a function's handler: the platform that it was written for.

mod detect;
mod platform_packages;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

pub(super) use detect::{Candidate, Detection, detect};
pub(super) use platform_packages::platform_packages;

use super::error::{InvalidField, ValidationError};
use super::settings::one_of;

/// The form of a handler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `handler(event, context)` of this API.
    #[default]
    Native,
    /// An HTTP component of Fermyon Spin.
    Spin,
    /// `lambda_handler(event, context)` of AWS Lambda.
    Aws,
    /// A WSGI application: Flask, Django, Bottle.
    Wsgi,
    /// An ASGI application: FastAPI, Starlette.
    Asgi,
    /// Google Cloud Functions.
    Gcp,
    /// Azure Functions.
    Azure,
    /// Apache OpenWhisk and DigitalOcean Functions.
    OpenWhisk,
    /// OpenFaaS.
    OpenFaas,
    /// Fission.
    Fission,
    /// Nuclio.
    Nuclio,
    /// Appwrite Functions.
    Appwrite,
    /// Knative Functions.
    Knative,
    /// Vercel Functions.
    Vercel,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 14] = [
        Self::Native,
        Self::Spin,
        Self::Aws,
        Self::Wsgi,
        Self::Asgi,
        Self::Gcp,
        Self::Azure,
        Self::OpenWhisk,
        Self::OpenFaas,
        Self::Fission,
        Self::Nuclio,
        Self::Appwrite,
        Self::Knative,
        Self::Vercel,
    ];

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Spin => "spin",
            Self::Aws => "aws",
            Self::Wsgi => "wsgi",
            Self::Asgi => "asgi",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
            Self::OpenWhisk => "openwhisk",
            Self::OpenFaas => "openfaas",
            Self::Fission => "fission",
            Self::Nuclio => "nuclio",
            Self::Appwrite => "appwrite",
            Self::Knative => "knative",
            Self::Vercel => "vercel",
        }
    }
}

/// The form that a client names: `auto`, which is the default, lets the source tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Value", into = "&'static str")]
pub struct FormSetting(Option<Form>);

const AUTO: &str = "auto";

impl FormSetting {
    /// The form, unless the source is to tell it.
    pub fn form(self) -> Option<Form> {
        self.0
    }

    fn names() -> Vec<&'static str> {
        std::iter::once(AUTO).chain(Form::ALL.map(Form::name)).collect()
    }
}

impl From<FormSetting> for &'static str {
    fn from(setting: FormSetting) -> Self {
        setting.0.map_or(AUTO, Form::name)
    }
}

impl TryFrom<Value> for FormSetting {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        if value == AUTO {
            return Ok(Self(None));
        }
        one_of(value, &Self::names().join(", ")).map(Some).map(Self)
    }
}

impl PartialSchema for FormSetting {
    fn schema() -> RefOr<Schema> {
        let text = "What the handler was written for; with `auto` the source tells it.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::names()))
            .description(Some(text))
            .into()
    }
}

impl ToSchema for FormSetting {}

/// The name of the function, class or object in the source that is called; none by default, and
/// then the form tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Option<String>")]
pub struct EntryPoint(Option<String>);

impl EntryPoint {
    /// The most characters of the name.
    const MAX_CHARS: usize = 200;

    /// The name, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl TryFrom<Value> for EntryPoint {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::Null => Ok(Self(None)),
            Value::String(name) => Some(name).try_into(),
            _ => Err(ValidationError::because("must be a string or null")),
        }
    }
}

impl TryFrom<Option<String>> for EntryPoint {
    type Error = ValidationError;

    fn try_from(name: Option<String>) -> Result<Self, ValidationError> {
        let Some(name) = name else { return Ok(Self(None)) };
        let is_word = |c: char| c == '_' || c.is_alphanumeric();
        let begins_well = name.starts_with(|c: char| is_word(c) && !c.is_numeric());
        if !begins_well || !name.chars().all(is_word) || name.chars().count() > Self::MAX_CHARS {
            return Err(ValidationError(format!(
                "must be the name of a function, class or object in the source, of at most {} \
                 letters, digits and _",
                Self::MAX_CHARS
            )));
        }
        Ok(Self(Some(name)))
    }
}

impl PartialSchema for EntryPoint {
    fn schema() -> RefOr<Schema> {
        let text = "The function, class or object in the source that is called, where the source \
                    has several.";
        ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
            .max_length(Some(Self::MAX_CHARS))
            .description(Some(text))
            .into()
    }
}

impl ToSchema for EntryPoint {}

/// What is called in a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Handler {
    /// Its form.
    #[serde(rename = "detectedForm")]
    pub form: Form,
    /// Its name, where the form leaves a choice.
    #[serde(rename = "detectedEntryPoint", skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<String>,
}

impl Handler {
    /// The handler of `module`, as far as `form` and `entry_point` do not settle it.
    ///
    /// # Errors
    /// [`InvalidField`] for `form`, where several are possible.
    pub(super) fn find(
        module: &ruff_python_ast::ModModule,
        form: FormSetting,
        entry_point: &EntryPoint,
    ) -> Result<Self, InvalidField> {
        let named = entry_point.name().map(str::to_owned);
        if let Some(form) = form.form()
            && named.is_some()
        {
            return Ok(Self { form, entry_point: named });
        }
        match (detect(module, entry_point.name()), form.form()) {
            (Detection::Found { form, entry_point }, None) => {
                Ok(Self { form, entry_point: named.or(entry_point) })
            }
            (Detection::Found { form: found, entry_point }, Some(form)) => {
                // A name that was found for another form says nothing about this one.
                Ok(Self { form, entry_point: entry_point.filter(|_| found == form) })
            }
            (Detection::Ambiguous { candidates }, form) => {
                let left =
                    candidates.into_iter().filter(|c| form.is_none_or(|form| c.form == form));
                Self::only(left.collect(), form)
            }
        }
    }

    fn only(mut candidates: Vec<Candidate>, form: Option<Form>) -> Result<Self, InvalidField> {
        match (candidates.pop(), form) {
            (Some(candidate), _) if candidates.is_empty() => {
                Ok(Self { form: candidate.form, entry_point: Some(candidate.entry_point) })
            }
            (None, form) => Ok(Self { form: form.unwrap_or_default(), entry_point: None }),
            (Some(last), _) => {
                candidates.push(last);
                Err(ambiguous(&candidates))
            }
        }
    }
}

/// The most candidates that an error names.
const MAX_NAMED: usize = 8;

fn ambiguous(candidates: &[Candidate]) -> InvalidField {
    let named: Vec<_> = candidates.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    let more = candidates.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    InvalidField::new(
        "code",
        format!(
            "has several handlers: {}{more}; say which one to call with entryPoint, or with form",
            named.join(", ")
        ),
    )
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (form {})", self.entry_point, self.form.name())
    }
}
