//! The calls of AWS Lambda's API, by their paths.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Named;
use super::code::Code;
use super::refusal::Refusal;
use super::registry::{Guards, Registry, Update};
use super::settings::{Change, Settings};
use crate::runtime_api::{PAYLOAD_LIMIT, read_whole};
use crate::stores::ACCESS_KEY_ID;

/// The largest body of a call: a zip of 50 MB in base64 with its settings.
const LARGEST_BODY: usize = 70_167_211;

type Answer = Result<Response, Refusal>;

/// All calls, over the functions of `registry`.
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
        .route("/2017-10-31/functions/{name}/concurrency", put(reserve).delete(free))
        .route("/2019-09-30/functions/{name}/concurrency", get(reserved))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn(with_our_key))
        .with_state(registry)
}

/// The key in the signature must be the local one, so that a client with a real
/// key is told, and not served. The signature itself is not checked.
async fn with_our_key(request: Request, next: Next) -> Response {
    let credential = format!("Credential={ACCESS_KEY_ID}/");
    let authorization = request.headers().get("authorization");
    if authorization.and_then(|value| value.to_str().ok()).is_some_and(|v| v.contains(&credential))
    {
        return next.run(request).await;
    }
    Refusal::unknown_key().into_response()
}

async fn unknown(method: Method, uri: Uri) -> Refusal {
    Refusal::unknown_operation(&format!("{method} {}", uri.path()))
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
    change: Change,
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
    change: Change,
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
    fn read(self) -> Result<Arc<Code>, Refusal> {
        let zip = self
            .zip_file
            .ok_or_else(|| Refusal::invalid("The local engine takes code as a ZipFile only"))?;
        let zip =
            STANDARD.decode(zip).map_err(|_| Refusal::invalid("The ZipFile is not base64"))?;
        Ok(Arc::new(Code::new(zip.into()).map_err(Refusal::invalid)?))
    }
}

async fn create(State(registry): State<Arc<Registry>>, body: Body) -> Answer {
    let creation: Creation = read(body).await?;
    let name = named(&creation.function_name, None)?.name;
    let settings = Settings::of_new(creation.change)?;
    let code = creation.code.read()?;
    let told = registry.create(&name, settings, code, creation.publish, creation.tags)?;
    Ok((StatusCode::CREATED, Json(told)).into_response())
}

async fn describe(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    Query(Qualified { qualifier }): Query<Qualified>,
) -> Answer {
    let named = named(&name, qualifier)?;
    let mut answer = json!({
        "Configuration": registry.configuration(&named)?,
        "Code": {"RepositoryType": "S3"},
    });
    let tags = registry.tags(&named)?;
    if tags.is_object() {
        answer["Tags"] = tags;
    }
    Ok(Json(answer).into_response())
}

async fn configuration(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    Query(Qualified { qualifier }): Query<Qualified>,
) -> Answer {
    Ok(Json(registry.configuration(&named(&name, qualifier)?)?).into_response())
}

/// All at once: a page is as long as the list.
async fn list(State(registry): State<Arc<Registry>>) -> Answer {
    Ok(Json(json!({"Functions": registry.list(None)?})).into_response())
}

async fn versions(State(registry): State<Arc<Registry>>, Path(name): Path<String>) -> Answer {
    let versions = registry.list(Some(&named(&name, None)?))?;
    Ok(Json(json!({"Versions": versions})).into_response())
}

async fn update_code(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let update: CodeUpdate = read(body).await?;
    let named = named(&name, None)?;
    let code = update.code.read()?;
    if update.dry_run {
        return Err(Refusal::invalid("The local engine has no DryRun of a change"));
    }
    let guards = Guards { revision: update.revision_id, code_sha256: None };
    let told = registry.update(&named, Update::Code(code), &guards, update.publish)?;
    Ok(Json(told).into_response())
}

async fn update_settings(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let update: SettingsUpdate = read(body).await?;
    let guards = Guards { revision: update.revision_id, code_sha256: None };
    let named = named(&name, None)?;
    let told =
        registry.update(&named, Update::Settings(Box::new(update.change)), &guards, false)?;
    Ok(Json(told).into_response())
}

async fn publish(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let Publication { code_sha256, description, revision_id } = read(body).await?;
    let guards = Guards { revision: revision_id, code_sha256 };
    let told = registry.publish(&named(&name, None)?, description, &guards)?;
    Ok((StatusCode::CREATED, Json(told)).into_response())
}

async fn delete(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    Query(Qualified { qualifier }): Query<Qualified>,
) -> Answer {
    registry.delete(&named(&name, qualifier)?)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn reserve(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let Reservation { reserved_concurrent_executions: most } = read(body).await?;
    registry.reserve(&named(&name, None)?, Some(most))?;
    Ok(Json(json!({"ReservedConcurrentExecutions": most})).into_response())
}

async fn free(State(registry): State<Arc<Registry>>, Path(name): Path<String>) -> Answer {
    registry.reserve(&named(&name, None)?, None)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn reserved(State(registry): State<Arc<Registry>>, Path(name): Path<String>) -> Answer {
    let most = registry.reserved(&named(&name, None)?)?;
    let told = most.map(|most| ("ReservedConcurrentExecutions".to_owned(), json!(most)));
    Ok(Json(Value::Object(told.into_iter().collect())).into_response())
}

async fn invoke(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    Query(Qualified { qualifier }): Query<Qualified>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("x-amz-invocation-type").is_some_and(|kind| kind != "RequestResponse") {
        return Err(Refusal::invalid("The local engine invokes as RequestResponse only"));
    }
    let wants_log = header("x-amz-log-type") == Some("Tail");
    let event = whole(body, PAYLOAD_LIMIT)
        .await?
        .ok_or_else(|| Refusal::payload_too_large(PAYLOAD_LIMIT))?;
    let event = if event.is_empty() { Bytes::from_static(b"{}") } else { event };
    if let Err(problem) = serde_json::from_slice::<serde::de::IgnoredAny>(&event) {
        return Err(Refusal::content(format!("Could not parse request body into json: {problem}")));
    }
    let (version, crew, place) = registry.crew_of(&named(&name, qualifier)?)?;
    let invoked = crew.invoke(event, place).await?;
    let mut response = invoked.payload.into_response();
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let mut add = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    add("x-amz-executed-version", version);
    add("x-amzn-requestid", invoked.id);
    if invoked.failed {
        add("x-amz-function-error", "Unhandled".to_owned());
    }
    if wants_log {
        add("x-amz-log-result", STANDARD.encode(invoked.log));
    }
    Ok(response)
}

/// A function as it is asked for: by its name or its ARN, with a version behind
/// it or beside it.
fn named(text: &str, qualifier: Option<String>) -> Result<Named, Refusal> {
    let unknown = || {
        Refusal::validation(format!(
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
        return Err(unknown());
    }
    Ok(Named { name: name.to_owned(), version: qualifier.or(version) })
}

async fn read<T: serde::de::DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let body =
        whole(body, LARGEST_BODY).await?.ok_or_else(|| Refusal::body_too_large(LARGEST_BODY))?;
    let body = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
    serde_json::from_slice(&body)
        .map_err(|e| Refusal::content(format!("Could not parse request body into json: {e}")))
}

/// The body; `None` if it is over the limit.
async fn whole(body: Body, limit: usize) -> Result<Option<Bytes>, Refusal> {
    match read_whole(body, limit).await {
        Some(body) => Ok(body.ok()),
        None => Err(Refusal::content("The request broke off")),
    }
}
