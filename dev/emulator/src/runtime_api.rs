//! The Lambda Runtime API for one process, on a loopback port of its own. So the protocol's state
//! belongs to one process, and a caller needs no identification.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::ids;

/// The largest event and the largest answer of an invocation, in bytes, as on AWS.
pub const PAYLOAD_LIMIT: usize = 6_291_556;

/// One event for a process.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its request id.
    pub id: String,
    /// The event: JSON.
    pub event: Bytes,
    /// The invoked ARN.
    pub arn: String,
    /// How long it may take.
    pub timeout: Duration,
}

/// A process's answer to one invocation.
#[derive(Debug, PartialEq, Eq)]
pub enum InvocationResult {
    /// The function's answer.
    Response(Bytes),
    /// The function failed: the runtime's report, JSON with `errorType` and `errorMessage`.
    Error(Bytes),
    /// The answer was larger than [`PAYLOAD_LIMIT`]: its size in bytes.
    TooLarge(usize),
}

/// How far a process got with its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitState {
    /// It has not called yet.
    Pending,
    /// It has asked for its first invocation.
    Ready,
    /// It can't start: its report.
    Failed(Bytes),
}

/// A Runtime API server. Dropping it closes the port.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    invocations: mpsc::Sender<Queued>,
    init: watch::Receiver<InitState>,
    server: JoinHandle<()>,
}

/// An invocation that the process has not fetched yet.
#[derive(Debug)]
struct Queued {
    invocation: Invocation,
    deadline: SystemTime,
    result: oneshot::Sender<InvocationResult>,
}

struct Shared {
    inbox: tokio::sync::Mutex<mpsc::Receiver<Queued>>,
    running: Mutex<Option<(String, oneshot::Sender<InvocationResult>)>>,
    init: watch::Sender<InitState>,
}

impl RuntimeApi {
    /// Opens a port on 127.0.0.1.
    ///
    /// # Errors
    /// The system's, such as that no port is free.
    pub async fn open() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (invocations, inbox) = mpsc::channel(1);
        let (init_sender, init) = watch::channel(InitState::Pending);
        let shared = Arc::new(Shared {
            inbox: tokio::sync::Mutex::new(inbox),
            running: Mutex::new(None),
            init: init_sender,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(shared);
        let server = tokio::spawn(async move {
            // It never ends by itself: the task is aborted when the value is dropped.
            if let Err(error) = axum::serve(listener, router).await {
                crate::terminal::say(format_args!("the Runtime API at {address} ended: {error}"));
            }
        });
        Ok(Self { address, invocations, init, server })
    }

    /// Where it listens, for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the process is ready or reports that it can't start.
    pub async fn initialized(&self) -> InitState {
        let mut init = self.init.clone();
        match init.wait_for(|state| *state != InitState::Pending).await {
            Ok(state) => state.clone(),
            // Without a server no process can report.
            Err(_) => InitState::Failed(Bytes::from_static(b"its Runtime API was closed")),
        }
    }

    /// Gives the process an invocation. The receiver gets the result, or an error if the API is
    /// closed before.
    pub async fn send(&self, invocation: Invocation) -> oneshot::Receiver<InvocationResult> {
        let (result, receiver) = oneshot::channel();
        let deadline = SystemTime::now() + invocation.timeout;
        // A closed channel drops the result's sender, which closes the receiver.
        let _ = self.invocations.send(Queued { invocation, deadline, result }).await;
        receiver
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn finish(&self, id: &str, result: InvocationResult) -> StatusCode {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.take_if(|(running, _)| running == id) {
            Some((_, sender)) => {
                // After a timeout nobody receives it.
                let _ = sender.send(result);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.init.send_replace(InitState::Ready);
    let Some(Queued { invocation, deadline, result }) = shared.inbox.lock().await.recv().await
    else {
        return StatusCode::GONE.into_response();
    };
    let since_1970 = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.id.clone()),
        ("lambda-runtime-deadline-ms", since_1970.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.arn),
        ("lambda-runtime-trace-id", ids::trace_id()),
    ];
    *shared.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((invocation.id, result));
    (headers, invocation.event).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Body,
) -> StatusCode {
    match read_body(body, PAYLOAD_LIMIT).await {
        Some(Ok(payload)) => shared.finish(&id, InvocationResult::Response(payload)),
        Some(Err(size)) => {
            shared.finish(&id, InvocationResult::TooLarge(size));
            StatusCode::PAYLOAD_TOO_LARGE
        }
        None => StatusCode::BAD_REQUEST,
    }
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Body,
) -> StatusCode {
    match read_body(body, PAYLOAD_LIMIT).await {
        Some(report) => shared.finish(&id, InvocationResult::Error(report.unwrap_or_default())),
        None => StatusCode::BAD_REQUEST,
    }
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Body) -> StatusCode {
    let report = read_body(body, PAYLOAD_LIMIT).await.and_then(Result::ok).unwrap_or_default();
    shared.init.send_replace(InitState::Failed(report));
    StatusCode::ACCEPTED
}

/// The body, or its size if it is over the limit; `None` if the connection broke.
///
/// A body that is too large is read to its end all the same: clients that are still sending take
/// an early answer for a broken connection.
pub async fn read_body(mut body: Body, limit: usize) -> Option<Result<Bytes, usize>> {
    let mut read = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        size += data.len();
        if size <= limit {
            read.extend_from_slice(&data);
        }
    }
    Some(if size <= limit { Ok(read.freeze()) } else { Err(size) })
}
