//! What AWS's services answer instead of doing what they are asked. Codes and statuses are those of
//! their API references.

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use serde_json::{Value, json};

use super::Fault;

/// An answer that a service would give.
pub(super) struct Answer {
    status: u16,
    /// Where Lambda says what kind of error it is.
    kind: &'static str,
    body: String,
}

impl From<Answer> for HttpResponse {
    fn from(answer: Answer) -> Self {
        let status =
            StatusCode::try_from(answer.status).unwrap_or(StatusCode::from(http::StatusCode::OK));
        let mut response = Self::new(status, SdkBody::from(answer.body));
        if !answer.kind.is_empty() {
            response.headers_mut().insert("x-amzn-errortype", answer.kind);
        }
        response
    }
}

/// Who is asked, for what.
enum Asked<'a> {
    DynamoDb(&'a str),
    Lambda,
    S3,
}

fn asked(request: &HttpRequest) -> Asked<'_> {
    let target = request.headers().get("x-amz-target");
    match target.and_then(|target| target.split_once('.')) {
        Some((_, operation)) => Asked::DynamoDb(operation),
        None if request.uri().contains("/functions") => Asked::Lambda,
        None => Asked::S3,
    }
}

/// Whether a call can go wrong so.
pub(super) fn can_be(fault: Fault, request: &HttpRequest) -> bool {
    match fault {
        Fault::Unsent | Fault::Unanswered | Fault::Silent => true,
        Fault::Partly => parts(request).is_some(),
        _ => of(fault, request).is_some(),
    }
}

/// What the service answers; `None` where it never answers so.
pub(super) fn of(fault: Fault, request: &HttpRequest) -> Option<Answer> {
    let answer = |status, kind, body: Value| Some(Answer { status, kind, body: body.to_string() });
    let dynamodb = |status, code: &str| {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
        answer(status, "", json!({"__type": kind, "message": "injected fault"}))
    };
    let lambda = |status, kind| answer(status, kind, json!({"Message": "injected fault"}));
    let s3 = |status, code| {
        let body = format!("<Error><Code>{code}</Code><Message>injected fault</Message></Error>");
        Some(Answer { status, kind: "", body })
    };
    match (fault, asked(request)) {
        (Fault::Throttled, Asked::DynamoDb(_)) => {
            dynamodb(400, "ProvisionedThroughputExceededException")
        }
        (Fault::Throttled, Asked::Lambda) => lambda(429, "TooManyRequestsException"),
        (Fault::Throttled, Asked::S3) => s3(503, "SlowDown"),
        (Fault::Broken, Asked::DynamoDb(_)) => dynamodb(500, "InternalServerError"),
        (Fault::Broken, Asked::Lambda) => lambda(500, "ServiceException"),
        (Fault::Broken, Asked::S3) => s3(500, "InternalError"),
        (Fault::Conflicting, Asked::DynamoDb("TransactWriteItems")) => {
            let number = body(request)["TransactItems"].as_array().map_or(0, Vec::len);
            // At the last one: whoever looks at the first only doesn't see it.
            let reasons =
                (1..=number).map(|at| if at == number { "TransactionConflict" } else { "None" });
            let reasons: Vec<_> = reasons.map(|code| json!({"Code": code})).collect();
            let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
            let body = json!({"__type": kind, "message": "", "CancellationReasons": reasons});
            answer(400, "", body)
        }
        (Fault::Conflicting, Asked::DynamoDb("PutItem" | "UpdateItem" | "DeleteItem")) => {
            dynamodb(400, "TransactionConflictException")
        }
        (Fault::Conflicting, Asked::Lambda) if changes_a_function(request) => {
            lambda(409, "ResourceConflictException")
        }
        (Fault::Unprocessed, Asked::DynamoDb("BatchGetItem")) => {
            let left = body(request)["RequestItems"].take();
            answer(200, "", json!({"Responses": {}, "UnprocessedKeys": left}))
        }
        (Fault::Unprocessed, Asked::DynamoDb("BatchWriteItem")) => {
            let left = body(request)["RequestItems"].take();
            answer(200, "", json!({"UnprocessedItems": left}))
        }
        _ => None,
    }
}

/// What a read of several items asks for when it is answered in part, for the first of them only;
/// and what is left then. `None` for what reads no two items.
pub(super) fn parts(request: &HttpRequest) -> Option<(Value, Value)> {
    let Asked::DynamoDb("BatchGetItem") = asked(request) else { return None };
    let mut first = body(request);
    let mut left = first["RequestItems"].clone();
    let table = left.as_object()?.keys().next()?.clone();
    first["RequestItems"][&table]["Keys"].as_array_mut()?.truncate(1);
    let keys = left[&table]["Keys"].as_array_mut()?;
    keys.remove(0);
    let is_several = !keys.is_empty();
    is_several.then_some((first, left))
}

/// The same answer, which says what is `left`.
pub(super) async fn leaving(
    mut answer: HttpResponse,
    left: Value,
) -> Result<HttpResponse, ConnectorError> {
    let body = ByteStream::new(answer.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let mut said: Value = serde_json::from_slice(&body).unwrap_or_default();
    said["UnprocessedKeys"] = left;
    // Those of the body before.
    for name in ["content-length", "x-amz-crc32"] {
        answer.headers_mut().remove(name);
    }
    *answer.body_mut() = SdkBody::from(said.to_string());
    Ok(answer)
}

/// A call of one isn't in the way of others, and neither is a look at it.
fn changes_a_function(request: &HttpRequest) -> bool {
    request.method() != "GET" && !request.uri().ends_with("/invocations")
}

fn body(request: &HttpRequest) -> Value {
    request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
}
