//! The whole stack over HTTP, with the echo Lambda in place of each real one.

use std::path::Path;

use crate::client::{ORIGIN, json, send, sent, until};
use crate::echo::{options, options_with};
use bytes::Bytes;
use http::{Method, Request, Response};
use local::endpoints;
use local::stack::{Options, Stack, StackError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The same with the data folder `place`.
fn options_in(place: &Path) -> Options {
    Options { data: Some(place.to_owned()), ..options() }
}

fn assert_has_cors_headers(response: &Response<Bytes>) {
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], ORIGIN);
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert!(headers.contains_key("apigw-requestid"));
}

#[tokio::test]
async fn a_request_reaches_its_lambda_and_the_response_has_cors_headers() {
    let stack = Stack::start(options()).await.unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let base = stack.url().replace("localhost", host);
        let url = format!("{base}/api/workspaces/ws-1/functions/fn-1/logs?limit=5");
        let response = send(Method::GET, &url, "").await;
        assert_eq!(response.status(), 200);
        assert_has_cors_headers(&response);
        let event = json(&response);
        let route = "ANY /api/workspaces/{workspaceId}/functions/{functionId}/logs";
        assert_eq!(event["routeKey"], route);
        assert_eq!(event["pathParameters"]["functionId"], "fn-1");
        assert_eq!(event["queryStringParameters"]["limit"], "5");
    }

    let preflight = Request::options(format!("{}/api/workspaces", stack.url()))
        .header("Origin", ORIGIN)
        .header("Access-Control-Request-Method", "PATCH");
    let preflight = sent(preflight, "").await;
    assert_eq!(preflight.status(), 204);
    assert_has_cors_headers(&preflight);
    assert!(
        preflight.headers()["access-control-allow-methods"].to_str().unwrap().contains("PATCH")
    );

    let head = send(Method::HEAD, &format!("{}/health", stack.url()), "").await;
    assert_eq!(head.status(), 200);
    assert!(head.body().is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn errors_of_the_gateway_have_the_apis_form() {
    let stack = Stack::start(options()).await.unwrap();
    let cases = [
        (vec![b'x'; 10 * 1024 * 1024 + 1], 413, "PAYLOAD_TOO_LARGE", "10485760"),
        (vec![b'x'; 7 * 1024 * 1024], 413, "PAYLOAD_TOO_LARGE", "6291556"),
        // Quotes are escaped in an event: half the limit is too much of them.
        (vec![b'"'; 6_291_556 / 2], 413, "PAYLOAD_TOO_LARGE", "6291556"),
    ];
    for (body, status, code, named) in cases {
        let response = send(Method::POST, &format!("{}/api/workspaces", stack.url()), body).await;
        assert_eq!(response.status(), status);
        assert_has_cors_headers(&response);
        let id = response.headers()["apigw-requestid"].to_str().unwrap().to_owned();
        let error = json(&response);
        assert_eq!(error["error"]["code"], code);
        assert_eq!(error["error"]["requestId"], id);
        assert!(error["error"]["message"].as_str().unwrap().contains(named), "{error}");
    }
}

/// The head of the response to a request that is sent as it stands.
async fn raw(stack: &Stack, request: &str) -> String {
    let address = stack.url().trim_start_matches("http://").to_owned();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await.unwrap();
    let response = String::from_utf8(response).unwrap();
    response.split("\r\n\r\n").next().unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn a_host_that_is_none_is_a_400() {
    let stack = Stack::start(options()).await.unwrap();
    for host in ["a b", "a/b", "user@localhost", ":80", "localhost:port"] {
        let request = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let response = raw(&stack, &request).await;
        assert!(response.starts_with("http/1.1 400 "), "{host}: {response}");
    }
    for request in [
        "GET /health HTTP/1.0\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: api.example:81\r\nConnection: close\r\n\r\n",
        "GET http://api.example/health HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n",
    ] {
        let response = raw(&stack, request).await;
        assert!(response.contains(" 200 "), "{request}: {response}");
    }
}

#[tokio::test]
async fn a_response_to_head_keeps_its_content_length() {
    let stack = Stack::start(options()).await.unwrap();
    let answer = r#"{"do": "answer", "answer": {"statusCode": 200, "body": "",
        "headers": {"content-length": "15"}}}"#;
    let request = format!(
        "HEAD /api/workspaces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    );
    let response = raw(&stack, &request).await;
    assert!(response.contains("content-length: 15"), "{response}");
}

#[tokio::test]
async fn a_failing_lambda_is_a_500_with_cors_headers() {
    let stack = Stack::start(options()).await.unwrap();
    let not_an_answer = r#"{"do": "answer", "answer": {"statusCode": "abc"}}"#;
    for orders in [r#"{"do": "fail"}"#, r#"{"do": "crash"}"#, not_an_answer] {
        let url = format!("{}/api/workspaces", stack.url());
        let response = send(Method::POST, &url, orders).await;
        assert_eq!(response.status(), 500, "{orders}");
        assert_has_cors_headers(&response);
        let error = json(&response);
        assert_eq!(error["error"]["code"], "INTERNAL_ERROR");
        assert!(!error.to_string().contains("told to fail"), "{error}");
    }
}

#[tokio::test]
async fn a_lambda_over_its_timeout_is_a_504_with_the_timeout() {
    let (options, _root) = options_with("Timeout: 29", "Timeout: 1");
    let stack = Stack::start(options).await.unwrap();
    let url = format!("{}/api/workspaces", stack.url());
    let response = send(Method::POST, &url, r#"{"do": "hang"}"#).await;
    assert_eq!(response.status(), 504);
    assert_has_cors_headers(&response);
    let error = json(&response);
    assert_eq!(error["error"]["code"], "TIMEOUT");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("the function's timeout of 1 s; it took"), "{message}");
    // On a busy machine the next one may take longer than its timeout too.
    until(async || send(Method::GET, &url, "").await.status() == 200).await;
}

#[tokio::test]
async fn the_gateways_cors_headers_replace_a_lambdas() {
    let stack = Stack::start(options()).await.unwrap();
    let answer = r#"{"do": "answer", "answer": {"statusCode": 201, "headers": {
        "access-control-allow-origin": "*", "access-control-allow-methods": "GET",
        "location": "/there"}}}"#;
    let url = format!("{}/api/workspaces", stack.url());
    let response = send(Method::POST, &url, answer).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (201, &"/there".parse().unwrap())
    );
    assert_has_cors_headers(&response);
    assert!(!response.headers().contains_key("access-control-allow-methods"));

    let foreign = Request::post(url).header("Origin", "http://evil.example");
    let foreign = sent(foreign.header("Content-Type", "application/json"), answer).await;
    assert_eq!(foreign.status(), 201);
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_running_stack_exports_its_endpoints() {
    let place = tempfile::tempdir().unwrap();
    let before = endpoints::export_lines(place.path()).unwrap_err().to_string();
    assert!(before.contains("start it first"), "{before}");
    let stack = Stack::start(options_in(place.path())).await.unwrap();
    let lines = endpoints::export_lines(place.path()).unwrap();
    for part in [
        &format!("export AWS_ENDPOINT_URL_DYNAMODB='{}'\n", stack.stores().dynamodb_url()),
        &format!("export AWS_ENDPOINT_URL_LAMBDA='{}'\n", stack.engine().url()),
        &format!("export TABLE_NAME='{}'\n", stack.template().table.name),
        "export AWS_REGION='ap-northeast-2'\n",
        "export AWS_ACCESS_KEY_ID='local'\n",
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    let second = Stack::start(options_in(place.path())).await.unwrap_err().to_string();
    assert!(second.contains("in use by another"), "{second}");
    stack.stop().await;
    assert!(endpoints::export_lines(place.path()).is_err());
    Stack::start(options_in(place.path())).await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = options();
    options.port = taken.local_addr().unwrap().port();
    let error = Stack::start(options.clone()).await.unwrap_err();
    assert!(matches!(error, StackError::Port { .. }));
    let message = error.to_string();
    assert!(message.contains(&options.port.to_string()) && message.contains("--port"), "{message}");
}
