//! What `template.yaml` says, as far as the local stack follows it: functions,
//! routes, streams that they follow, cross-origin rules, the table and the bucket.

mod authorizer;
mod cloudformation;
mod cors;
mod error;
mod functions;
mod intrinsics;
mod mappings;
pub mod policy;
mod storage;
mod yaml;

use std::path::Path;

use serde_json::Value;
use shared::http::cors::Cors;

pub use authorizer::Authorizer;
pub use error::TemplateError;
pub use functions::LambdaFunction;
pub use mappings::Mapping;
pub use storage::Table;

use intrinsics::Resolver;

/// The region that a stack has unless told otherwise.
pub const DEFAULT_REGION: &str = "ap-northeast-2";

/// A SAM template with its parameters at their defaults, but for some that are given.
#[derive(Clone, Debug)]
pub struct Template {
    /// What `AWS::Region` stands for.
    pub region: String,
    /// Every `AWS::Serverless::Function`, in the template's order.
    pub functions: Vec<LambdaFunction>,
    /// The HTTP API's cross-origin rules; `None` where it has none, and the
    /// gateway then leaves preflights to the functions.
    pub cors: Option<Cors>,
    /// Who signs people in; `None` where the API is open.
    pub authorizer: Option<Authorizer>,
    /// The one `AWS::DynamoDB::Table`.
    pub table: Table,
    /// The name of the one `AWS::S3::Bucket`.
    pub bucket: String,
}

impl Template {
    /// Reads the template at `path`.
    ///
    /// # Errors
    /// A sentence that names the place and says what to do, where the file is
    /// missing, is not YAML, or says something that can't be followed locally.
    pub fn read(path: &Path, region: &str) -> Result<Self, TemplateError> {
        Self::read_with(path, region, &[])
    }

    /// The same with values for some parameters, by their names.
    ///
    /// # Errors
    /// As [`Template::read`], and where there is no parameter of a name.
    pub fn read_with(
        path: &Path,
        region: &str,
        parameters: &[(&str, String)],
    ) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::Unreadable { path: path.to_owned(), source })?;
        let mut document = yaml::to_json(&text)?;
        for (name, value) in parameters {
            let parameter = document.pointer_mut(&format!("/Parameters/{name}"));
            let parameter = parameter.and_then(Value::as_object_mut);
            let parameter = parameter.ok_or_else(|| TemplateError::missing("Parameters", name))?;
            parameter.insert("Default".to_owned(), Value::from(value.as_str()));
        }
        Self::follow(&document, region)
    }

    /// Reads a template from its text.
    ///
    /// # Errors
    /// As [`Template::read`].
    pub fn parse(text: &str, region: &str) -> Result<Self, TemplateError> {
        Self::follow(&yaml::to_json(text)?, region)
    }

    fn follow(document: &Value, region: &str) -> Result<Self, TemplateError> {
        let resolver = Resolver::new(document, region);
        Ok(Self {
            region: region.to_owned(),
            functions: functions::read(&resolver)?,
            cors: cors::read(&resolver)?,
            authorizer: authorizer::read(&resolver)?,
            table: storage::table(&resolver)?,
            bucket: storage::bucket(&resolver)?,
        })
    }
}

#[cfg(test)]
mod tests;
