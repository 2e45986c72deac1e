//! The Lambda Runtime API for one worker process, on a loopback port of its own.
//!
//! One port a worker keeps the protocol's state to one process: whoever asks
//! for the next invocation is that worker.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

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
use crate::instance::Invocation;

/// The largest event and the largest answer of an invocation, in bytes, as on AWS.
pub const PAYLOAD_LIMIT: usize = 6_291_556;

/// What one worker answered to one invocation.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function's answer.
    Response(Bytes),
    /// The function failed: the runtime's report, JSON with `errorType` and `errorMessage`.
    Error(Bytes),
    /// The answer was larger than [`PAYLOAD_LIMIT`]: its size in bytes.
    TooLarge(usize),
}

/// How far a worker got with starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// It has not asked for anything yet.
    Pending,
    /// It has asked for its first invocation.
    Ready,
    /// It reported that it can't start: its report.
    Failed(Bytes),
}

/// A Runtime API server. Dropping it closes the port.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    invocations: mpsc::Sender<Waiting>,
    start: watch::Receiver<Start>,
    server: JoinHandle<()>,
}

/// An event that waits to be asked for.
#[derive(Debug)]
struct Waiting {
    invocation: Invocation,
    deadline: SystemTime,
    outcome: oneshot::Sender<Outcome>,
}

struct Shared {
    inbox: tokio::sync::Mutex<mpsc::Receiver<Waiting>>,
    running: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    start: watch::Sender<Start>,
}

impl RuntimeApi {
    /// Opens a port on 127.0.0.1.
    ///
    /// # Errors
    /// What the system says, such as that no port is free.
    pub async fn open() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (invocations, inbox) = mpsc::channel(1);
        let (start_sender, start) = watch::channel(Start::Pending);
        let shared = Arc::new(Shared {
            inbox: tokio::sync::Mutex::new(inbox),
            running: Mutex::new(None),
            start: start_sender,
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
        Ok(Self { address, invocations, start, server })
    }

    /// Where it listens, for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the worker is ready or says that it can't start.
    pub async fn started(&self) -> Start {
        let mut start = self.start.clone();
        match start.wait_for(|start| *start != Start::Pending).await {
            Ok(start) => start.clone(),
            // The server is gone, so no worker will ever report.
            Err(_) => Start::Failed(Bytes::from_static(b"its Runtime API was closed")),
        }
    }

    /// Hands an event to the worker; the receiver gives its answer, or fails if
    /// the API is closed before there is one.
    pub async fn hand_over(&self, invocation: Invocation) -> oneshot::Receiver<Outcome> {
        let (outcome, receiver) = oneshot::channel();
        let deadline = SystemTime::now() + invocation.timeout;
        // A closed channel drops the sender within, which the receiver then shows.
        let _ = self.invocations.send(Waiting { invocation, deadline, outcome }).await;
        receiver
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn finish(&self, id: &str, outcome: Outcome) -> StatusCode {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.take_if(|(running, _)| running == id) {
            Some((_, sender)) => {
                // Nobody waits for the answer of an invocation that timed out.
                let _ = sender.send(outcome);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.start.send_replace(Start::Ready);
    let Some(Waiting { invocation, deadline, outcome }) = shared.inbox.lock().await.recv().await
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
    *shared.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((invocation.id, outcome));
    (headers, invocation.event).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Body,
) -> StatusCode {
    match read_whole(body, PAYLOAD_LIMIT).await {
        Some(Ok(payload)) => shared.finish(&id, Outcome::Response(payload)),
        Some(Err(size)) => {
            shared.finish(&id, Outcome::TooLarge(size));
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
    match read_whole(body, PAYLOAD_LIMIT).await {
        Some(report) => shared.finish(&id, Outcome::Error(report.unwrap_or_default())),
        None => StatusCode::BAD_REQUEST,
    }
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Body) -> StatusCode {
    let report = read_whole(body, PAYLOAD_LIMIT).await.and_then(Result::ok).unwrap_or_default();
    shared.start.send_replace(Start::Failed(report));
    StatusCode::ACCEPTED
}

/// The body, or its size if it is over the limit; `None` if the sender broke off.
///
/// A body that is too large is read to its end all the same: clients take an
/// answer that comes before they have sent everything for a broken connection.
pub(crate) async fn read_whole(mut body: Body, limit: usize) -> Option<Result<Bytes, usize>> {
    let mut whole = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        size += data.len();
        if size <= limit {
            whole.extend_from_slice(&data);
        }
    }
    Some(if size <= limit { Ok(whole.freeze()) } else { Err(size) })
}
