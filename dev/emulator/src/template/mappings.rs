//! The streams that functions follow: event source mappings.

use std::time::Duration;

use serde_json::Value;

use super::TemplateError;
use super::functions::whole_number;
use super::intrinsics::Resolver;
use crate::event_source::pattern::Pattern;

/// An event of the type `DynamoDB`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The function's logical id and the event's, with a dot between.
    pub name: String,
    /// Whether it begins with the oldest record, or with those to come.
    pub from_oldest: bool,
    /// The most records of one invocation; AWS's default is 100.
    pub batch_size: usize,
    /// How long a batch is gathered.
    pub window: Duration,
    /// Records of which at least one pattern asks for nothing more; all if there is none.
    pub patterns: Vec<Pattern>,
    /// Whether the function may say which records failed.
    pub reports_failures: bool,
    /// How often a batch that failed is tried again; `None` without limit.
    pub retries: Option<u32>,
    /// Whether a batch that failed is tried again in halves.
    pub bisects: bool,
}

impl Mapping {
    /// Whether the function is to see a record.
    pub fn takes(&self, record: &Value) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(record))
    }
}

/// What is understood of an event's properties, or has no meaning here.
const KNOWN: [&str; 14] = [
    "Stream",
    "StartingPosition",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FunctionResponseTypes",
    "FilterCriteria",
    "MaximumRetryAttempts",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
    "MetricsConfig",
    "Enabled",
    "KmsKeyArn",
];

/// The mappings of the function `id`.
pub(super) fn read(
    resolver: &Resolver<'_>,
    id: &str,
    body: &Value,
) -> Result<Vec<Mapping>, TemplateError> {
    let mut mappings = Vec::new();
    let events = body.pointer("/Properties/Events").and_then(Value::as_object);
    for (name, event) in events.into_iter().flatten() {
        if event.get("Type").and_then(Value::as_str) != Some("DynamoDB") {
            continue;
        }
        let place = format!("Resources.{id}.Properties.Events.{name}.Properties");
        let properties = event.get("Properties").unwrap_or(&Value::Null);
        let name = format!("{id}.{name}");
        mappings.extend(mapping(resolver, name, properties, &place)?);
        if mappings.len() > 1 {
            return Err(TemplateError::at(
                place,
                "follows a stream that the function follows already, which AWS refuses",
                "write a function of its own for it",
            ));
        }
    }
    Ok(mappings)
}

/// One mapping; `None` where it is switched off.
fn mapping(
    resolver: &Resolver<'_>,
    name: String,
    properties: &Value,
    place: &str,
) -> Result<Option<Mapping>, TemplateError> {
    let unknown = properties.as_object().into_iter().flatten();
    if let Some((unknown, _)) = unknown.into_iter().find(|(n, _)| !KNOWN.contains(&n.as_str())) {
        return Err(TemplateError::at(
            format!("{place}.{unknown}"),
            "is not followed by the local stack",
            "leave it out",
        ));
    }
    let stream = properties.pointer("/Stream/Fn::GetAtt/1").and_then(Value::as_str);
    if stream != Some("StreamArn") {
        return Err(TemplateError::at(
            format!("{place}.Stream"),
            "is not the stream of the template's table",
            "write !GetAtt with the table and StreamArn",
        ));
    }
    let property = |key: &str| match properties.get(key) {
        Some(raw) => resolver.resolve(raw, &format!("{place}.{key}")),
        None => Ok(None),
    };
    let number = |key: &str, default: u32| match property(key)? {
        Some(value) => whole_number(&value, &format!("{place}.{key}")),
        None => Ok(default),
    };
    let flag = |key: &str, default: bool| -> Result<bool, TemplateError> {
        match property(key)? {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(_) => Err(TemplateError::at(
                format!("{place}.{key}"),
                "is not true or false",
                "write one of them",
            )),
        }
    };
    if !flag("Enabled", true)? {
        return Ok(None);
    }
    let from_oldest = match property("StartingPosition")? {
        Some(Value::String(start)) if start == "TRIM_HORIZON" => true,
        Some(Value::String(start)) if start == "LATEST" => false,
        _ => {
            return Err(TemplateError::at(
                format!("{place}.StartingPosition"),
                "is neither TRIM_HORIZON nor LATEST",
                "write one of them",
            ));
        }
    };
    let types = property("FunctionResponseTypes")?;
    let types = types.as_ref().and_then(Value::as_array).into_iter().flatten();
    let retries = property("MaximumRetryAttempts")?;
    let without_limit = |value: &Value| value.as_i64() == Some(-1) || value == "-1";
    let retries = match retries.filter(|value| !without_limit(value)) {
        Some(value) => Some(whole_number(&value, &format!("{place}.MaximumRetryAttempts"))?),
        None => None,
    };
    Ok(Some(Mapping {
        name,
        from_oldest,
        batch_size: number("BatchSize", 100)?.clamp(1, 10_000) as usize,
        window: Duration::from_secs(number("MaximumBatchingWindowInSeconds", 0)?.into()),
        patterns: patterns(property("FilterCriteria")?.as_ref(), place)?,
        reports_failures: types.into_iter().any(|kind| kind == "ReportBatchItemFailures"),
        retries,
        bisects: flag("BisectBatchOnFunctionError", false)?,
    }))
}

fn patterns(criteria: Option<&Value>, place: &str) -> Result<Vec<Pattern>, TemplateError> {
    let filters = criteria.and_then(|c| c.get("Filters")).and_then(Value::as_array);
    let mut patterns = Vec::new();
    for (i, filter) in filters.into_iter().flatten().enumerate() {
        let place = format!("{place}.FilterCriteria.Filters.{i}.Pattern");
        let text = filter.get("Pattern").and_then(Value::as_str).unwrap_or_default();
        let pattern = Pattern::parse(text).map_err(|problem| {
            TemplateError::at(
                &place,
                problem,
                "use exact values, prefix, exists and anything-but, in lists",
            )
        })?;
        patterns.push(pattern);
    }
    Ok(patterns)
}
