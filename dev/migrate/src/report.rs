//! What a migration has done, or would do.

use std::fmt;

use super::Outcome;

/// How many notes of a kind are told; the rest is counted.
const MOST_NOTES: usize = 100;

/// What a migration has done; after a dry run, what it would do.
#[derive(Debug)]
pub struct Report {
    table: String,
    dry_run: bool,
    /// What the table lacks for the present form; only a dry run goes on then.
    pub lacks: Vec<&'static str>,
    /// Of workspaces.
    pub workspaces: Tally,
    /// Of functions.
    pub functions: Tally,
    /// Of logs.
    pub logs: Tally,
    /// How many functions and logs have identifiers that are none. None of them was touched.
    pub unnamed: u64,
    /// How many items neither backend wrote. None of them was touched.
    pub others: u64,
    /// What was left as it is, and why.
    pub left: Notes,
    /// What AWS did not do, and what it said.
    pub failed: Notes,
}

/// What became of the items of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were brought to the present form.
    pub changed: u64,
    /// How many were in it.
    pub unchanged: u64,
    /// How many held nothing but counts, and were removed.
    pub removed: u64,
    /// How many were left as they are.
    pub left: u64,
    /// How many could not be handled.
    pub failed: u64,
}

/// Notes, of which the first hundred are kept.
#[derive(Debug, Default)]
pub struct Notes {
    kept: Vec<Note>,
    count: usize,
}

/// A sentence on an item, or on several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is on.
    pub what: String,
    /// Why it is so.
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
            unnamed: 0,
            others: 0,
            left: Notes::default(),
            failed: Notes::default(),
        }
    }

    /// Whether AWS did not do something.
    pub fn has_failures(&self) -> bool {
        self.failed.count > 0
    }

    /// Notes an outcome that needs a reason; `what` says what of.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String, outcome: Outcome) {
        match outcome {
            Outcome::Left(why) => self.left.add(Note::new(what(), why)),
            Outcome::Failed(why) => self.failed.add(Note::new(what(), why)),
            Outcome::Unchanged | Outcome::Changed | Outcome::Removed => {}
        }
    }
}

impl Tally {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        *match outcome {
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Changed => &mut self.changed,
            Outcome::Removed => &mut self.removed,
            Outcome::Left(_) => &mut self.left,
            Outcome::Failed(_) => &mut self.failed,
        } += 1;
    }
}

impl Notes {
    /// Those that are kept.
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
            writeln!(f, "A dry run: nothing was changed. What would become of the table {table}:")?;
        } else {
            writeln!(f, "What became of the table {table}:")?;
        }
        writeln!(
            f,
            "{:12}{:>12}{:>12}{:>12}{:>12}{:>12}",
            "", "changed", "unchanged", "removed", "left", "failed"
        )?;
        for (what, tally) in
            [("workspaces", &self.workspaces), ("functions", &self.functions), ("logs", &self.logs)]
        {
            let Tally { changed, unchanged, removed, left, failed } = tally;
            writeln!(
                f,
                "{what:12}{changed:>12}{unchanged:>12}{removed:>12}{left:>12}{failed:>12}"
            )?;
        }
        writeln!(f, "{} other items, which are not touched", self.others)?;
        if self.unnamed > 0 {
            let unnamed = self.unnamed;
            writeln!(
                f,
                "{unnamed} functions and logs whose identifiers can't be read, not touched"
            )?;
        }
        if !self.lacks.is_empty() {
            let lacks = self.lacks.join(", and ");
            writeln!(
                f,
                "Before the table can be changed: {lacks}. docs/migrating.md, says how to add it."
            )?;
        }
        self.left.write("Left as they are:", f)?;
        self.failed.write("Failed; run this again to do the rest:", f)
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
