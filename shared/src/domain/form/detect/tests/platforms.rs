//! Handlers that a platform's own package marks.

mod adapters_of_aws;
mod azure;
mod gcp;
mod knative;
mod nuclio;
mod spin;
