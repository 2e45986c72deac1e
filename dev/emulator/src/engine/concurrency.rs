//! How many invocations of a function run at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::ApiError;

/// The invocations that run, of all versions of a function, and their limit.
#[derive(Clone, Debug, Default)]
pub(super) struct Concurrency {
    /// `None` is no limit of the function's own.
    pub(super) reserved: Option<usize>,
    running: Arc<AtomicUsize>,
}

/// The right to run one invocation, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Concurrency {
    /// With this limit, and nothing running.
    pub(super) fn with_limit(reserved: Option<usize>) -> Self {
        Self { reserved, running: Arc::default() }
    }

    /// Takes a slot.
    ///
    /// # Errors
    /// AWS's error, where all reserved ones are taken.
    pub(super) fn acquire(&self) -> Result<Slot, ApiError> {
        let limit = self.reserved.unwrap_or(usize::MAX);
        let next = |running| (running < limit).then(|| running + 1);
        match self.running.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(_) => Ok(Slot(self.running.clone())),
            Err(_) => Err(ApiError::reserved_concurrency_reached()),
        }
    }
}
