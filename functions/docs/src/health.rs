//! The health check.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::engine::Engine;
use shared::error::Error;
use shared::http::{CommonErrors, ErrorBody, QueryErrors};
use shared::store::Store;
use utoipa::{IntoParams, ToSchema};

/// The services that the deep health check asks.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
}

/// The query of the health check.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HealthQuery {
    /// 1 asks DynamoDB, S3 and the engine as well.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1, default = 0, required = false)]
    deep: u8,
}

/// How the API is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `healthy`; anything else is answered with an error.
    status: &'static str,
    /// What each part answered, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    checks: Option<Checks>,
}

/// What each part answered.
#[derive(Serialize, ToSchema)]
struct Checks {
    dynamodb: Check,
    s3: Check,
    engine: Check,
}

/// What a part answered.
#[derive(Serialize, ToSchema)]
struct Check {
    /// Whether it did what it was asked.
    up: bool,
    /// How long that took.
    #[schema(minimum = 0)]
    milliseconds: f64,
}

/// Is the API up?
///
/// With `deep=1`, also what stands behind it: 503 if something is down, naming it.
#[utoipa::path(
    get, path = "/health", operation_id = "getHealth", tag = "Service",
    params(HealthQuery),
    responses(
        (status = 200, description = "It is up.", body = Health),
        QueryErrors, CommonErrors,
        (
            status = 503, body = ErrorBody,
            description = "Something is down; `details.checks` tells what each part answered.",
            headers(("Retry-After" = u32, description = "Seconds after which to try again.")),
        ),
    ),
)]
pub(crate) async fn health(
    State(services): State<Services>,
    query: Result<Query<HealthQuery>, QueryRejection>,
) -> Result<Json<Health>, Error> {
    let is_deep = match query {
        Ok(Query(HealthQuery { deep: deep @ (0 | 1) })) => deep == 1,
        _ => return Err(Error::invalid("deep", "must be 0 or 1")),
    };
    let checks = if is_deep { Some(services.check().await?) } else { None };
    Ok(Json(Health { status: "healthy", checks }))
}

impl Services {
    /// Asks all services at once.
    async fn check(&self) -> Result<Checks, Error> {
        let limit = self.store.time_budget().health_check;
        let (dynamodb, s3, engine) = tokio::join!(
            probe(limit, self.store.table_answers()),
            probe(limit, self.store.bucket_answers()),
            probe(limit, self.engine.answers()),
        );
        let mut down = Vec::new();
        let mut causes = Vec::new();
        for (name, (_, failure)) in [("DynamoDB", &dynamodb), ("S3", &s3), ("the engine", &engine)]
        {
            if let Some(cause) = failure {
                down.push(name);
                causes.push(format!("{name}: {cause}"));
            }
        }
        let checks = Checks { dynamodb: dynamodb.0, s3: s3.0, engine: engine.0 };
        if down.is_empty() {
            return Ok(checks);
        }
        let (parts, cause) = (down.join(", "), causes.join("; ").into());
        Err(Error::Down { parts, checks: json!(checks), cause })
    }
}

/// The result of asking a service, and the cause of a failure.
async fn probe(
    limit: Duration,
    question: impl Future<Output = Result<(), Error>>,
) -> (Check, Option<String>) {
    let start = Instant::now();
    let failure = match tokio::time::timeout(limit, question).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.causes()),
        Err(_) => Some(format!("no answer within {} s", limit.as_secs())),
    };
    let milliseconds = start.elapsed().as_micros() as f64 / 1000.0;
    (Check { up: failure.is_none(), milliseconds }, failure)
}
