//! A tokio runtime on threads of its own, for servers that must go on whatever the caller's
//! runtime does: blocks its thread, pauses its clock, or ends.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::terminal;

/// How long blocking work may take to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Dropping it drops its tasks, and waits until they are gone.
#[derive(Debug)]
pub(crate) struct Background(Option<Runtime>);

impl Background {
    /// A multi-thread runtime whose threads are called `name`.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub(crate) fn new(name: &str, threads: usize) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(threads)
            .thread_name(name)
            .enable_all()
            .build()
            .map(|r| Self(Some(r)))
    }

    /// Runs `task` on the runtime's threads. Without a runtime, which is only while it is
    /// dropped, nothing is run.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        self.0.as_ref().map(|runtime| runtime.spawn(task))
    }

    /// A port on 127.0.0.1 for a task of this runtime, and its URL.
    ///
    /// # Errors
    /// Where no port is free.
    pub(crate) fn listen(&self) -> io::Result<(TcpListener, String)> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let _entered = self.0.as_ref().map(Runtime::enter);
        Ok((TcpListener::from_std(listener)?, url))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // A runtime's thread must not wait for another runtime, so a new thread does.
            let waiter = std::thread::spawn(move || runtime.shutdown_timeout(SHUTDOWN_TIMEOUT));
            if waiter.join().is_err() {
                terminal::say("a server did not stop cleanly; its data are safe");
            }
        }
    }
}
