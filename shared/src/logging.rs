//! Our log: a line of JSON an event, which CloudWatch can query, and read metrics out of.
//!
//! A failure is logged once, at the boundary that handles it: `http` for what
//! becomes an error to the caller, `store` for what the caller needn't know. No
//! line holds a body, a source, an environment value or a key.

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

/// The crates whose lines are ours.
const OURS: [&str; 7] =
    ["shared", "workspaces", "functions", "logs", "invocations", "reconciler", "docs"];

/// Writes lines to standard output: metrics, ours of the configured level and above, and those of
/// libraries that tell of trouble.
///
/// Libraries have no say below that: the AWS SDK's debug lines hold whole
/// requests, with sources and environment values in them.
pub fn to_stdout(config: &Config) {
    let level = config.log_level;
    let which = Targets::new()
        .with_default(level.min(Level::WARN))
        .with_targets(OURS.map(|name| (name, level)))
        .with_target(metrics::TARGET, Level::INFO);
    let lines = Lines { stack: config.stack.clone() };
    tracing_subscriber::registry().with(lines.with_filter(which)).init();
}

/// Makes lines of events.
struct Lines {
    stack: String,
}

impl Lines {
    fn line(&self, event: &Event<'_>, now: Timestamp) -> Value {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let Fields(mut line) = fields;
        let about = event.metadata();
        if about.target() == metrics::TARGET {
            metrics::declare(&mut line, &self.stack, now);
        }
        line.insert("timestamp".into(), json!(now));
        line.insert("level".into(), json!(about.level().as_str()));
        line.insert("target".into(), json!(about.target()));
        Value::Object(line)
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = format!("{}\n", self.line(event, Timestamp::now()));
        // There is nobody to tell that standard output can't be written.
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
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps the lines that would be written.
    struct Kept(Lines, Arc<Mutex<Vec<Value>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let now = "2026-01-31T09:05:00.123Z".parse::<Timestamp>().unwrap();
            self.1.lock().unwrap().push(self.0.line(event, now));
        }
    }

    /// The lines of all events while something happens.
    pub(crate) fn lines(tell: impl FnOnce()) -> Vec<Value> {
        let kept = Arc::default();
        let layer = Kept(Lines { stack: "s".into() }, Arc::clone(&kept));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), tell);
        std::mem::take(&mut *kept.lock().unwrap())
    }

    #[test]
    fn an_event_is_a_line_with_its_fields_by_type() {
        let told = lines(|| {
            let owner: Option<&str> = None;
            tracing::warn!(owner, count = 2, of = %"a", late = true, "a \"sentence\"\n");
        });
        let expected = json!({
            "timestamp": "2026-01-31T09:05:00.123Z", "level": "WARN",
            "target": "shared::logging::tests", "message": "a \"sentence\"\n", "count": 2,
            "of": "a", "late": true,
        });
        assert_eq!(told, [expected]);
    }

    #[test]
    fn metrics_are_declared_as_cloudwatch_reads_them() {
        let told = lines(|| {
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
        assert_eq!(told[0]["_aws"], of_route);
        assert_eq!((&told[0]["Stack"], &told[0]["Latency"]), (&json!("s"), &json!(1.5)));
        let of_stack = declared(json!([["Stack"]]), json!([metric("Executions", "Count")]));
        assert_eq!(told[1]["_aws"], of_stack);
    }
}
