//! Cursors: a list accepts its own only, not those of other lists or owners.
//!
//! The first line is a cursor from a client. The rest is a position, an owner and a search text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::domain::{
    Capacity, ExecutionStatus, FunctionId, InvalidCursor, Limits, List, LogFilter, Owner,
    PageRequest, WorkspaceId,
};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (sent, position) = text.split_once('\n').unwrap_or((text, text));
    let lists = lists(position);
    let accepting = lists.iter().filter(|list| accepts(list, sent)).count();
    assert!(accepting <= 1, "{accepting} lists accept {sent:?}");
    for source in &lists {
        let cursor = page(source, None).expect("a list begins").cursor(position);
        assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        for list in &lists {
            let is_the_same = format!("{source:?}") == format!("{list:?}");
            assert_eq!(accepts(list, &cursor), is_the_same, "{source:?}, {list:?}");
        }
        let next = page(source, Some(&cursor)).expect("a list takes its own cursor");
        let read = next.after(|text| Some(text.to_owned()));
        assert_eq!(read.ok().flatten().as_deref(), Some(position));
    }
});

/// Different lists.
fn lists(text: &str) -> Vec<List> {
    let (ws, id) = ("ws-1".parse::<WorkspaceId>(), "fn-1".parse::<FunctionId>());
    let (ws, id) = (ws.expect("an identifier"), id.expect("an identifier"));
    let searched = LogFilter::default().with_text(text);
    let mut failed = LogFilter::default();
    failed.status = Some(ExecutionStatus::Error);
    let mut lists = vec![
        List::Workspaces(Owner::anonymous()),
        List::Workspaces(Owner::of_subject("ada")),
        List::Functions(ws.clone()),
        List::Functions("ws-2".parse::<WorkspaceId>().expect("an identifier")),
        List::FunctionLogs(id.clone(), LogFilter::default()),
        List::FunctionLogs(id, failed.clone()),
        List::WorkspaceLogs(ws.clone(), LogFilter::default()),
        List::WorkspaceLogs(ws.clone(), failed),
    ];
    // Any owner, and any search.
    for list in [List::Workspaces(Owner::of_subject(text)), List::WorkspaceLogs(ws, searched)] {
        if lists.iter().all(|other| format!("{other:?}") != format!("{list:?}")) {
            lists.push(list);
        }
    }
    lists
}

fn page(list: &List, cursor: Option<&str>) -> Result<PageRequest, InvalidCursor> {
    let limit = Limits::RESOURCES.parse(None).expect("no limit is one");
    PageRequest::new(list.clone(), limit, Capacity::UNLIMITED, cursor)
}

/// Whether `list` accepts `cursor`. Then it is exactly the cursor that the list creates.
fn accepts(list: &List, cursor: &str) -> bool {
    match page(list, Some(cursor)) {
        Ok(page) => {
            let position = page.after(|text| Some(text.to_owned())).expect("any text");
            assert_eq!(page.cursor(&position.expect("a position")), cursor);
            true
        }
        Err(InvalidCursor) => false,
    }
}
