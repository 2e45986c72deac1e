//! What a workspace and its functions may answer, in steps that each happen at one moment.
//!
//! An answer of the API is a step, or two: DynamoDB reads two items of a request one after the other,
//! whatever call asks for them, and a PATCH without a source asks for the workspace and changes the
//! function at the same time. So each item that is read is a step of its own, at any moment of the
//! request, and what a transaction does is one step. `history.rs` says which answer is which steps.
//!
//! That is as strict as the product can be. What it lets pass has to do with the deletion of a
//! workspace only, whose functions' items are there until the reconciler has removed them:
//!
//! - What overlaps the deletion may find the workspace before it and the function behind it, so it may
//!   tell what a PATCH made of the function that came too late and was itself answered 404.
//! - Such a PATCH may also have changed the function before the deletion, and be seen by others.
//! - Behind the deletion the function's item may be there or not.
//!
//! Who asks after the deletion was answered gets 404, always: nothing of this reaches them.

use std::collections::BTreeMap;

use super::checker::Spec;

/// How many functions a workspace may have here.
pub(crate) const MOST_FUNCTIONS: usize = 3;

/// What is read of a workspace or a function, without what is counted of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Item {
    pub(crate) version: u64,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

/// A field and its new value, for those who know this version, if one is named.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) field: &'static str,
    pub(crate) value: String,
    pub(crate) if_match: Option<u64>,
}

/// What is written or asked at one moment. Functions go by the order in which they became known.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    FindWorkspace,
    ReadWorkspace,
    PatchWorkspace(Patch),
    DeleteWorkspace { if_match: Option<u64> },
    CreateFunction(usize, Item),
    ReadFunction(usize),
    PatchFunction(usize, Patch),
    DeleteFunction { at: usize, if_match: Option<u64> },
    Execute(usize),
}

/// What a step comes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// It is there, or it was done.
    Done,
    Workspace {
        item: Item,
        functions: usize,
    },
    Function(Item),
    NoWorkspace,
    NoFunction,
    /// It is of another version than the one that was named.
    Changed,
    /// There are as many functions as may be, or the function is disabled.
    Conflict,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) is_there: bool,
    pub(crate) workspace: Item,
    /// By the order in which they became known: those that aren't made yet, or are deleted, too.
    pub(crate) functions: Vec<Option<Item>>,
}

/// One workspace, and the functions in it.
pub(crate) struct Workspace;

impl Spec for Workspace {
    type State = State;
    type Step = Step;
    type Found = Found;

    fn apply(before: &State, step: &Step, found: Option<&Found>) -> Option<State> {
        let mut state = before.clone();
        let comes_to = state.carry_out(step);
        match found {
            // Of a write whose end nobody knows only the success is told apart from nothing.
            None => (state != *before).then_some(state),
            Some(found) if *found == comes_to => Some(state),
            // The reconciler removes the functions of a deleted workspace when it gets there. A
            // deletion asks for the workspace in the same transaction, and so names that.
            Some(Found::NoFunction)
                if !before.is_there && !matches!(step, Step::DeleteFunction { .. }) =>
            {
                Some(before.clone())
            }
            Some(_) => None,
        }
    }
}

impl State {
    fn carry_out(&mut self, step: &Step) -> Found {
        match step {
            // These are about the function's item alone, which stays when its workspace is deleted.
            Step::ReadFunction(at) => match &self.functions[*at] {
                Some(function) => Found::Function(function.clone()),
                None => Found::NoFunction,
            },
            Step::Execute(at) => match &self.functions[*at] {
                Some(function) if function.fields["status"] == "disabled" => Found::Conflict,
                Some(_) => Found::Done,
                None => Found::NoFunction,
            },
            Step::PatchFunction(at, patch) => {
                let Some(function) = &mut self.functions[*at] else { return Found::NoFunction };
                // A source is changed in a transaction that asks for the workspace. Where nothing
                // is to be written, nobody asks.
                if patch.field == "code" && patch.writes(function) && !self.is_there {
                    return Found::NoWorkspace;
                }
                if patch.is_made(function) {
                    Found::Function(function.clone())
                } else {
                    Found::Changed
                }
            }
            // All others are about the workspace's item, or both in one transaction.
            _ if !self.is_there => Found::NoWorkspace,
            Step::FindWorkspace => Found::Done,
            Step::ReadWorkspace => self.read(),
            Step::PatchWorkspace(patch) => {
                if patch.is_made(&mut self.workspace) {
                    self.read()
                } else {
                    Found::Changed
                }
            }
            Step::DeleteWorkspace { if_match } if !is(*if_match, &self.workspace) => Found::Changed,
            Step::DeleteWorkspace { .. } => {
                self.is_there = false;
                Found::Done
            }
            Step::CreateFunction(at, new) => {
                if self.count() == MOST_FUNCTIONS {
                    return Found::Conflict;
                }
                self.functions[*at] = Some(new.clone());
                self.workspace.version += 1;
                Found::Done
            }
            Step::DeleteFunction { at, if_match } => match &self.functions[*at] {
                None => Found::NoFunction,
                Some(function) if !is(*if_match, function) => Found::Changed,
                Some(_) => {
                    self.functions[*at] = None;
                    self.workspace.version += 1;
                    Found::Done
                }
            },
        }
    }

    fn read(&self) -> Found {
        Found::Workspace { item: self.workspace.clone(), functions: self.count() }
    }

    fn count(&self) -> usize {
        self.functions.iter().flatten().count()
    }
}

impl Patch {
    fn differs(&self, item: &Item) -> bool {
        item.fields[self.field] != self.value
    }

    fn writes(&self, item: &Item) -> bool {
        self.differs(item) && is(self.if_match, item)
    }

    /// Makes the change; whether the item is as asked then.
    fn is_made(&self, item: &mut Item) -> bool {
        if self.writes(item) {
            item.fields.insert(self.field, self.value.clone());
            item.version += 1;
        }
        // What is as asked already counts as done, whatever version was meant.
        !self.differs(item)
    }
}

/// Whether an item is of the version that is named, if one is.
fn is(if_match: Option<u64>, item: &Item) -> bool {
    if_match.is_none_or(|version| version == item.version)
}

#[cfg(test)]
mod tests {
    use super::super::checker::{Entry, check};
    use super::*;

    /// A workspace with one function, both of version 1.
    fn first() -> State {
        State {
            is_there: true,
            workspace: named(1, "a"),
            functions: vec![Some(named(1, "a")), None],
        }
    }

    fn named(version: u64, name: &str) -> Item {
        let fields = [("name", name), ("status", "active"), ("code", "")];
        Item { version, fields: fields.map(|(name, value)| (name, value.to_owned())).into() }
    }

    fn patch(name: &str, if_match: Option<u64>) -> Patch {
        Patch { field: "name", value: name.to_owned(), if_match }
    }

    fn entry(step: Step, called: usize, found: Found, at: usize) -> Entry<Workspace> {
        Entry { client: called, step, called, answered: Some((found, at)) }
    }

    #[test]
    fn second_patch_of_one_version_is_rejected() {
        let history = |second: Found| {
            let one = Step::PatchFunction(0, patch("b", Some(1)));
            let other = Step::PatchFunction(0, patch("c", Some(1)));
            [entry(one, 0, Found::Function(named(2, "b")), 3), entry(other, 1, second, 2)]
        };
        assert_eq!(check(&first(), &history(Found::Changed)), Ok(()));
        assert!(check(&first(), &history(Found::Function(named(2, "c")))).is_err());
        assert!(check(&first(), &history(Found::Function(named(3, "c")))).is_err());
    }

    #[test]
    fn function_creation_raises_the_workspace_version() {
        let history = |version, functions| {
            let read = Found::Workspace { item: named(version, "a"), functions };
            [
                entry(Step::CreateFunction(1, named(1, "b")), 0, Found::Done, 1),
                entry(Step::ReadWorkspace, 2, read, 3),
            ]
        };
        assert_eq!(check(&first(), &history(2, 2)), Ok(()));
        assert!(check(&first(), &history(1, 1)).is_err());
        assert!(check(&first(), &history(1, 2)).is_err());
    }

    #[test]
    fn patch_may_be_visible_during_the_workspace_deletion_only() {
        let history = |read: usize| {
            let late = Step::PatchFunction(0, patch("b", None));
            [
                entry(Step::DeleteWorkspace { if_match: None }, 0, Found::Done, 8),
                entry(Step::FindWorkspace, 1, Found::NoWorkspace, 7),
                Entry { client: 1, step: late, called: 1, answered: None },
                entry(Step::FindWorkspace, read, Found::Done, read + 1),
                entry(Step::ReadFunction(0), read, Found::Function(named(2, "b")), read + 1),
            ]
        };
        assert_eq!(check(&first(), &history(2)), Ok(()));
        assert!(check(&first(), &history(9)).is_err());
    }

    #[test]
    fn source_patch_requires_the_workspace() {
        let source = Patch { field: "code", value: "1".into(), if_match: None };
        let mut changed = named(2, "a");
        changed.fields.insert("code", "1".into());
        let history = [
            entry(Step::DeleteWorkspace { if_match: None }, 0, Found::Done, 1),
            entry(Step::PatchFunction(0, source), 2, Found::Function(changed), 3),
        ];
        assert!(check(&first(), &history).is_err());
    }
}
