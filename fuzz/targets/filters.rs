//! Query parameters of lists: filters of logs, times and limits. Lines of `name=value`.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use shared::domain::{Capacity, InvalidField, Limits, List, Owner, PageRequest, Timestamp};
use shared::error::Error;
use shared::http::log_filter;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let query: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |name: &str| query.get(name).copied();
    match log_filter(get) {
        Ok(filter) => {
            for (name, time) in [("since", filter.since), ("until", filter.until)] {
                assert_eq!(time, get(name).and_then(|text| text.parse().ok()));
                assert!(time.is_none_or(reads_back), "{time:?}");
            }
            assert_eq!(filter.status.is_some(), get("status").is_some());
            assert_eq!(filter.level.is_some(), get("level").is_some());
            if let (Some(since), Some(until)) = (filter.since, filter.until) {
                let texts = (since.to_string(), until.to_string());
                // The table's keys sort by this text. From the year 0 on, that is by time.
                if !texts.0.starts_with('-') && !texts.1.starts_with('-') {
                    assert_eq!(since.cmp(&until), texts.0.cmp(&texts.1), "{texts:?}");
                }
            }
        }
        Err(error) => assert_invalid(&error, &["status", "level", "since", "until"]),
    }
    for limits in [Limits::RESOURCES, Limits::FUNCTION_LOGS, Limits::WORKSPACE_LOGS] {
        let sent = get("limit");
        match limits.parse(sent) {
            Ok(limit) => {
                let list = List::Workspaces(Owner::anonymous());
                let found = PageRequest::new(list, limit, Capacity::UNLIMITED, None)
                    .expect("a list begins")
                    .limit();
                match sent {
                    None => assert_eq!(found, limits.default()),
                    Some(sent) => {
                        let number = found.expect("the requested limit");
                        assert!((1..=limits.max()).contains(&number));
                        assert_eq!(sent.trim_start_matches('0'), number.to_string());
                    }
                }
            }
            Err(error) => fuzz::assert_message(&error.to_string()),
        }
    }
});

fn reads_back(time: Timestamp) -> bool {
    let text = time.to_string();
    let width = if text.starts_with('-') { 27 } else { 24 };
    text.len() == width && text.parse() == Ok(time)
}

fn assert_invalid(error: &Error, fields: &[&str]) {
    let Error::Invalid(InvalidField::Value { field, .. }) = error else { panic!("{error:?}") };
    assert!(fields.contains(&field.as_str()), "{field}");
    fuzz::assert_message(&error.to_string());
}
