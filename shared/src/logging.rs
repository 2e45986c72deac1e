//! Where our log lines go.
//!
//! A failure is logged once, at the boundary that handles it: `http` for what
//! becomes an error to the caller, `store` for what the caller needn't know. No
//! line holds a body, a source or an environment value.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Writes lines to standard output, as JSON, which CloudWatch can query: ours of
/// `level` and above, and those of libraries that tell of trouble.
///
/// Libraries have no say below that: the AWS SDK's debug lines hold whole
/// requests, with sources and environment values in them.
pub fn to_stdout(level: Level) {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    let which = Targets::new().with_default(level.min(Level::WARN)).with_target("shared", level);
    tracing_subscriber::registry().with(lines).with(which).init();
}
