//! A batch of the stream's records, sorted by the workspace that each concerns.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_lambda_events::dynamodb::{Event, EventRecord};
use shared::domain::WorkspaceId;
use shared::store::{Change, Executed};

/// What a batch tells, by workspace.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// How many records need something to be done.
    pub(crate) records: usize,
    /// How long ago the oldest of them was written.
    pub(crate) oldest: Duration,
    pub(crate) groups: Vec<Group>,
}

/// What a batch tells of one workspace, in order.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) workspace: WorkspaceId,
    pub(crate) changes: Vec<Recorded<Change>>,
    pub(crate) executed: Vec<Recorded<Executed>>,
}

/// What a record of the stream means.
#[derive(Debug)]
pub(crate) struct Recorded<T> {
    pub(crate) what: T,
    /// Its place in the stream.
    pub(crate) sequence: String,
    /// How long ago it was written; nothing, where the record doesn't tell.
    pub(crate) age: Duration,
}

impl Batch {
    /// Reads the records of `event`; those that need nothing to be done are left out.
    pub(crate) fn of(event: Event) -> Self {
        let mut groups: BTreeMap<WorkspaceId, Group> = BTreeMap::new();
        let (mut records, mut oldest) = (0, Duration::ZERO);
        for Recorded { what, sequence, age } in event.records.into_iter().filter_map(read) {
            records += 1;
            oldest = oldest.max(age);
            let workspace = what.workspace().clone();
            let group = groups.entry(workspace.clone()).or_insert_with(|| Group {
                workspace,
                changes: Vec::new(),
                executed: Vec::new(),
            });
            match what {
                Change::Executed(what) => group.executed.push(Recorded { what, sequence, age }),
                what => group.changes.push(Recorded { what, sequence, age }),
            }
        }
        Self { records, oldest, groups: groups.into_values().collect() }
    }
}

fn read(record: EventRecord) -> Option<Recorded<Change>> {
    let written = SystemTime::from(record.change.approximate_creation_date_time);
    let is_told = written > SystemTime::UNIX_EPOCH;
    let age = SystemTime::now().duration_since(written).ok().filter(|_| is_told);
    let sequence = record.change.sequence_number?;
    let (old, new) = (record.change.old_image, record.change.new_image);
    let what = Change::of(&sequence, record.change.keys, old, new)?;
    Some(Recorded { what, sequence, age: age.unwrap_or_default() })
}
