//! The operations of AWS Lambda's API.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete as delete_at, get, post, put};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::code::Code;
use super::error::ApiError;
use super::hosted::HostedLambda;
use super::layers::Content;
use super::registry::{Preconditions, QualifiedName, Registry, Update};
use super::settings::{Settings, SettingsChange};
use crate::runtime_api::{self, PAYLOAD_LIMIT};
use crate::stores::ACCESS_KEY_ID;

/// The largest body of a call: a zip of 50 MB in base64 with its settings.
const LARGEST_BODY: usize = 70_167_211;

type ApiResult = Result<Response, ApiError>;

/// All operations, on the functions of `registry`.
pub(super) fn router(registry: Arc<Registry>) -> Router {
    const FUNCTIONS: &str = "/2015-03-31/functions";
    let path = |below: &str| format!("{FUNCTIONS}{below}");
    Router::new()
        .route(FUNCTIONS, get(list).post(create))
        .route(&path("/"), get(list).post(create))
        .route(&path("/{name}"), get(describe).delete(delete))
        .route(&path("/{name}/configuration"), get(configuration).put(update_settings))
        .route(&path("/{name}/code"), put(update_code))
        .route(&path("/{name}/versions"), get(versions).post(publish))
        .route(&path("/{name}/invocations"), post(invoke))
        .route("/2017-10-31/functions/{name}/concurrency", put(reserve).delete(unreserve))
        .route("/2019-09-30/functions/{name}/concurrency", get(reserved))
        .route("/2018-10-31/layers", get(layers))
        .route("/2018-10-31/layers/{name}/versions", get(layer_versions).post(publish_layer))
        .route("/2018-10-31/layers/{name}/versions/{number}", delete_at(delete_layer))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn(require_local_key))
        .with_state(registry)
}

/// The access key must be the local one, so that a client with a real key gets an error. The
/// signature itself is not checked.
async fn require_local_key(request: Request, next: Next) -> Response {
    let credential = format!("Credential={ACCESS_KEY_ID}/");
    let authorization = request.headers().get("authorization");
    if authorization.and_then(|value| value.to_str().ok()).is_some_and(|v| v.contains(&credential))
    {
        return next.run(request).await;
    }
    ApiError::unknown_key().into_response()
}

async fn unknown(method: Method, uri: Uri) -> ApiError {
    ApiError::unknown_operation(&format!("{method} {}", uri.path()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Qualified {
    qualifier: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Creation {
    function_name: String,
    code: Package,
    #[serde(default)]
    publish: bool,
    #[serde(default)]
    tags: Value,
    #[serde(flatten)]
    change: SettingsChange,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeUpdate {
    #[serde(default)]
    publish: bool,
    #[serde(default)]
    dry_run: bool,
    revision_id: Option<String>,
    #[serde(flatten)]
    code: Package,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Package {
    zip_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SettingsUpdate {
    revision_id: Option<String>,
    #[serde(flatten)]
    change: SettingsChange,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publication {
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reservation {
    reserved_concurrent_executions: usize,
}

impl Package {
    fn read(self) -> Result<Arc<Code>, ApiError> {
        let zip = self
            .zip_file
            .ok_or_else(|| ApiError::invalid("The local engine takes code as a ZipFile only"))?;
        let zip =
            STANDARD.decode(zip).map_err(|_| ApiError::invalid("The ZipFile is not base64"))?;
        Ok(Arc::new(Code::new(zip.into()).map_err(ApiError::invalid)?))
    }
}

async fn create(State(registry): State<Arc<Registry>>, body: Body) -> ApiResult {
    let creation: Creation = read(body).await?;
    let name = target(&creation.function_name, None)?.name;
    let settings = Settings::new(creation.change)?;
    let code = creation.code.read()?;
    let configuration = registry.create(&name, settings, code, creation.publish, creation.tags)?;
    Ok((StatusCode::CREATED, Json(configuration)).into_response())
}

async fn describe(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    Query(Qualified { qualifier }): Query<Qualified>,
) -> ApiResult {
    let target = target(&name, qualifier)?;
    let mut body = json!({
        "Configuration": registry.configuration(&target)?,
        "Code": {"RepositoryType": "S3"},
    });
    let tags = registry.tags(&target)?;
    if tags.is_object() {
        body["Tags"] = tags;
    }
    Ok(Json(body).into_response())
}

async fn configuration(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    Query(Qualified { qualifier }): Query<Qualified>,
) -> ApiResult {
    Ok(Json(registry.configuration(&target(&name, qualifier)?)?).into_response())
}

/// One page holds the whole list.
async fn list(State(registry): State<Arc<Registry>>) -> ApiResult {
    Ok(Json(json!({"Functions": registry.list()?})).into_response())
}

async fn versions(State(registry): State<Arc<Registry>>, Path(name): Path<String>) -> ApiResult {
    let versions = registry.versions(&target(&name, None)?)?;
    Ok(Json(json!({"Versions": versions})).into_response())
}

async fn update_code(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> ApiResult {
    let update: CodeUpdate = read(body).await?;
    let target = target(&name, None)?;
    let code = update.code.read()?;
    if update.dry_run {
        return Err(ApiError::invalid("The local engine has no DryRun of a change"));
    }
    let preconditions = Preconditions { revision: update.revision_id, code_sha256: None };
    let configuration =
        registry.update(&target, Update::Code(code), &preconditions, update.publish)?;
    Ok(Json(configuration).into_response())
}

async fn update_settings(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> ApiResult {
    let update: SettingsUpdate = read(body).await?;
    let preconditions = Preconditions { revision: update.revision_id, code_sha256: None };
    let target = target(&name, None)?;
    let configuration = registry.update(
        &target,
        Update::Settings(Box::new(update.change)),
        &preconditions,
        false,
    )?;
    Ok(Json(configuration).into_response())
}

async fn publish(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> ApiResult {
    let Publication { code_sha256, description, revision_id } = read(body).await?;
    let preconditions = Preconditions { revision: revision_id, code_sha256 };
    let configuration = registry.publish(&target(&name, None)?, description, &preconditions)?;
    Ok((StatusCode::CREATED, Json(configuration)).into_response())
}

async fn delete(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    Query(Qualified { qualifier }): Query<Qualified>,
) -> ApiResult {
    registry.delete(&target(&name, qualifier)?)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn reserve(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> ApiResult {
    let Reservation { reserved_concurrent_executions: limit } = read(body).await?;
    registry.reserve(&target(&name, None)?, Some(limit))?;
    Ok(Json(json!({"ReservedConcurrentExecutions": limit})).into_response())
}

async fn unreserve(State(registry): State<Arc<Registry>>, Path(name): Path<String>) -> ApiResult {
    registry.reserve(&target(&name, None)?, None)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn reserved(State(registry): State<Arc<Registry>>, Path(name): Path<String>) -> ApiResult {
    let limit = registry.reserved(&target(&name, None)?)?;
    Ok(match limit {
        Some(limit) => Json(json!({"ReservedConcurrentExecutions": limit})),
        None => Json(json!({})),
    }
    .into_response())
}

async fn invoke(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    Query(Qualified { qualifier }): Query<Qualified>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = header("x-amz-invocation-type").unwrap_or("RequestResponse");
    let target = target(&name, qualifier)?;
    let hosted = registry.context().hosted.get(&target.name);
    if kind != "RequestResponse" && hosted.is_none() {
        return Err(ApiError::invalid(
            "The local engine invokes users' functions as RequestResponse only",
        ));
    }
    let wants_log = header("x-amz-log-type") == Some("Tail");
    let event = read_body(body, PAYLOAD_LIMIT)
        .await?
        .ok_or_else(|| ApiError::payload_too_large(PAYLOAD_LIMIT))?;
    let event = if event.is_empty() { Bytes::from_static(b"{}") } else { event };
    if let Err(problem) = serde_json::from_slice::<serde::de::IgnoredAny>(&event) {
        return Err(ApiError::content(format!(
            "Could not parse request body into json: {problem}"
        )));
    }
    if let Some(hosted) = hosted {
        return invoke_hosted(&hosted, kind, event).await;
    }
    let (version, pool, slot) = registry.acquire(&target)?;
    let output = pool.invoke(event, slot).await?;
    let mut response = output.payload.into_response();
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let mut add = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    add("x-amz-executed-version", version);
    add("x-amzn-requestid", output.id);
    if output.failed {
        add("x-amz-function-error", "Unhandled".to_owned());
    }
    if wants_log {
        add("x-amz-log-result", STANDARD.encode(output.log));
    }
    Ok(response)
}

async fn invoke_hosted(hosted: &HostedLambda, kind: &str, event: Bytes) -> ApiResult {
    match kind {
        "Event" => hosted.queue(event).map(|()| StatusCode::ACCEPTED.into_response()),
        "RequestResponse" => Ok(match hosted.invoke(event).await {
            Ok(answer) => answer.into_response(),
            Err(problem) => {
                let failed = json!({"errorType": "Error", "errorMessage": problem});
                ([("x-amz-function-error", "Unhandled")], Json(failed)).into_response()
            }
        }),
        other => Err(ApiError::invalid(format!("The local engine has no invocations as {other}"))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LayerCreation {
    content: LayerContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LayerContent {
    zip_file: Option<String>,
    s3_bucket: Option<String>,
    s3_key: Option<String>,
}

async fn publish_layer(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> ApiResult {
    let LayerCreation { content } = read(body).await?;
    let content = match (content.zip_file, content.s3_bucket.zip(content.s3_key)) {
        (Some(zip), None) => {
            let zip = STANDARD.decode(zip);
            Content::Zip(zip.map_err(|_| ApiError::invalid("The ZipFile is not base64"))?)
        }
        (None, Some((bucket, key))) => Content::Object { bucket, key },
        _ => return Err(ApiError::invalid("Please provide a source for the layer")),
    };
    let name = layer_name(&name)?;
    let publishing =
        tokio::task::spawn_blocking(move || registry.context().layers.publish(&name, content));
    let published = publishing.await.map_err(|e| ApiError::service(e.to_string()))?;
    Ok((StatusCode::CREATED, Json(published?)).into_response())
}

/// One page holds the whole list.
async fn layers(State(registry): State<Arc<Registry>>) -> ApiResult {
    Ok(Json(json!({"Layers": registry.context().layers.list()?})).into_response())
}

/// One page holds the whole list.
async fn layer_versions(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
) -> ApiResult {
    let versions = registry.context().layers.versions(&layer_name(&name)?)?;
    Ok(Json(json!({"LayerVersions": versions})).into_response())
}

async fn delete_layer(
    State(registry): State<Arc<Registry>>,
    Path((name, number)): Path<(String, u64)>,
) -> ApiResult {
    registry.context().layers.delete(&layer_name(&name)?, number)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn layer_name(name: &str) -> Result<String, ApiError> {
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_name || name.is_empty() || name.len() > 140 {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '{name}' at 'layerName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+"
        )));
    }
    Ok(name.to_owned())
}

/// Parses a function's name or ARN, with a version at its end or in `qualifier`.
fn target(text: &str, qualifier: Option<String>) -> Result<QualifiedName, ApiError> {
    let invalid = || {
        ApiError::validation(format!(
            "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+"
        ))
    };
    let local = text.rsplit_once("function:").map_or(text, |(_, local)| local);
    let (name, version) = match local.split_once(':') {
        Some((name, version)) => (name, Some(version.to_owned())),
        None => (local, None),
    };
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_name || name.is_empty() || name.len() > 64 {
        return Err(invalid());
    }
    Ok(QualifiedName { name: name.to_owned(), version: qualifier.or(version) })
}

async fn read<T: serde::de::DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let body = read_body(body, LARGEST_BODY)
        .await?
        .ok_or_else(|| ApiError::body_too_large(LARGEST_BODY))?;
    let body = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
    serde_json::from_slice(&body)
        .map_err(|e| ApiError::content(format!("Could not parse request body into json: {e}")))
}

/// The body; `None` if it is over the limit.
async fn read_body(body: Body, limit: usize) -> Result<Option<Bytes>, ApiError> {
    match runtime_api::read_body(body, limit).await {
        Some(body) => Ok(body.ok()),
        None => Err(ApiError::content("The request broke off")),
    }
}
