//! Payload 2.0 of API Gateway's HTTP APIs, both ways: a request as an event, a
//! Lambda's answer as a response.

mod answer;
mod request;

pub use answer::{NotAnAnswer, to_response};
pub use request::{Arrival, to_event};
