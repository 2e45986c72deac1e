//! What a user's function writes: to the terminal as it comes, and the end of each invocation's
//! part to the caller who wants it.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;

use crate::terminal;

/// How much of an invocation's output its log holds, in bytes, as on AWS.
const TAIL: usize = 4096;

/// How much of an invocation's output the terminal shows, in bytes. A function may print a line
/// of a megabyte, between which everything else would be lost.
const SHOWN: usize = 32 * 1024;

/// How many reads empty a pipe, which holds 1 MB at most unless an administrator allows more.
const READS_OF_A_PIPE: usize = 1024 * 1024 / BUFFER;

/// How much is read at a time, in bytes.
const BUFFER: usize = 16 * 1024;

/// How long output is awaited of a process that has ended. Another one that it started may hold
/// the pipe open.
const END_TIMEOUT: Duration = Duration::from_millis(100);

/// One pipe for stdout and stderr, which keeps their order.
///
/// It is read only while the function runs. What a thread writes in between belongs to the next
/// invocation, as on AWS, where the process is frozen meanwhile.
#[derive(Debug)]
pub(super) struct Output {
    name: String,
    pipe: Option<Receiver>,
    excerpt: Excerpt,
    /// The newest bytes of this invocation; up to twice as many as are kept.
    tail: Vec<u8>,
}

/// The beginning of an invocation's output, as lines.
#[derive(Debug, Default)]
struct Excerpt {
    /// A line whose end has not come yet.
    line: Vec<u8>,
    taken: usize,
}

impl Output {
    /// The output of `name`, and the two ends for its process.
    ///
    /// # Errors
    /// Where no pipe is left.
    pub(super) fn new(name: &str) -> io::Result<(Self, Stdio, Stdio)> {
        let (reader, writer) = io::pipe()?;
        let second = writer.try_clone()?;
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let (name, pipe) = (name.to_owned(), Some(pipe));
        let output = Self { name, pipe, excerpt: Excerpt::default(), tail: Vec::new() };
        Ok((output, writer.into(), second.into()))
    }

    /// Reads what comes next. Never returns once nothing more can come.
    pub(super) async fn read_next(&mut self) {
        let Some(pipe) = &self.pipe else { return std::future::pending().await };
        if pipe.readable().await.is_err() {
            self.pipe = None;
        }
        // A function that writes without end always has something to read, and reading must not
        // keep the other tasks from running.
        tokio::task::consume_budget().await;
        self.read();
    }

    /// Reads everything written so far, and no more: a child that the function left behind may
    /// write without end.
    pub(super) fn drain(&mut self) {
        for _ in 0..READS_OF_A_PIPE {
            if !self.read() {
                break;
            }
        }
    }

    /// Reads the rest of a process that has ended.
    pub(super) async fn drain_to_end(&mut self) {
        let end = async {
            while self.pipe.is_some() {
                self.read_next().await;
            }
        };
        let _ = tokio::time::timeout(END_TIMEOUT, end).await;
    }

    /// Adds a line of the engine's own, which the terminal does not show.
    pub(super) fn add(&mut self, line: &str) {
        self.tail.extend_from_slice(line.as_bytes());
        self.shorten();
    }

    /// The end of what was written since the last call.
    pub(super) fn take_tail(&mut self) -> Vec<u8> {
        for line in std::mem::take(&mut self.excerpt).end() {
            terminal::forward(&self.name, &line);
        }
        let tail = std::mem::take(&mut self.tail);
        tail[tail.len().saturating_sub(TAIL)..].to_vec()
    }

    /// Reads once, if there is something. Returns whether there may be more.
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
        for line in self.excerpt.push(bytes) {
            terminal::forward(&self.name, &line);
        }
    }

    fn shorten(&mut self) {
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }
}

impl Excerpt {
    /// Adds output, and returns the lines that it completes.
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let left = SHOWN.saturating_sub(self.taken);
        self.taken += bytes.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(left)]);
        let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let complete: Vec<u8> = self.line.drain(..=end).collect();
        lines(&complete)
    }

    /// The incomplete last line, and how much was left out.
    fn end(self) -> Vec<String> {
        let mut last = lines(&self.line);
        if let Some(left_out @ 1..) = self.taken.checked_sub(SHOWN) {
            last.push(format!("… and {left_out} more bytes"));
        }
        last
    }
}

/// AWS's client writes the lines of one report with returns in between.
fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    text.lines().flat_map(|line| line.split('\r')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&str]) -> Vec<String> {
        let mut excerpt = Excerpt::default();
        let mut lines: Vec<String> =
            pieces.iter().flat_map(|piece| excerpt.push(piece.as_bytes())).collect();
        lines.extend(excerpt.end());
        lines
    }

    #[test]
    fn short_output_is_shown_line_by_line() {
        assert_eq!(shown(&["a", "b\nc\r\n", "\n", "d\re\n", "f"]), ["ab", "c", "", "d", "e", "f"]);
        assert_eq!(shown(&[]), [""; 0]);
    }

    #[test]
    fn output_over_the_limit_is_counted_and_not_shown() {
        let lines = shown(&["line\n", &"x".repeat(SHOWN), "y\nz"]);
        assert_eq!(lines[0], "line");
        assert_eq!(lines[1], "x".repeat(SHOWN - 5));
        assert_eq!(lines[2..], ["… and 8 more bytes"]);
    }
}
