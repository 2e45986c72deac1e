//! The Lambda functions: their settings, permissions, routes and event source mappings.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::error::TemplateError;
use super::policy::PolicyStatement;
use super::resolver::{self, Resolver};
use crate::event_source::mapping::{Mapping, Pattern};
use crate::route::Route;

/// One `AWS::Serverless::Function`, with `Globals.Function` as its defaults.
#[derive(Clone, Debug)]
pub struct LambdaFunction {
    /// Its key under `Resources`.
    pub logical_id: String,
    /// Its cargo binary, from the build metadata.
    pub binary: String,
    /// Memory in MB; AWS's default is 128. The function is told it; nothing enforces it.
    pub memory_mb: u32,
    /// The limit of one invocation; AWS's default is 3 seconds.
    pub timeout: Duration,
    /// `Environment.Variables`, resolved.
    pub environment: BTreeMap<String, String>,
    /// The permissions of its role.
    pub statements: Vec<PolicyStatement>,
    /// The routes of the HTTP API that lead here.
    pub routes: Vec<Route>,
    /// Its event source mappings of the table's stream.
    pub mappings: Vec<Mapping>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Properties {
    memory_size: Option<u32>,
    timeout: Option<u64>,
    environment: Environment,
    role: String,
    events: BTreeMap<String, Event>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    variables: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    r#type: String,
    #[serde(default)]
    properties: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpApiEvent {
    method: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DynamoDbEvent {
    starting_position: StartingPosition,
    batch_size: Option<usize>,
    #[serde(default)]
    maximum_batching_window_in_seconds: u64,
    #[serde(default)]
    function_response_types: Vec<String>,
    #[serde(default)]
    filter_criteria: FilterCriteria,
    /// -1 is no limit.
    maximum_retry_attempts: Option<i64>,
    #[serde(default)]
    bisect_batch_on_function_error: bool,
    enabled: Option<bool>,
    // These mean nothing here. Any other property is refused.
    #[serde(rename = "Stream")]
    _stream: String,
    #[serde(rename = "DestinationConfig")]
    _destination_config: Option<IgnoredAny>,
    #[serde(rename = "MaximumRecordAgeInSeconds")]
    _maximum_record_age: Option<IgnoredAny>,
    #[serde(rename = "ParallelizationFactor")]
    _parallelization_factor: Option<IgnoredAny>,
    #[serde(rename = "MetricsConfig")]
    _metrics_config: Option<IgnoredAny>,
    #[serde(rename = "KmsKeyArn")]
    _kms_key_arn: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StartingPosition {
    TrimHorizon,
    Latest,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct FilterCriteria {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    pattern: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BuildProperties {
    binary: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RoleProperties {
    policies: Vec<Policy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    policy_document: PolicyDocument,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDocument {
    statement: Vec<Value>,
}

/// Every function of the template.
pub(super) fn read(resolver: &Resolver<'_>) -> Result<Vec<LambdaFunction>, TemplateError> {
    let functions = resolver.resources("AWS::Serverless::Function");
    if functions.is_empty() {
        return Err(TemplateError::at("Resources", "has no AWS::Serverless::Function"));
    }
    functions.into_iter().map(|(id, _)| function(resolver, id)).collect()
}

fn function(resolver: &Resolver<'_>, id: &str) -> Result<LambdaFunction, TemplateError> {
    let place = format!("Resources.{id}.Properties");
    let BuildProperties { binary } =
        resolver.read(&format!("Resources.{id}.Metadata.BuildProperties"))?;
    let globals: Properties = resolver.read("Globals.Function")?;
    let own: Properties = resolver.read(&place)?;

    let mut environment = BTreeMap::new();
    let variables = globals.environment.variables.into_iter().chain(own.environment.variables);
    for (name, value) in variables {
        let place = format!("{place}.Environment.Variables.{name}");
        let text = resolver::text(&value)
            .ok_or_else(|| TemplateError::at(&place, format!("is not one plain value: {value}")))?;
        environment.insert(name, text);
    }
    let (mut routes, mut mappings) = (Vec::new(), Vec::new());
    for (name, event) in own.events {
        let place = format!("{place}.Events.{name}.Properties");
        match event.r#type.as_str() {
            "HttpApi" => {
                routes.push(route(resolver::read(event.properties.into(), &place)?, &place)?)
            }
            "DynamoDB" => {
                let event: DynamoDbEvent = resolver::read(event.properties.into(), &place)?;
                if event.enabled != Some(false) {
                    mappings.push(mapping(event, format!("{id}.{name}"), &place)?);
                }
            }
            _ => {}
        }
    }
    Ok(LambdaFunction {
        logical_id: id.to_owned(),
        binary,
        memory_mb: own.memory_size.or(globals.memory_size).unwrap_or(128),
        timeout: Duration::from_secs(own.timeout.or(globals.timeout).unwrap_or(3)),
        environment,
        statements: statements(resolver, &own.role)?,
        routes,
        mappings,
    })
}

/// The statements of the role with this ARN.
fn statements(resolver: &Resolver<'_>, arn: &str) -> Result<Vec<PolicyStatement>, TemplateError> {
    let Some((_, role)) = arn.split_once(":role/") else { return Ok(Vec::new()) };
    let place = format!("Resources.{role}.Properties");
    let RoleProperties { policies } = resolver.read(&place)?;
    let statements = policies.into_iter().flat_map(|policy| policy.policy_document.statement);
    statements
        .map(|statement| {
            PolicyStatement::read(statement).map_err(|problem| TemplateError::at(&place, problem))
        })
        .collect()
}

fn route(event: HttpApiEvent, place: &str) -> Result<Route, TemplateError> {
    let key = match event.path {
        Some(path) if path != "$default" => {
            format!("{} {path}", event.method.as_deref().unwrap_or("ANY").to_ascii_uppercase())
        }
        _ => "$default".to_owned(),
    };
    Route::parse(&key)
        .map_err(|problem| TemplateError::at(place, format!("has the route {key:?}: {problem}")))
}

fn mapping(event: DynamoDbEvent, name: String, place: &str) -> Result<Mapping, TemplateError> {
    let pattern = |filter: Filter| {
        Pattern::parse(&filter.pattern)
            .map_err(|problem| TemplateError::at(&format!("{place}.FilterCriteria"), problem))
    };
    let response_types = event.function_response_types;
    Ok(Mapping {
        name,
        from_oldest: matches!(event.starting_position, StartingPosition::TrimHorizon),
        batch_size: event.batch_size.unwrap_or(100),
        window: Duration::from_secs(event.maximum_batching_window_in_seconds),
        patterns: event
            .filter_criteria
            .filters
            .into_iter()
            .map(pattern)
            .collect::<Result<_, _>>()?,
        reports_failures: response_types.iter().any(|kind| kind == "ReportBatchItemFailures"),
        retries: event.maximum_retry_attempts.and_then(|retries| u32::try_from(retries).ok()),
        bisects: event.bisect_batch_on_function_error,
    })
}
