//! The lines that a function printed, without asking for its workspace.

use super::Store;
use super::item::readable;
use super::keys::{self, LOG_PREFIX};
use super::query::page_size;
use super::record::LogRecord;
use crate::aws::failure::failure;
use crate::domain::{FunctionId, LogLine, Owner, PageBuilder, PageRequest};
use crate::error::Error;

/// How many DynamoDB responses a request looks through at most: each has one execution more than
/// lines are wanted, or 1 MB. People look at lines every few seconds, also at those of a function that
/// prints none.
const MAX_RESPONSES: usize = 2;

impl Store {
    /// The latest lines that a function printed, newest first: as many as `page` takes, and as the
    /// latest executions have, of which a limited number is read.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace.
    pub async fn latest_lines(
        &self,
        owner: &Owner,
        id: &FunctionId,
        page: &PageRequest,
    ) -> Result<Vec<LogLine>, Error> {
        let mut found = self
            .items_below(keys::log_partition(id), LOG_PREFIX)
            .scan_index_forward(false)
            .set_limit(page_size(page))
            .into_paginator()
            .send();
        let mut builder = PageBuilder::new(page);
        for response in 0..MAX_RESPONSES {
            let Some(items) = found.next().await else { break };
            let items = items.map_err(failure("DynamoDB Query, lines"))?;
            if response == 0 {
                self.function_is_visible(owner, id, items.items().first()).await?;
            }
            let logs = readable(items.items, LogRecord::read);
            let mut lines = logs.flat_map(LogLine::newest_first);
            while !builder.is_full()
                && let Some(line) = lines.next()
            {
                builder.offer(line);
            }
            if builder.is_full() {
                break;
            }
        }
        Ok(builder.finish(page, |line| line.timestamp.clone()).items)
    }
}
