//! Lists that are answered in pages, and the cursors between them.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::digest::sha256_of_parts;
use super::error::ValidationError;
use super::{FunctionId, LogFilter, Owner, WorkspaceId};

/// A list that clients page through.
#[derive(Clone, Debug)]
pub enum List {
    /// The workspaces of an owner, in creation order.
    Workspaces(Owner),
    /// The functions of a workspace, in creation order.
    Functions(WorkspaceId),
    /// The executions of a function that a filter lets through, newest first.
    FunctionLogs(FunctionId, LogFilter),
    /// The executions of all functions of a workspace that a filter lets through, newest first.
    WorkspaceLogs(WorkspaceId, LogFilter),
}

impl List {
    /// Tells this list from every other, without telling its owner. Cursors begin with it, so a
    /// change of this encoding makes all cursors invalid.
    fn fingerprint(&self) -> String {
        let none = &LogFilter::default();
        let (kind, of, filter) = match self {
            Self::Workspaces(owner) => ("workspaces", owner.as_str(), none),
            Self::Functions(workspace) => ("functions", workspace.as_str(), none),
            Self::FunctionLogs(function, filter) => ("function-logs", function.as_str(), filter),
            Self::WorkspaceLogs(workspace, filter) => {
                ("workspace-logs", workspace.as_str(), filter)
            }
        };
        let filter = filter.parts();
        let parts = [kind, of].into_iter().chain(filter.iter().map(String::as_str));
        let digest = sha256_of_parts(parts);
        URL_SAFE_NO_PAD.encode(&digest[..9])
    }
}

/// The most items of a page; `None` where only its [`Capacity`] limits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(Option<usize>);

/// The limits that a list takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    max: usize,
    default: Option<usize>,
}

impl Limits {
    /// Workspaces and functions: 1 to 1000; without a limit, as many as a page can hold.
    pub const RESOURCES: Self = Self { max: 1000, default: None };
    /// The logs of a function: 1 to 1000, 100 by default.
    pub const FUNCTION_LOGS: Self = Self { max: 1000, default: Some(100) };
    /// The logs of a workspace: 1 to 500, 50 by default.
    pub const WORKSPACE_LOGS: Self = Self { max: 500, default: Some(50) };

    /// The largest limit.
    pub fn max(self) -> usize {
        self.max
    }

    /// The limit of a request without one; `None` where only the capacity limits a page.
    pub fn default(self) -> Option<usize> {
        self.default
    }

    /// Reads the limit of a request.
    ///
    /// # Errors
    /// [`ValidationError`] where it is not a whole number in range.
    pub fn parse(self, text: Option<&str>) -> Result<Limit, ValidationError> {
        let Some(text) = text else {
            return Ok(Limit(self.default));
        };
        // A sign would parse, too.
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(limit) if digits && (1..=self.max).contains(&limit) => Ok(Limit(Some(limit))),
            _ => {
                let max = self.max;
                Err(ValidationError(format!("must be a whole number from 1 to {max}")))
            }
        }
    }
}

/// How much a page can hold.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// The sum of the sizes of all items.
    pub total: usize,
    /// The size of a part of an item's JSON. The size of an item is the sum of its parts' and 1.
    pub size_of: fn(&[u8]) -> usize,
}

impl Capacity {
    /// A page of any size.
    pub const UNLIMITED: Self = Self { total: usize::MAX, size_of: |json| json.len() };
}

/// Which part of a list a client asks for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    list: List,
    limit: Option<usize>,
    capacity: Capacity,
    after: Option<String>,
}

impl PageRequest {
    /// A page of at most `limit` items of `list`, from its beginning or from `cursor` on.
    ///
    /// # Errors
    /// [`InvalidCursor`] where the cursor is not one that this list gave.
    pub fn new(
        list: List,
        Limit(limit): Limit,
        capacity: Capacity,
        cursor: Option<&str>,
    ) -> Result<Self, InvalidCursor> {
        let after = match cursor {
            None => None,
            Some(text) => Some(position(&list, text).ok_or(InvalidCursor)?),
        };
        Ok(Self { list, limit, capacity, after })
    }

    /// The most items of the page, if there is a limit.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// The position behind which the page begins: the one in the cursor, as `read` reads it.
    ///
    /// # Errors
    /// [`InvalidCursor`] where `read` finds no position.
    pub fn after<T>(
        &self,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, InvalidCursor> {
        self.after.as_deref().map(|text| read(text).ok_or(InvalidCursor)).transpose()
    }

    /// The cursor to the page that begins behind `position`.
    pub fn cursor(&self, position: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}{position}", self.list.fingerprint()))
    }
}

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The cursor to the next page, if there is one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with `f` applied to its items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// A page that is being filled, up to its limit or its capacity.
#[derive(Debug)]
pub struct PageBuilder<T> {
    items: Vec<T>,
    limit: usize,
    capacity: Capacity,
    is_full: bool,
}

impl<T: Serialize> PageBuilder<T> {
    /// An empty page for the request `page`.
    pub fn new(page: &PageRequest) -> Self {
        Self {
            items: Vec::new(),
            limit: page.limit.unwrap_or(usize::MAX),
            capacity: page.capacity,
            is_full: false,
        }
    }

    /// Offers the next item. Once an item doesn't fit, the page is full and takes no more.
    ///
    /// The first item always fits: otherwise a client could not get past it.
    pub fn offer(&mut self, item: T) {
        let size = size(&item, self.capacity.size_of);
        let fits = size <= self.capacity.total || self.items.is_empty();
        if self.is_full || self.items.len() == self.limit || !fits {
            self.is_full = true;
            return;
        }
        self.capacity.total = self.capacity.total.saturating_sub(size);
        self.items.push(item);
    }

    /// Whether an item did not fit.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The page, with a cursor if an item did not fit; `position` gives the position of an item.
    pub fn finish(self, page: &PageRequest, position: impl FnOnce(&T) -> String) -> Page<T> {
        let last = self.items.last().filter(|_| self.is_full);
        let next = last.map(|item| page.cursor(&position(item)));
        Page { items: self.items, next }
    }
}

fn position(list: &List, cursor: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(&list.fingerprint()).map(str::to_owned)
}

/// A cursor that the list did not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct InvalidCursor;

/// The sum of what `size_of` counts for the parts of `item`'s JSON, and 1 for a comma.
fn size<T: Serialize>(item: &T, size_of: fn(&[u8]) -> usize) -> usize {
    struct Counter(usize, fn(&[u8]) -> usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += (self.1)(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(1, size_of);
    match serde_json::to_writer(&mut counter, item) {
        Ok(()) => counter.0,
        // What can't be written fills a page, and the answer then fails as a whole.
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::{ExecutionStatus, Level, Timestamp};

    fn functions() -> List {
        List::Functions("ws-1".parse().unwrap())
    }

    fn request(list: List, limit: Option<usize>, cursor: Option<&str>) -> Option<PageRequest> {
        PageRequest::new(list, Limit(limit), Capacity::UNLIMITED, cursor).ok()
    }

    fn page(list: List, limit: Option<usize>) -> PageRequest {
        request(list, limit, None).unwrap()
    }

    #[test]
    fn a_limit_is_a_whole_number_in_range() {
        assert_eq!(Limits::RESOURCES.parse(None).unwrap(), Limit(None));
        assert_eq!(Limits::RESOURCES.parse(Some("1")).unwrap(), Limit(Some(1)));
        assert_eq!(Limits::RESOURCES.parse(Some("1000")).unwrap(), Limit(Some(1000)));
        assert_eq!(Limits::WORKSPACE_LOGS.parse(None).unwrap(), Limit(Some(50)));
        for text in ["0", "501", "-1", "abc", "", "1.0", " 1", "+5", "99999999999999999999"] {
            let message = Limits::WORKSPACE_LOGS.parse(Some(text)).unwrap_err().to_string();
            assert_eq!(message, "must be a whole number from 1 to 500", "{text}");
        }
    }

    #[test]
    fn a_cursor_is_valid_for_its_own_list_only() {
        let cursor = page(functions(), None).cursor("fn-7");
        let next = request(functions(), None, Some(&cursor)).unwrap();
        assert_eq!(next.after(|text| Some(text.to_owned())), Ok(Some("fn-7".to_owned())));
        let other = List::Functions("ws-2".parse().unwrap());
        let logs = List::WorkspaceLogs("ws-1".parse().unwrap(), LogFilter::default());
        for (list, text) in
            [(other, &*cursor), (logs, &*cursor), (functions(), "x"), (functions(), "")]
        {
            assert!(request(list, None, Some(text)).is_none(), "{text}");
        }
    }

    /// A cursor outlives a release, so its text must not depend on the names of types and fields.
    #[test]
    fn the_text_of_a_cursor_is_stable() {
        let filter = LogFilter {
            status: Some(ExecutionStatus::Error),
            level: Some(Level::Warn),
            since: Some("2026-01-31T09:05:00Z".parse().unwrap()),
            until: Some("2026-02-01T00:00:00.5Z".parse().unwrap()),
            ..LogFilter::default()
        };
        let logs = List::FunctionLogs("fn-1".parse().unwrap(), LogFilter::default());
        for (list, cursor) in [
            (List::Workspaces(Owner::anonymous()), "Nk51bW41cVNVdXAyYXQ"),
            (functions(), "Q1dJT2xWTnBNOHJIYXQ"),
            (logs, "U082aFJhZFFoakI4YXQ"),
            (
                List::WorkspaceLogs("ws-1".parse().unwrap(), filter.with_text("Text")),
                "RFBzOU10QTNaWGllYXQ",
            ),
        ] {
            assert_eq!(page(list.clone(), None).cursor("at"), cursor, "{list:?}");
        }
    }

    #[test]
    fn every_part_of_a_filter_changes_the_cursor() {
        let none = LogFilter::default();
        let time = Some(Timestamp::now());
        let filters = [
            none.clone(),
            LogFilter { status: Some(ExecutionStatus::Error), ..none.clone() },
            LogFilter { level: Some(Level::Error), ..none.clone() },
            LogFilter { since: time, ..none.clone() },
            LogFilter { until: time, ..none.clone() },
            none.with_text("error"),
        ];
        let cursors: BTreeSet<String> = filters
            .map(|filter| {
                page(List::FunctionLogs("fn-1".parse().unwrap(), filter), None).cursor("")
            })
            .into();
        assert_eq!(cursors.len(), 6);
    }

    #[test]
    fn a_page_ends_at_its_limit_with_a_cursor() {
        let page = page(functions(), Some(2));
        let mut builder = PageBuilder::new(&page);
        for item in ["a", "b"] {
            builder.offer(item);
        }
        assert!(!builder.is_full(), "every item fitted");
        builder.offer("c");
        let full = builder.finish(&page, |item| item.to_string());
        assert_eq!(full.items, ["a", "b"]);
        assert_eq!(full.next, Some(page.cursor("b")));
    }

    #[test]
    fn a_page_ends_at_its_capacity_and_skips_no_item() {
        let capacity = Capacity { total: 20, size_of: |json| 2 * json.len() };
        let page = PageRequest::new(functions(), Limit(None), capacity, None).unwrap();
        let mut builder = PageBuilder::new(&page);
        for item in ["1234", "123456", "1"] {
            builder.offer(item);
        }
        assert!(builder.is_full());
        assert_eq!(builder.finish(&page, |_| String::new()).items, ["1234"]);
    }

    #[test]
    fn the_first_item_always_fits() {
        let capacity = Capacity { total: 1, ..Capacity::UNLIMITED };
        let page = PageRequest::new(functions(), Limit(None), capacity, None).unwrap();
        let mut builder = PageBuilder::new(&page);
        builder.offer("large");
        assert!(!builder.is_full());
    }
}
