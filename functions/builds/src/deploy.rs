//! `POST /api/v1/deploy`.

use serde::Serialize;
use serde_json::Value;
use shared::domain::{
    DeploymentState, Fields, FunctionId, ImageRef, InvalidField, Name, Owner, ValidationError,
};
use shared::error::Error;
use shared::http::BaseUrl;
use shared::store::{DeployedFunction, Store};
use tokio::time::Instant;
use utoipa::ToSchema;

/// A build to deploy, and the function that gets its source.
#[derive(Debug)]
pub(crate) struct Deploy {
    function: String,
    image: ImageRef,
    app_name: Name,
    namespace: String,
    has_autoscaling: bool,
    uses_spot: bool,
}

/// A build to deploy. Further fields are taken and not used.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the fields")]
pub(crate) struct DeployRequest {
    /// The function that gets the source of the build.
    function_id: FunctionId,
    /// The `image_url` of the build.
    image_ref: String,
    /// Is answered as it was sent.
    app_name: Name,
    /// Is answered as it was sent.
    #[schema(nullable = false)]
    namespace: Option<String>,
    /// Is answered as it was sent: AWS Lambda always scales.
    #[schema(nullable = false)]
    enable_autoscaling: Option<bool>,
    /// Is answered as it was sent: AWS Lambda has no spot instances.
    #[schema(nullable = false)]
    use_spot: Option<bool>,
}

/// A function after the deployment of a build.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deployed {
    /// As it was sent.
    app_name: Name,
    /// As it was sent.
    namespace: String,
    /// The name of the function.
    service_name: Name,
    /// Whether the function can be called with the source of the build.
    service_status: ServiceStatus,
    /// The function's `invocationUrl`; null until it is deployed.
    #[schema(required)]
    endpoint: Option<String>,
    /// As it was sent.
    enable_autoscaling: bool,
    /// As it was sent.
    use_spot: bool,
}

/// Whether a function can be called.
#[derive(Debug, Serialize, ToSchema)]
enum ServiceStatus {
    /// It can.
    Running,
    /// Its deployment is going on.
    Pending,
}

impl TryFrom<Fields> for Deploy {
    type Error = InvalidField;

    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        Ok(Self {
            function: fields.required::<Text>("function_id")?.0,
            image: fields.required("image_ref")?,
            app_name: fields.required("app_name")?,
            namespace: fields.optional::<Text>("namespace")?.unwrap_or_default().0,
            has_autoscaling: fields.optional::<Flag>("enable_autoscaling")?.unwrap_or_default().0,
            uses_spot: fields.optional::<Flag>("use_spot")?.unwrap_or_default().0,
        })
    }
}

impl Deploy {
    /// Gives the function the source of the build, and waits for its deployment until `deadline`.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the function can't be deployed, and those of the store.
    pub(crate) async fn carry_out(
        self,
        store: &Store,
        owner: &Owner,
        base: &BaseUrl,
        deadline: Instant,
    ) -> Result<Deployed, Error> {
        let id = self.function.parse::<FunctionId>()?;
        let workspace = &self.image.workspace;
        let DeployedFunction { name, mut state } =
            store.take_build(owner, &id, &self.image).await?;
        if state == DeploymentState::Pending {
            state = store.wait_for_deployment(owner, workspace, &id, deadline).await?;
        }
        let (service_status, endpoint) = match state {
            DeploymentState::Deployed => {
                (ServiceStatus::Running, Some(base.invocation_url(workspace, &id)))
            }
            DeploymentState::Pending => (ServiceStatus::Pending, None),
            // An error, because the console shows its message and goes on after anything else.
            DeploymentState::Failed(reason) => return Err(Error::Conflict(reason)),
        };
        Ok(Deployed {
            app_name: self.app_name,
            namespace: self.namespace,
            service_name: name,
            service_status,
            endpoint,
            enable_autoscaling: self.has_autoscaling,
            use_spot: self.uses_spot,
        })
    }
}

#[derive(Default)]
struct Text(String);

impl TryFrom<Value> for Text {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::String(text) => Ok(Self(text)),
            _ => Err(ValidationError::because("must be a string")),
        }
    }
}

#[derive(Default)]
struct Flag(bool);

impl TryFrom<Value> for Flag {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let flag = value.as_bool();
        flag.map(Self).ok_or_else(|| ValidationError::because("must be true or false"))
    }
}
