//! Code that the Lambdas of FaaS Backend share.
//!
//! [`domain`] has the types and rules of the product, without AWS and HTTP. [`store`] keeps them in
//! DynamoDB and S3. [`engine`] runs functions on AWS Lambda. Neither knows HTTP. [`http`] has extractors,
//! responses and the middleware of the routers. `ARCHITECTURE.md` has the map.

pub mod aws;
pub mod config;
pub mod domain;
pub mod engine;
pub mod error;
pub mod http;
pub mod layer_release;
pub mod logging;
pub mod metrics;
pub mod rate_limit;
pub mod store;
pub mod stream;
pub mod time_budget;
