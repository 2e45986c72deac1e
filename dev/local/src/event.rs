//! Payload format 2.0 of API Gateway's HTTP APIs: requests as events, and Lambdas' answers as
//! responses.

mod request;
mod response;

pub use request::{RequestContext, to_event};
pub use response::{InvalidResponse, to_response};
