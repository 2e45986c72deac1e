//! The gateway: between clients and Lambdas it does what API Gateway does.

mod error;
mod tokens;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use shared::http::cors::Cors;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::event::{RequestContext, to_event, to_response};
use emulator::ids;
use emulator::route::{self, Route};
use emulator::runtime_api::{PAYLOAD_LIMIT, read_body};
use emulator::terminal;
use emulator::worker::InvokeError;
use emulator::worker_pool::WorkerPool;

use error::GatewayError;
pub use tokens::Tokens;

/// The largest request body that an HTTP API takes, in bytes.
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// How long an HTTP API waits for a Lambda.
pub const LAMBDA_TIMEOUT: Duration = Duration::from_secs(30);

/// How long running requests may take after the gateway is stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A port on the loopback interface, held before anything else is started.
#[derive(Debug)]
pub struct Port {
    listeners: Vec<TcpListener>,
    number: u16,
}

impl Port {
    /// Binds `number` on 127.0.0.1 and, where it exists, on `::1`: `localhost` may be either. 0 is
    /// any free port.
    ///
    /// # Errors
    /// The system's, such as that the port is in use.
    pub async fn bind(number: u16) -> io::Result<Self> {
        let mut bound = Self::bind_both(number).await;
        for _ in 0..10 {
            // The free port of one address may be taken on the other.
            let taken = bound.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::AddrInUse);
            if number != 0 || !taken {
                break;
            }
            bound = Self::bind_both(number).await;
        }
        bound
    }

    async fn bind_both(number: u16) -> io::Result<Self> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).await?;
        let number = v4.local_addr()?.port();
        let mut listeners = vec![v4];
        match TcpListener::bind((Ipv6Addr::LOCALHOST, number)).await {
            Ok(v6) => listeners.push(v6),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            // A machine without IPv6.
            Err(_) => {}
        }
        Ok(Self { listeners, number })
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// What the gateway serves.
#[derive(Debug)]
pub struct Api {
    /// Every route with its Lambda.
    pub routes: Vec<(Route, WorkerPool)>,
    /// The cross-origin rules. Without them preflights and headers are left to the Lambdas.
    pub cors: Option<Cors>,
    /// `None` where no route needs a token.
    pub tokens: Option<Tokens>,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    stop: watch::Sender<bool>,
    servers: JoinSet<io::Result<()>>,
}

impl Gateway {
    /// Serves `api` on `port`.
    pub fn start(port: Port, api: Api) -> Self {
        let (stop, stopped) = watch::channel(false);
        let router = Router::new()
            .fallback(serve)
            .with_state(Arc::new(Served { api, port: port.number }))
            .into_make_service_with_connect_info::<SocketAddr>();
        let mut servers = JoinSet::new();
        for listener in port.listeners {
            let mut stopped = stopped.clone();
            let server = axum::serve(listener, router.clone());
            servers.spawn(
                server
                    .with_graceful_shutdown(async move {
                        // An error means that the sender is gone: the same.
                        let _ = stopped.wait_for(|stopped| *stopped).await;
                    })
                    .into_future(),
            );
        }
        Self { stop, servers }
    }

    /// Takes no more requests, and waits up to 5 seconds for those that run.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let all_done = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, all_done).await.is_err() {
            terminal::say(format_args!(
                "requests that still ran after {} s were aborted",
                STOP_TIMEOUT.as_secs()
            ));
        }
    }
}

struct Served {
    api: Api,
    port: u16,
}

async fn serve(
    State(served): State<Arc<Served>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let request_id = ids::request_id();
    let cors = served.api.cors.as_ref();
    let answers_preflight =
        is_preflight(request.method(), &headers) && !needs_token(&served, &request);
    let mut response = match cors.filter(|_| answers_preflight) {
        Some(cors) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            cors.apply_preflight(&headers, response.headers_mut());
            response
        }
        None => {
            let response = match forward(&served, client, request, &request_id).await {
                Ok(response) => response,
                Err(error) => error.into_response(&request_id),
            };
            let mut response = response.map(Body::from);
            if let Some(cors) = cors {
                replace_cors_headers(cors, &headers, response.headers_mut());
            }
            response
        }
    };
    if let Ok(id) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert(HeaderName::from_static("apigw-requestid"), id);
    }
    response
}

fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Whether the route of a preflight needs a token, which a preflight never has. API Gateway does
/// not answer such a preflight itself.
fn needs_token(served: &Served, request: &Request) -> bool {
    let path = request.uri().path();
    let route = route::select(&served.api.routes, request.method().as_str(), path);
    let tokens = served.api.tokens.as_ref();
    tokens.zip(route).is_some_and(|(tokens, (route, ..))| tokens.guards(route))
}

/// An HTTP API with CORS rules ignores the CORS headers of its Lambdas.
fn replace_cors_headers(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) {
    let lambdas: Vec<HeaderName> = response
        .keys()
        .filter(|name| name.as_str().starts_with("access-control-"))
        .cloned()
        .collect();
    for name in lambdas {
        response.remove(name);
    }
    cors.apply(request, response);
}

/// The host that a request is for: HTTP/2 has it in the URL, HTTP/1.0 may leave it out. `None` where it
/// is no host.
fn requested_host(parts: &Parts, port: u16) -> Option<HeaderValue> {
    let in_url = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = parts.headers.get(HOST).map(HeaderValue::as_bytes).or(in_url);
    let Some(host) = host else { return HeaderValue::try_from(format!("localhost:{port}")).ok() };
    let authority = Authority::try_from(host).ok()?;
    let (name, text) = (authority.host(), authority.as_str());
    let is_plain = !name.is_empty() && text.starts_with(name);
    let has_port = text.len() == name.len() || authority.port_u16().is_some();
    HeaderValue::try_from(text).ok().filter(|_| is_plain && has_port)
}

async fn forward(
    served: &Served,
    client: SocketAddr,
    request: Request,
    request_id: &str,
) -> Result<http::Response<Bytes>, GatewayError> {
    let time = Timestamp::now();
    let (mut parts, body) = request.into_parts();
    let host = requested_host(&parts, served.port).ok_or_else(GatewayError::invalid_host)?;
    parts.headers.insert(HOST, host);
    let body = match read_body(body, BODY_LIMIT).await {
        Some(Ok(body)) => body,
        Some(Err(size)) => return Err(GatewayError::body_too_large(size, BODY_LIMIT)),
        None => return Err(GatewayError::incomplete_body()),
    };
    let path = parts.uri.path();
    let (route, pool, path_parameters) =
        route::select(&served.api.routes, parts.method.as_str(), path)
            .ok_or_else(|| GatewayError::no_route(parts.method.as_str(), path))?;
    let claims = match &served.api.tokens {
        Some(tokens) => tokens.check(route, &parts.headers)?,
        None => None,
    };
    let context = RequestContext {
        request_id: request_id.to_owned(),
        route_key: route.key().to_owned(),
        path_parameters,
        claims,
        source: client.ip(),
        port: served.port,
        time,
    };
    let event = Bytes::from(to_event(&parts, &body, &context).to_string());
    if event.len() > PAYLOAD_LIMIT {
        return Err(GatewayError::event_too_large(event.len()));
    }
    let begun = Instant::now();
    let result = tokio::time::timeout(LAMBDA_TIMEOUT, pool.invoke(event)).await;
    let duration = begun.elapsed();
    let name = &pool.spec().name;
    let problem = match result {
        Err(_) => return Err(GatewayError::gateway_timeout(LAMBDA_TIMEOUT, duration)),
        Ok(Ok(payload)) => match to_response(&parts.method, &payload) {
            Ok(response) => return Ok(response),
            Err(problem) => problem.to_string(),
        },
        Ok(Err(InvokeError::TimedOut(limit))) => {
            terminal::say(format_args!("{name} ran past its {limit:?} and was killed"));
            return Err(GatewayError::function_timeout(limit, duration));
        }
        Ok(Err(problem)) => problem.to_string(),
    };
    // The client gets only the id.
    terminal::say(format_args!("request {request_id}: {name}: {problem}"));
    Err(GatewayError::internal_error())
}
