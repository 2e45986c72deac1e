//! The part of `template.yaml` that the local stack needs: functions with their routes, streams
//! and permissions, the HTTP API's rules, the table and the bucket.

mod api;
mod error;
mod functions;
pub mod policy;
mod resolver;
mod storage;
mod yaml;

use std::path::Path;

use serde_json::Value;
use shared::http::cors::Cors;

pub use api::Authorizer;
pub use error::TemplateError;
pub use functions::LambdaFunction;
pub use storage::Table;

use resolver::Resolver;

/// The region of a stack unless another is given.
pub const DEFAULT_REGION: &str = "ap-northeast-2";

/// A SAM template, with each parameter at its default or at a given value.
#[derive(Clone, Debug)]
pub struct Template {
    /// The value of `AWS::Region`.
    pub region: String,
    /// Every `AWS::Serverless::Function`.
    pub functions: Vec<LambdaFunction>,
    /// The HTTP API's cross-origin rules. Without them the gateway leaves preflights to the
    /// functions.
    pub cors: Option<Cors>,
    /// `None` where the API is open.
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
    /// Where the file is missing, is not YAML, or has a value that can't be used locally. The
    /// error names the place.
    pub fn read(path: &Path, region: &str) -> Result<Self, TemplateError> {
        Self::read_with(path, region, &[])
    }

    /// As [`Template::read`], with values for some parameters by name.
    ///
    /// # Errors
    /// As [`Template::read`], and where there is no such parameter.
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
            let parameter = parameter
                .ok_or_else(|| TemplateError::at(&format!("Parameters.{name}"), "is missing"))?;
            parameter.insert("Default".to_owned(), Value::from(value.as_str()));
        }
        Self::from_document(&document, region)
    }

    /// Parses a template.
    ///
    /// # Errors
    /// As [`Template::read`].
    pub fn parse(text: &str, region: &str) -> Result<Self, TemplateError> {
        Self::from_document(&yaml::to_json(text)?, region)
    }

    fn from_document(document: &Value, region: &str) -> Result<Self, TemplateError> {
        let resolver = Resolver::new(document, region);
        // First, because other values contain their names.
        let (table, bucket) = (storage::table(&resolver)?, storage::bucket(&resolver)?);
        let (cors, authorizer) = api::read(&resolver)?;
        Ok(Self {
            region: region.to_owned(),
            functions: functions::read(&resolver)?,
            cors,
            authorizer,
            table,
            bucket,
        })
    }
}

#[cfg(test)]
mod tests;
