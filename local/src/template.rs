//! What `template.yaml` says, as far as the local stack follows it: functions,
//! routes, streams that they follow, cross-origin rules, the table and the bucket.

mod cloudformation;
mod cors;
mod error;
mod functions;
mod intrinsics;
mod mappings;
mod storage;
mod yaml;

use std::path::Path;

use shared::http::cors::Cors;

pub use error::TemplateError;
pub use functions::LambdaFunction;
pub use mappings::Mapping;
pub use storage::Table;

use intrinsics::Resolver;

/// The region that a stack has unless told otherwise.
pub const DEFAULT_REGION: &str = "ap-northeast-2";

/// A SAM template with its parameters at their defaults.
#[derive(Clone, Debug)]
pub struct Template {
    /// What `AWS::Region` stands for.
    pub region: String,
    /// Every `AWS::Serverless::Function`, in the template's order.
    pub functions: Vec<LambdaFunction>,
    /// The HTTP API's cross-origin rules; `None` where it has none, and the
    /// gateway then leaves preflights to the functions.
    pub cors: Option<Cors>,
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
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, region)
    }

    /// Reads a template from its text.
    ///
    /// # Errors
    /// As [`Template::read`].
    pub fn parse(text: &str, region: &str) -> Result<Self, TemplateError> {
        let document = yaml::to_json(text)?;
        let resolver = Resolver::new(&document, region);
        Ok(Self {
            region: region.to_owned(),
            functions: functions::read(&resolver)?,
            cors: cors::read(&resolver)?,
            table: storage::table(&resolver)?,
            bucket: storage::bucket(&resolver)?,
        })
    }
}

#[cfg(test)]
mod tests;
