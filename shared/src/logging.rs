//! Where our log lines go.
//!
//! A failure is logged once, at the boundary that handles it: `http` for what
//! becomes an error to the caller, `store` for what the caller needn't know. No
//! line holds a body, a source or an environment value.

/// Writes lines of `level` and above to standard output, as JSON, which CloudWatch can query.
pub fn to_stdout(level: tracing::Level) {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(level)
        .init();
}
