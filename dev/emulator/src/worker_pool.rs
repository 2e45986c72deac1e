//! The workers of one of our Lambdas: several at a time, reused, and replaced by those of a new
//! binary without dropping a request.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::worker::{InvokeError, Worker, WorkerSpec};

/// The most workers of a Lambda. Further requests wait.
const MAX_WORKERS: usize = 10;

/// A built binary.
#[derive(Debug)]
pub struct Binary {
    /// The executable file.
    pub path: PathBuf,
    /// Dropped once no worker runs this binary; it may delete the file.
    pub guard: Option<Arc<dyn std::any::Any + Send + Sync>>,
}

impl From<PathBuf> for Binary {
    fn from(path: PathBuf) -> Self {
        Self { path, guard: None }
    }
}

/// The workers of one Lambda. Dropping the last handle ends them all.
#[derive(Clone, Debug)]
pub struct WorkerPool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    spec: Arc<WorkerSpec>,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    binary: Arc<Binary>,
    /// The last one was used last.
    idle: Vec<Worker>,
}

impl WorkerPool {
    /// A pool with one worker, so that a binary that can't start is an error at once.
    ///
    /// # Errors
    /// [`InvokeError::NotStarted`].
    pub async fn start(spec: WorkerSpec, binary: Binary) -> Result<Self, InvokeError> {
        let spec = Arc::new(spec);
        let first = Worker::start(spec.clone(), &binary.path).await?;
        Ok(Self(Arc::new(Inner {
            spec,
            permits: Arc::new(Semaphore::new(MAX_WORKERS)),
            state: Mutex::new(State { binary: Arc::new(binary), idle: vec![first] }),
        })))
    }

    /// The settings of the workers.
    pub fn spec(&self) -> &WorkerSpec {
        &self.0.spec
    }

    /// Answers one event with an idle worker or a new one.
    ///
    /// Once a worker has the event, dropping the future does not stop the invocation, as on AWS:
    /// a client that hangs up must not leave its request half done.
    ///
    /// # Errors
    /// The worker's.
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let permit = self.0.permits.clone().acquire_owned().await;
        let permit =
            permit.map_err(|_| InvokeError::NotStarted("its pool was closed".to_owned()))?;
        let inner = self.0.clone();
        let invocation = tokio::spawn(async move {
            let _permit = permit;
            inner.invoke(event).await
        });
        match invocation.await {
            Ok(result) => result,
            Err(stopped) => Err(InvokeError::Crashed(stopped.to_string())),
        }
    }

    /// Replaces the binary, once a worker of the new one has started. Workers of the old one end
    /// when their requests are answered.
    ///
    /// # Errors
    /// [`InvokeError::NotStarted`]: the old binary stays.
    pub async fn replace_binary(&self, binary: Binary) -> Result<(), InvokeError> {
        let first = Worker::start(self.0.spec.clone(), &binary.path).await?;
        let mut state = self.0.state();
        state.binary = Arc::new(binary);
        state.idle = vec![first];
        Ok(())
    }

    /// Process ids of the idle workers.
    pub fn idle_process_ids(&self) -> Vec<u32> {
        self.0.state().idle.iter().filter_map(Worker::process_id).collect()
    }
}

impl Inner {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let (binary, reused) = {
            let mut state = self.state();
            let mut reused = state.idle.pop();
            while reused.as_mut().is_some_and(|worker| !worker.is_usable()) {
                reused = state.idle.pop();
            }
            (state.binary.clone(), reused)
        };
        let mut worker = match reused {
            Some(worker) => worker,
            None => Worker::start(self.spec.clone(), &binary.path).await?,
        };
        let result = worker.invoke(event).await;
        if worker.is_usable() {
            let mut state = self.state();
            // A worker of a former binary has answered its last request.
            if Arc::ptr_eq(&state.binary, &binary) {
                state.idle.push(worker);
            }
        }
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
