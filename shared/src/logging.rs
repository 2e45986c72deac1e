//! The log: one line of JSON per event, which CloudWatch can query and read metrics from.
//!
//! A failure is logged once, where it is handled: in `http` if it becomes an error response, in `store` if
//! the caller need not know. No line contains a body, a source, an environment variable or a key.

use std::fmt;
use std::io::{self, Write};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Config;
use crate::domain::Timestamp;
use crate::metrics;

/// The project's own crates in a Lambda. They log at the configured level.
const OWN_CRATES: [&str; 11] = [
    "shared",
    "builder",
    "builds",
    "counter",
    "docs",
    "functions",
    "invocations",
    "logs",
    "packages",
    "reconciler",
    "workspaces",
];

/// Writes lines to standard output: metrics, lines of `OWN_CRATES` at the configured level, and warnings
/// and errors of libraries.
///
/// Libraries' lower levels are never written: the AWS SDK's debug lines contain whole requests, with
/// sources and environment variables.
pub fn to_stdout(config: &Config) {
    let level = config.log_level;
    let filter = Targets::new()
        .with_default(level.min(Level::WARN))
        .with_targets(OWN_CRATES.map(|name| (name, level)))
        .with_target(metrics::TARGET, Level::INFO);
    let lines = Lines { stack: config.stack.clone() };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

/// Formats events as lines.
struct Lines {
    stack: String,
}

impl Lines {
    fn line(&self, event: &Event<'_>, now: Timestamp) -> Value {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let Fields(mut line) = fields;
        let metadata = event.metadata();
        if metadata.target() == metrics::TARGET {
            metrics::declare(&mut line, &self.stack, now);
        }
        line.insert("timestamp".into(), json!(now));
        line.insert("level".into(), json!(metadata.level().as_str()));
        line.insert("target".into(), json!(metadata.target()));
        Value::Object(line)
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = format!("{}\n", self.line(event, Timestamp::now()));
        // A failure to write to standard output cannot be reported.
        io::stdout().lock().write_all(line.as_bytes()).ok();
    }
}

/// An event's fields, each with its JSON type.
struct Fields(Map<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs::{self, DirEntry};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Collects the lines instead of writing them.
    struct Collector(Lines, Arc<Mutex<Vec<Value>>>);

    impl<S: Subscriber> Layer<S> for Collector {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let now = "2026-01-31T09:05:00.123Z".parse::<Timestamp>().unwrap();
            self.1.lock().unwrap().push(self.0.line(event, now));
        }
    }

    /// The lines of all events of `action`.
    pub(crate) fn lines(action: impl FnOnce()) -> Vec<Value> {
        let collected = Arc::default();
        let layer = Collector(Lines { stack: "s".into() }, Arc::clone(&collected));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), action);
        std::mem::take(&mut *collected.lock().unwrap())
    }

    /// A package of `functions` that is not listed would log warnings only.
    #[test]
    fn every_lambda_is_an_own_crate() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
        let name = |entry: io::Result<DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut expected: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
        expected.push("shared".into());
        expected.sort();
        let mut own = OWN_CRATES.to_vec();
        own.sort();
        assert_eq!(own, expected);
    }

    #[test]
    fn a_line_has_the_events_fields_with_their_types() {
        let logged = lines(|| {
            let owner: Option<&str> = None;
            tracing::warn!(owner, count = 2, of = %"a", late = true, "a \"sentence\"\n");
        });
        let expected = json!({
            "timestamp": "2026-01-31T09:05:00.123Z", "level": "WARN",
            "target": "shared::logging::tests", "message": "a \"sentence\"\n", "count": 2,
            "of": "a", "late": true,
        });
        assert_eq!(logged, [expected]);
    }

    #[test]
    fn metrics_are_declared_in_cloudwatchs_embedded_metric_format() {
        let logged = lines(|| {
            tracing::info!(target: metrics::TARGET, Route = "GET /", Requests = 1, Latency = 1.5, status = 200);
            tracing::info!(target: metrics::TARGET, Executions = 1);
        });
        let metric = |name: &str, unit: &str| json!({"Name": name, "Unit": unit});
        let declared = |sets: Value, metrics: Value| {
            json!({
                "Timestamp": 1_769_850_300_123_i64,
                "CloudWatchMetrics":
                    [{"Namespace": "FaaSBackend", "Dimensions": sets, "Metrics": metrics}],
            })
        };
        let of_route = declared(
            json!([["Stack"], ["Stack", "Route"]]),
            json!([metric("Requests", "Count"), metric("Latency", "Milliseconds")]),
        );
        assert_eq!(logged[0]["_aws"], of_route);
        assert_eq!((&logged[0]["Stack"], &logged[0]["Latency"]), (&json!("s"), &json!(1.5)));
        let of_stack = declared(json!([["Stack"]]), json!([metric("Executions", "Count")]));
        assert_eq!(logged[1]["_aws"], of_stack);
    }
}
