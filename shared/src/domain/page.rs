//! Lists that are answered in pages, and the cursors between them.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{FunctionId, LogFilter, Owner, WorkspaceId};
use crate::error::Error;

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
    /// Tells this list from every other, without naming its owner.
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
        let digest = Sha256::digest(format!("{kind}/{of}/{filter:?}"));
        URL_SAFE_NO_PAD.encode(&digest[..9])
    }
}

/// The most items that a page may have; `None` where it ends only when the answer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(Option<usize>);

/// What a list takes as `limit`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    max: usize,
    default: Option<usize>,
}

impl Limits {
    /// Workspaces and functions: 1 to 1000; without, everything that one answer can carry.
    pub const RESOURCES: Self = Self { max: 1000, default: None };
    /// The logs of a function: 1 to 1000, 100 unless said.
    pub const FUNCTION_LOGS: Self = Self { max: 1000, default: Some(100) };
    /// The logs of a workspace: 1 to 500, 50 unless said.
    pub const WORKSPACE_LOGS: Self = Self { max: 500, default: Some(50) };

    /// The most that may be asked for.
    pub fn max(self) -> usize {
        self.max
    }

    /// What it is unless said; `None` where a page ends only when the answer is full.
    pub fn default(self) -> Option<usize> {
        self.default
    }

    /// Reads the `limit` of a request.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is not a whole number in range.
    pub fn parse(self, text: Option<&str>) -> Result<Limit, Error> {
        let Some(text) = text else {
            return Ok(Limit(self.default));
        };
        // Digits only: a sign would parse, and not survive its way through a link.
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(limit) if digits && (1..=self.max).contains(&limit) => Ok(Limit(Some(limit))),
            _ => {
                let reason = format!("must be a whole number from 1 to {}", self.max);
                Err(Error::invalid("limit", reason))
            }
        }
    }
}

/// Which part of a list a client asks for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    list: List,
    limit: Option<usize>,
    after: Option<String>,
}

impl PageRequest {
    /// A page of at most `limit` items of `list`, from its beginning or from `cursor` on.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the cursor is not one that this list gave.
    pub fn new(list: List, Limit(limit): Limit, cursor: Option<&str>) -> Result<Self, Error> {
        let after = match cursor {
            None => None,
            Some(text) => Some(position(&list, text).ok_or_else(foreign_cursor)?),
        };
        Ok(Self { list, limit, after })
    }

    /// The most items that the page may have, if the client or the list says so.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// The position behind which the page begins: [`Page::next`]'s, of the page before.
    ///
    /// # Errors
    /// [`Error::Invalid`] where `read` can't make sense of it.
    pub fn after<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Error> {
        self.after.as_deref().map(|text| read(text).ok_or_else(foreign_cursor)).transpose()
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
    /// The cursor to what follows, if anything does.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page of what `f` makes of its items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// A page that is being filled, up to its limit or to what one answer can carry.
#[derive(Debug)]
pub struct PageBuilder<T> {
    items: Vec<T>,
    limit: usize,
    bytes_left: usize,
    full: bool,
}

/// The most bytes that the content of one answer takes, escaped as it travels.
///
/// AWS Lambda answers with at most 6 MiB of JSON, in which our body is a
/// string; 64 KiB are left for what surrounds it.
pub const RESPONSE_BUDGET: usize = 6 * 1024 * 1024 - 64 * 1024;

impl<T: Serialize> PageBuilder<T> {
    /// An empty page, as `page` asks for it.
    pub fn new(page: &PageRequest) -> Self {
        Self {
            items: Vec::new(),
            limit: page.limit.unwrap_or(usize::MAX),
            bytes_left: RESPONSE_BUDGET,
            full: false,
        }
    }

    /// Offers the next item. Once one doesn't fit, the page is full and takes no more.
    ///
    /// The first item always fits, so that a client gets on.
    pub fn offer(&mut self, item: T) {
        let size = escaped_len(&item);
        let fits = size <= self.bytes_left || self.items.is_empty();
        if self.full || self.items.len() == self.limit || !fits {
            self.full = true;
            return;
        }
        self.bytes_left = self.bytes_left.saturating_sub(size);
        self.items.push(item);
    }

    /// Whether an item was turned away.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The page, with a cursor if it turned an item away; `position` tells where an item stands.
    pub fn finish(self, page: &PageRequest, position: impl FnOnce(&T) -> String) -> Page<T> {
        let last = self.items.last().filter(|_| self.full);
        let next = last.map(|item| page.cursor(&position(item)));
        Page { items: self.items, next }
    }
}

fn position(list: &List, cursor: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(&list.fingerprint()).map(str::to_owned)
}

fn foreign_cursor() -> Error {
    Error::invalid("cursor", "must be one that this list gave; leave it out to begin anew")
}

/// The bytes of `item` as JSON inside a JSON string, and a comma.
fn escaped_len<T: Serialize>(item: &T) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let escaped = bytes.iter().filter(|b| matches!(b, b'"' | b'\\')).count();
            self.0 += bytes.len() + escaped;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(1);
    match serde_json::to_writer(&mut counter, item) {
        Ok(()) => counter.0,
        // What can't be written fills a page, and the answer then fails as a whole.
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions() -> List {
        List::Functions(WorkspaceId::parse("ws-1").unwrap())
    }

    fn page(list: List, limit: Option<usize>) -> PageRequest {
        PageRequest::new(list, Limit(limit), None).unwrap()
    }

    #[test]
    fn limits_are_whole_numbers_in_range() {
        assert_eq!(Limits::RESOURCES.parse(None).unwrap(), Limit(None));
        assert_eq!(Limits::RESOURCES.parse(Some("1")).unwrap(), Limit(Some(1)));
        assert_eq!(Limits::RESOURCES.parse(Some("1000")).unwrap(), Limit(Some(1000)));
        assert_eq!(Limits::WORKSPACE_LOGS.parse(None).unwrap(), Limit(Some(50)));
        for text in ["0", "501", "-1", "abc", "", "1.0", " 1", "+5", "99999999999999999999"] {
            let message = Limits::WORKSPACE_LOGS.parse(Some(text)).unwrap_err().to_string();
            assert_eq!(message, "limit must be a whole number from 1 to 500", "{text}");
        }
    }

    #[test]
    fn a_cursor_works_for_the_list_that_gave_it_only() {
        let cursor = page(functions(), None).cursor("fn-7");
        let next = PageRequest::new(functions(), Limit(None), Some(&cursor)).unwrap();
        assert_eq!(next.after(|p| Some(p.to_owned())).unwrap(), Some("fn-7".into()));
        let other = List::Functions(WorkspaceId::parse("ws-2").unwrap());
        let logs = List::WorkspaceLogs(WorkspaceId::parse("ws-1").unwrap(), LogFilter::default());
        for (list, text) in
            [(other, &*cursor), (logs, &*cursor), (functions(), "x"), (functions(), "")]
        {
            let refused = PageRequest::new(list, Limit(None), Some(text));
            assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == "cursor"));
        }
    }

    #[test]
    fn a_page_ends_at_its_limit_and_says_that_more_follows() {
        let page = page(functions(), Some(2));
        let mut filling = PageBuilder::new(&page);
        for item in ["a", "b"] {
            filling.offer(item);
        }
        assert!(!filling.is_full(), "nothing was turned away yet");
        filling.offer("c");
        let listing = filling.finish(&page, |item| item.to_string());
        assert_eq!(listing.items, ["a", "b"]);
        assert_eq!(listing.next, Some(page.cursor("b")));
    }

    #[test]
    fn a_page_ends_where_the_answer_is_full_and_never_skips() {
        let page = page(functions(), None);
        let mut filling = PageBuilder::new(&page);
        // Twice doubled: as JSON, and again when the body becomes a string.
        let large = "\\".repeat(RESPONSE_BUDGET / 8 + 1);
        filling.offer(large.clone());
        filling.offer(large.clone());
        assert!(filling.is_full());
        filling.offer("small, but behind one that was turned away".into());
        assert_eq!(filling.finish(&page, |_| String::new()).items.len(), 1);
    }

    #[test]
    fn the_size_is_that_of_json_in_a_json_string() {
        let item = serde_json::json!({"a": "\"\\\n é 💳", "b": [1, null]});
        let text = item.to_string();
        let inside = serde_json::to_string(&text).unwrap();
        assert_eq!(escaped_len(&item), inside.len() - 2 + 1, "less its quotes, plus a comma");
    }
}
