//! The sequential specification of a workspace and its functions.
//!
//! A request is one or two operations. DynamoDB reads the items of one request at different moments,
//! and a PATCH without a source checks the workspace and changes the function concurrently. So each
//! item that is read is an operation of its own, and a transaction is one operation. `history.rs`
//! maps responses to operations.
//!
//! The model is as strict as the product. It is lenient only around the deletion of a workspace,
//! whose functions' items stay until the reconciler removes them:
//!
//! - A request concurrent with the deletion may read the workspace before it and the function after
//!   it. So it may see the effect of a PATCH that was itself answered with 404.
//! - Such a PATCH may also have taken effect before the deletion, where others see it.
//! - After the deletion the function's item may exist or not.
//!
//! A request that begins after the response to the deletion always gets 404.

use std::collections::BTreeMap;

use super::checker::Model;
use super::plan::SOURCES;

/// The quota of functions in a workspace.
pub(crate) const MOST_FUNCTIONS: usize = 3;

/// A workspace or a function as read, without its usage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Item {
    pub(crate) version: u64,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

/// A field's new value, on condition of a version if there is `If-Match`.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) field: &'static str,
    pub(crate) value: String,
    pub(crate) if_match: Option<u64>,
}

/// An atomic read or write. Functions are numbered in the order in which they became known.
#[derive(Clone, Debug)]
pub(crate) enum Input {
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

/// The result of an operation.
#[derive(Debug, PartialEq)]
pub(crate) enum Output {
    /// It exists, or it was done.
    Done,
    Workspace {
        item: Item,
        functions: usize,
    },
    Function(Item),
    NoWorkspace,
    NoFunction,
    /// The version differs from the one in `If-Match`.
    Changed,
    /// A change of the function is not deployed yet.
    NotDeployed,
    /// The quota is used up, or the function is disabled.
    Conflict,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) is_there: bool,
    pub(crate) workspace: Item,
    /// In the order in which they became known. `None` before the creation and after the deletion.
    pub(crate) functions: Vec<Option<Item>>,
}

/// One workspace, and the functions in it.
pub(crate) struct Workspace;

impl Model for Workspace {
    type State = State;
    type Input = Input;
    type Output = Output;

    fn step(before: &State, input: &Input, output: Option<&Output>) -> Option<State> {
        let mut state = before.clone();
        let expected = state.apply(input);
        match output {
            // A pending write without an effect is the same as none.
            None => (state != *before).then_some(state),
            Some(output) if *output == expected => Some(state),
            // The reconciler may have removed the functions of a deleted workspace. The deletion of
            // a function checks the workspace in its transaction, and reports that first.
            Some(Output::NoFunction)
                if !before.is_there && !matches!(input, Input::DeleteFunction { .. }) =>
            {
                Some(before.clone())
            }
            Some(_) => None,
        }
    }
}

impl State {
    fn apply(&mut self, input: &Input) -> Output {
        match input {
            // These use the function's item alone, which outlives its workspace.
            Input::ReadFunction(at) => match &self.functions[*at] {
                Some(function) => Output::Function(function.clone()),
                None => Output::NoFunction,
            },
            Input::Execute(at) => match &self.functions[*at] {
                Some(function) if function.fields["status"] == "disabled" => Output::Conflict,
                // The functions that are executed are deployed with this source, and the test button
                // waits for another.
                Some(function) if function.fields["code"] != SOURCES[0] => Output::NotDeployed,
                Some(_) => Output::Done,
                None => Output::NoFunction,
            },
            Input::PatchFunction(at, patch) => {
                let Some(function) = &mut self.functions[*at] else { return Output::NoFunction };
                // A source is changed in a transaction that checks the workspace. A patch without
                // a change writes nothing, and checks nothing.
                if patch.field == "code" && patch.writes(function) && !self.is_there {
                    return Output::NoWorkspace;
                }
                if patch.is_applied(function) {
                    Output::Function(function.clone())
                } else {
                    Output::Changed
                }
            }
            // All others use the workspace's item, or both in one transaction.
            _ if !self.is_there => Output::NoWorkspace,
            Input::FindWorkspace => Output::Done,
            Input::ReadWorkspace => self.read(),
            Input::PatchWorkspace(patch) => {
                if patch.is_applied(&mut self.workspace) {
                    self.read()
                } else {
                    Output::Changed
                }
            }
            Input::DeleteWorkspace { if_match } if !matches(*if_match, &self.workspace) => {
                Output::Changed
            }
            Input::DeleteWorkspace { .. } => {
                self.is_there = false;
                Output::Done
            }
            Input::CreateFunction(at, new) => {
                if self.count() == MOST_FUNCTIONS {
                    return Output::Conflict;
                }
                self.functions[*at] = Some(new.clone());
                self.workspace.version += 1;
                Output::Done
            }
            Input::DeleteFunction { at, if_match } => match &self.functions[*at] {
                None => Output::NoFunction,
                Some(function) if !matches(*if_match, function) => Output::Changed,
                Some(_) => {
                    self.functions[*at] = None;
                    self.workspace.version += 1;
                    Output::Done
                }
            },
        }
    }

    fn read(&self) -> Output {
        Output::Workspace { item: self.workspace.clone(), functions: self.count() }
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
        self.differs(item) && matches(self.if_match, item)
    }

    /// Applies the patch. Whether the item has the wanted value then.
    fn is_applied(&self, item: &mut Item) -> bool {
        if self.writes(item) {
            item.fields.insert(self.field, self.value.clone());
            item.version += 1;
        }
        // A patch without a change succeeds, whatever `If-Match` says.
        !self.differs(item)
    }
}

/// Whether an item has the version of `If-Match`, if there is one.
fn matches(if_match: Option<u64>, item: &Item) -> bool {
    if_match.is_none_or(|version| version == item.version)
}

#[cfg(test)]
mod tests {
    use super::super::checker::{Operation, check};
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

    fn operation(input: Input, called: usize, output: Output, at: usize) -> Operation<Workspace> {
        Operation { client: called, input, called, returned: Some((output, at)) }
    }

    #[test]
    fn second_patch_of_one_version_is_rejected() {
        let history = |second: Output| {
            let one = Input::PatchFunction(0, patch("b", Some(1)));
            let other = Input::PatchFunction(0, patch("c", Some(1)));
            [operation(one, 0, Output::Function(named(2, "b")), 3), operation(other, 1, second, 2)]
        };
        assert_eq!(check(&first(), &history(Output::Changed)), Ok(()));
        assert!(check(&first(), &history(Output::Function(named(2, "c")))).is_err());
        assert!(check(&first(), &history(Output::Function(named(3, "c")))).is_err());
    }

    #[test]
    fn function_creation_raises_the_workspace_version() {
        let history = |version, functions| {
            let read = Output::Workspace { item: named(version, "a"), functions };
            [
                operation(Input::CreateFunction(1, named(1, "b")), 0, Output::Done, 1),
                operation(Input::ReadWorkspace, 2, read, 3),
            ]
        };
        assert_eq!(check(&first(), &history(2, 2)), Ok(()));
        assert!(check(&first(), &history(1, 1)).is_err());
        assert!(check(&first(), &history(1, 2)).is_err());
    }

    #[test]
    fn patch_may_be_visible_during_the_workspace_deletion_only() {
        let history = |read: usize| {
            let late = Input::PatchFunction(0, patch("b", None));
            [
                operation(Input::DeleteWorkspace { if_match: None }, 0, Output::Done, 8),
                operation(Input::FindWorkspace, 1, Output::NoWorkspace, 7),
                Operation { client: 1, input: late, called: 1, returned: None },
                operation(Input::FindWorkspace, read, Output::Done, read + 1),
                operation(Input::ReadFunction(0), read, Output::Function(named(2, "b")), read + 1),
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
            operation(Input::DeleteWorkspace { if_match: None }, 0, Output::Done, 1),
            operation(Input::PatchFunction(0, source), 2, Output::Function(changed), 3),
        ];
        assert!(check(&first(), &history).is_err());
    }
}
