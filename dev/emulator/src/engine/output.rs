//! What a user's function writes: to the terminal as it comes, and the end of
//! each invocation's part to whoever asks for it.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;

use super::excerpt::Excerpt;
use crate::terminal;

/// How much of an invocation's output is given back, in bytes, as on AWS.
const TAIL: usize = 4096;

/// How often a pipe is read until it has given all that it can hold, which is 1 MB
/// at the most unless an administrator allows more.
const READS_OF_A_PIPE: usize = 1024 * 1024 / BUFFER;

/// How much is read at a time, in bytes.
const BUFFER: usize = 16 * 1024;

/// One pipe for stdout and stderr, so that their order stays.
///
/// It is read only while the function runs. What a thread writes in between
/// counts for the next invocation's time, as on AWS, where the process stands
/// still meanwhile.
#[derive(Debug)]
pub(super) struct Output {
    name: String,
    pipe: Option<Receiver>,
    /// What the terminal is shown of this invocation.
    excerpt: Excerpt,
    /// The newest bytes of this invocation; up to twice as many as are kept.
    tail: Vec<u8>,
}

impl Output {
    /// The output of `name`, and the two ends for its process.
    ///
    /// # Errors
    /// Where there are no pipes left.
    pub(super) fn new(name: &str) -> io::Result<(Self, Stdio, Stdio)> {
        let (reader, writer) = io::pipe()?;
        let second = writer.try_clone()?;
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let (name, pipe) = (name.to_owned(), Some(pipe));
        let output = Self { name, pipe, excerpt: Excerpt::default(), tail: Vec::new() };
        Ok((output, writer.into(), second.into()))
    }

    /// Takes what comes next; waits for ever once nothing more can come.
    pub(super) async fn more(&mut self) {
        let Some(pipe) = &self.pipe else { return std::future::pending().await };
        if pipe.readable().await.is_err() {
            self.pipe = None;
        }
        // A function that writes without end leaves no moment in which there is nothing
        // to read, and reading would keep everybody else from their turn.
        tokio::task::consume_budget().await;
        self.read();
    }

    /// Takes everything that has been written up to now, and no more: a child that
    /// the function left behind may write without end.
    pub(super) fn drain(&mut self) {
        for _ in 0..READS_OF_A_PIPE {
            if !self.read() {
                break;
            }
        }
    }

    /// Takes what a process that has ended left, for a moment at most: another one
    /// that it started may hold the pipe open.
    pub(super) async fn drain_to_end(&mut self) {
        let end = async {
            while self.pipe.is_some() {
                self.more().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(100), end).await;
    }

    /// Adds a line of the engine's own, which the terminal isn't shown.
    pub(super) fn note(&mut self, line: &str) {
        self.tail.extend_from_slice(line.as_bytes());
        self.shorten();
    }

    /// The end of what was written since the last call.
    pub(super) fn take_tail(&mut self) -> Vec<u8> {
        let excerpt = std::mem::take(&mut self.excerpt);
        excerpt.end(|line| terminal::forward(&self.name, line));
        let tail = std::mem::take(&mut self.tail);
        tail[tail.len().saturating_sub(TAIL)..].to_vec()
    }

    /// Reads once, if there is something; whether there may be more now.
    fn read(&mut self) -> bool {
        let mut buffer = [0; BUFFER];
        let Some(pipe) = &self.pipe else { return false };
        match pipe.try_read(&mut buffer) {
            Ok(0) => {
                self.pipe = None;
                false
            }
            Ok(length) => {
                self.push(&buffer[..length]);
                true
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock {
                    self.pipe = None;
                }
                false
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        self.shorten();
        self.excerpt.push(bytes, |line| terminal::forward(&self.name, line));
    }

    fn shorten(&mut self) {
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }
}
