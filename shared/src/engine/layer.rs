//! Layers on AWS Lambda.

use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::types::{Architecture, LayerVersionContentInput};

use super::Engine;
use super::deploy::runtime as lambda_runtime;
use crate::aws::failure::failure;
use crate::domain::{LayerKey, Runtime};
use crate::error::Error;

/// The outcome of publishing a layer.
#[derive(Debug, PartialEq, Eq)]
pub enum Published {
    /// The ARN of its version.
    Layer(String),
    /// Lambda doesn't take it, now or later. The sentence tells the function's owner why.
    Refused(String),
}

impl Engine {
    /// Publishes the zip `object` of a bucket as the only version of a layer. Does nothing where an
    /// earlier attempt has.
    pub async fn publish_layer(
        &self,
        key: &LayerKey,
        bucket: &str,
        object: &str,
        runtime: Runtime,
    ) -> Result<Published, Error> {
        if let Some(there) = self.layer_versions(key).await?.into_iter().next() {
            return Ok(Published::Layer(there.arn));
        }
        let content = LayerVersionContentInput::builder().s3_bucket(bucket).s3_key(object);
        let sent = self
            .lambda
            .publish_layer_version()
            .layer_name(name(key))
            .content(content.build())
            .compatible_runtimes(lambda_runtime(runtime))
            .compatible_architectures(Architecture::Arm64)
            .send()
            .await;
        match sent {
            Ok(published) => {
                let arn = published.layer_version_arn;
                arn.map(Published::Layer).ok_or_else(|| Error::internal("a layer has no ARN"))
            }
            Err(error) if error.code() == Some("CodeStorageExceededException") => {
                let reason = "AWS Lambda has no room for more packages in this account";
                Ok(Published::Refused(reason.to_owned()))
            }
            Err(error) => Err(failure("Lambda PublishLayerVersion")(error)),
        }
    }

    /// Deletes all versions of a layer. Functions that have it go on with it.
    pub async fn remove_layer(&self, key: &LayerKey) -> Result<(), Error> {
        for version in self.layer_versions(key).await? {
            self.lambda
                .delete_layer_version()
                .layer_name(name(key))
                .version_number(version.number)
                .send()
                .await
                .map_err(failure("Lambda DeleteLayerVersion"))?;
        }
        Ok(())
    }

    async fn layer_versions(&self, key: &LayerKey) -> Result<Vec<LayerVersion>, Error> {
        let listed = self.lambda.list_layer_versions().layer_name(name(key)).send().await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) if error.code() == Some("ResourceNotFoundException") => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(failure("Lambda ListLayerVersions")(error)),
        };
        let version = |item: aws_sdk_lambda::types::LayerVersionsListItem| {
            Some(LayerVersion { arn: item.layer_version_arn?, number: item.version })
        };
        Ok(listed.layer_versions.unwrap_or_default().into_iter().filter_map(version).collect())
    }
}

struct LayerVersion {
    arn: String,
    number: i64,
}

/// The name of a layer on Lambda.
fn name(key: &LayerKey) -> String {
    format!("faas-packages-{key}")
}
