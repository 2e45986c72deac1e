//! What the Lambdas of FaaS Backend share.
//!
//! [`domain`] holds the product's types and rules and knows neither AWS nor
//! HTTP; [`store`] keeps them in DynamoDB and S3, [`engine`] runs functions on
//! AWS Lambda, and both know no HTTP; [`http`] turns requests into calls of a handler, and what comes of it into answers.
//! `ARCHITECTURE.md` draws how they fit together.

pub mod admission;
pub mod aws;
pub mod config;
pub mod domain;
pub mod engine;
pub mod error;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod store;
pub mod stream;
pub mod time_budget;
