//! The report of a migration.

use std::fmt;

use super::ItemOutcome;

/// How many notes of a kind are printed. The rest is counted.
const MOST_NOTES: usize = 100;

/// What a migration has done or, after a dry run, would do.
#[derive(Debug)]
pub struct Report {
    table: String,
    dry_run: bool,
    /// What must be added to the table first. If there is anything, only a dry run goes on.
    pub lacks: Vec<&'static str>,
    /// The number of workspaces by outcome.
    pub workspaces: Tally,
    /// The number of functions by outcome.
    pub functions: Tally,
    /// The number of logs by outcome.
    pub logs: Tally,
    /// Functions and logs whose identifiers can't be read. They are not touched.
    pub unreadable: u64,
    /// Items that neither backend wrote. They are not touched.
    pub others: u64,
    /// Items that stay as they are because they break a rule, and which.
    pub skipped: Notes,
    /// Items for which AWS returned an error, and which.
    pub failed: Notes,
}

/// The number of items of a kind by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Brought to the present form.
    pub changed: u64,
    /// In the present form already.
    pub unchanged: u64,
    /// Orphans, which held nothing but counts and were removed.
    pub removed: u64,
    /// Left as they are, because they break a rule.
    pub skipped: u64,
    /// Not migrated because of an error.
    pub failed: u64,
}

/// Notes, of which the first hundred are kept.
#[derive(Debug, Default)]
pub struct Notes {
    kept: Vec<Note>,
    count: usize,
}

/// A note on an item, or on several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The item.
    pub what: String,
    /// The reason.
    pub why: String,
}

impl Report {
    pub(super) fn new(table: &str, dry_run: bool, lacks: Vec<&'static str>) -> Self {
        Self {
            table: table.to_owned(),
            dry_run,
            lacks,
            workspaces: Tally::default(),
            functions: Tally::default(),
            logs: Tally::default(),
            unreadable: 0,
            others: 0,
            skipped: Notes::default(),
            failed: Notes::default(),
        }
    }

    /// Whether anything failed.
    pub fn has_failures(&self) -> bool {
        self.failed.count > 0
    }

    /// Adds a note for an outcome with a reason, on the item `what`.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String, outcome: ItemOutcome) {
        match outcome {
            ItemOutcome::Skipped(why) => self.skipped.add(Note::new(what(), why)),
            ItemOutcome::Failed(why) => self.failed.add(Note::new(what(), why)),
            ItemOutcome::Unchanged | ItemOutcome::Changed | ItemOutcome::Removed => {}
        }
    }
}

impl Tally {
    pub(super) fn add(&mut self, outcome: &ItemOutcome) {
        *match outcome {
            ItemOutcome::Unchanged => &mut self.unchanged,
            ItemOutcome::Changed => &mut self.changed,
            ItemOutcome::Removed => &mut self.removed,
            ItemOutcome::Skipped(_) => &mut self.skipped,
            ItemOutcome::Failed(_) => &mut self.failed,
        } += 1;
    }
}

impl Notes {
    /// The notes that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.kept.iter()
    }

    pub(super) fn add(&mut self, note: Note) {
        self.count += 1;
        if self.kept.len() < MOST_NOTES {
            self.kept.push(note);
        }
    }
}

impl Note {
    pub(super) fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        if self.dry_run {
            writeln!(
                f,
                "A dry run: nothing was changed. The migration of the table {table} would be:"
            )?;
        } else {
            writeln!(f, "The migration of the table {table}:")?;
        }
        writeln!(
            f,
            "{:12}{:>12}{:>12}{:>12}{:>12}{:>12}",
            "", "changed", "unchanged", "removed", "skipped", "failed"
        )?;
        for (what, tally) in
            [("workspaces", &self.workspaces), ("functions", &self.functions), ("logs", &self.logs)]
        {
            let Tally { changed, unchanged, removed, skipped, failed } = tally;
            writeln!(
                f,
                "{what:12}{changed:>12}{unchanged:>12}{removed:>12}{skipped:>12}{failed:>12}"
            )?;
        }
        writeln!(f, "{} other items, not touched", self.others)?;
        if self.unreadable > 0 {
            let items = "functions and logs whose identifiers can't be read";
            writeln!(f, "{} {items}, not touched", self.unreadable)?;
        }
        if !self.lacks.is_empty() {
            let lacks = self.lacks.join(", and ");
            writeln!(
                f,
                "The table can't be changed yet: {lacks}. docs/migrating.md says how to add it."
            )?;
        }
        self.skipped.write("Skipped:", f)?;
        self.failed.write("Failed; run the command again to migrate the rest:", f)
    }
}

impl Notes {
    fn write(&self, title: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count == 0 {
            return Ok(());
        }
        writeln!(f, "{title}")?;
        for Note { what, why } in &self.kept {
            writeln!(f, "  {what}: {why}")?;
        }
        match self.count - self.kept.len() {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}
