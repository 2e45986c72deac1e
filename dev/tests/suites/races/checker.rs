//! A linearizability checker: the search of Wing and Gong with Lowe's cache.
//!
//! It tries every order of the operations that respects the real-time order of calls and returns.
//! The cache skips sets of operations that were already tried with the same resulting state.

use std::collections::HashSet;
use std::fmt::{Debug, Write as _};
use std::hash::Hash;

/// The sequential specification.
pub(crate) trait Model {
    type State: Clone + Debug + Eq + Hash;
    type Input: Debug;
    type Output: Debug;

    /// The state after an operation in `state`, or `None` where it can't have this output.
    ///
    /// Without an output, the operation is pending: this is the state after it took effect, or `None`
    /// where it has no effect.
    fn step(
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Self::State>;
}

/// An operation of a history. Times are positions of one clock.
#[derive(Debug)]
pub(crate) struct Operation<M: Model> {
    pub(crate) client: usize,
    pub(crate) input: M::Input,
    pub(crate) called: usize,
    /// The output, and when it returned. A pending operation takes effect at any time after its
    /// call, or never.
    pub(crate) returned: Option<(M::Output, usize)>,
}

impl<M: Model> Operation<M> {
    /// When it had taken effect at the latest.
    pub(crate) fn end(&self) -> usize {
        self.returned.as_ref().map_or(usize::MAX, |(_, at)| *at)
    }
}

/// Looks for a linearization of `history` that begins in the state `first`.
///
/// # Errors
/// Where there is none: the history as a picture, and the longest legal beginning.
pub(crate) fn check<M: Model>(first: &M::State, history: &[Operation<M>]) -> Result<(), String> {
    assert!(history.len() <= 128, "a set of operations is a bit mask");
    let mut search = Search { history, tried: HashSet::new(), order: Vec::new(), best: Vec::new() };
    if search.search(first, 0) {
        return Ok(());
    }
    let mut state = first.clone();
    let mut report = format!("This history is not linearizable.\n{}", drawn(history));
    writeln!(report, "The longest legal beginning:").expect("text takes everything");
    for at in &search.best {
        let Operation { input, returned, .. } = &history[*at];
        let output = returned.as_ref().map(|(output, _)| output);
        state = M::step(&state, input, output).unwrap_or(state);
        writeln!(report, "{at:4} {input:?}").unwrap();
    }
    writeln!(report, "No other operation can be next in\n     {state:?}").unwrap();
    Err(report)
}

struct Search<'a, M: Model> {
    history: &'a [Operation<M>],
    /// Sets of operations with their resulting state.
    tried: HashSet<(u128, M::State)>,
    order: Vec<usize>,
    best: Vec<usize>,
}

impl<M: Model> Search<'_, M> {
    /// Whether all operations but those in `done` can follow `state`.
    fn search(&mut self, state: &M::State, done: u128) -> bool {
        if self.order.len() > self.best.len() {
            self.best.clone_from(&self.order);
        }
        let is_left = |at: &usize| done & (1 << at) == 0;
        let left = (0..self.history.len()).filter(is_left);
        // An operation that was called after another one returned comes after it.
        let end = left.clone().map(|at| self.history[at].end()).min().unwrap_or(usize::MAX);
        if end == usize::MAX {
            // All others are pending, and may never have taken effect.
            return true;
        }
        if !self.tried.insert((done, state.clone())) {
            return false;
        }
        for at in left {
            let Operation { input, called, returned, .. } = &self.history[at];
            let output = returned.as_ref().map(|(output, _)| output);
            if *called > end {
                continue;
            }
            let Some(next) = M::step(state, input, output) else { continue };
            self.order.push(at);
            if self.search(&next, done | (1 << at)) {
                return true;
            }
            self.order.pop();
        }
        false
    }
}

/// A history as a picture: a line for each operation, with a bar from its call to its return.
pub(crate) fn drawn<M: Model>(history: &[Operation<M>]) -> String {
    let returns = history.iter().filter_map(|operation| operation.returned.as_ref());
    let times = returns.map(|(_, at)| *at).chain(history.iter().map(|o| o.called));
    let width = 1 + times.max().unwrap_or(0);
    let mut lines: Vec<_> = history.iter().enumerate().collect();
    lines.sort_by_key(|(at, operation)| (operation.client, operation.called, *at));
    let across = width + 1;
    let mut drawn = String::new();
    for (at, Operation { client, input, called, returned }) in lines {
        let end = returned.as_ref().map_or(width, |(_, end)| *end);
        let bar = format!("{}├{}", " ".repeat(*called), "─".repeat(end - called - 1));
        let bar = bar + if returned.is_some() { "┤" } else { "…" };
        let output =
            returned.as_ref().map_or("pending".into(), |(output, _)| format!("{output:?}"));
        writeln!(drawn, "{at:4} client {client} {bar:<across$} {input:?} → {output}").unwrap();
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register with compare-and-swap.
    struct Register;

    #[derive(Debug)]
    enum Input {
        Read,
        Write(u8),
        Swap(u8, u8),
    }

    #[derive(Debug)]
    enum Output {
        Value(u8),
        Done,
    }

    impl Model for Register {
        type State = u8;
        type Input = Input;
        type Output = Output;

        fn step(state: &u8, input: &Input, output: Option<&Output>) -> Option<u8> {
            match (input, output) {
                (Input::Read, Some(Output::Value(value))) => (value == state).then_some(*state),
                (Input::Write(value), Some(Output::Done) | None) => Some(*value),
                (Input::Swap(old, new), Some(Output::Done) | None) => {
                    (old == state).then_some(*new)
                }
                _ => None,
            }
        }
    }

    fn operation(
        client: usize,
        input: Input,
        called: usize,
        output: Output,
        at: usize,
    ) -> Operation<Register> {
        Operation { client, input, called, returned: Some((output, at)) }
    }

    fn pending(client: usize, input: Input, called: usize) -> Operation<Register> {
        Operation { client, input, called, returned: None }
    }

    #[test]
    fn concurrent_read_returns_the_old_or_the_new_value() {
        for value in [0, 1] {
            let write = operation(0, Input::Write(1), 0, Output::Done, 3);
            let read = operation(1, Input::Read, 1, Output::Value(value), 2);
            assert_eq!(check(&0, &[write, read]), Ok(()));
        }
    }

    #[test]
    fn concurrent_writes_have_one_order_for_all_clients() {
        let history = |second: u8| {
            [
                operation(0, Input::Write(1), 0, Output::Done, 9),
                operation(1, Input::Write(2), 1, Output::Done, 8),
                operation(2, Input::Read, 2, Output::Value(2), 3),
                operation(2, Input::Read, 4, Output::Value(1), 5),
                operation(2, Input::Read, 6, Output::Value(second), 7),
            ]
        };
        assert_eq!(check(&0, &history(1)), Ok(()));
        assert!(check(&0, &history(2)).is_err(), "no client reads an older value again");
    }

    #[test]
    fn stale_read_is_not_linearizable() {
        let write = operation(0, Input::Write(1), 0, Output::Done, 1);
        let read = operation(1, Input::Read, 2, Output::Value(0), 3);
        let report = check(&0, &[write, read]).unwrap_err();
        assert!(report.contains("├┤    Write(1) → Done"), "{report}");
        assert!(report.contains("  ├┤  Read → Value(0)"), "{report}");
        assert!(report.contains("No other operation can be next in\n     1"), "{report}");
    }

    #[test]
    fn lost_update_is_not_linearizable() {
        let one = operation(0, Input::Swap(0, 1), 0, Output::Done, 2);
        let other = operation(1, Input::Swap(0, 2), 1, Output::Done, 3);
        assert!(check(&0, &[one, other]).is_err());
    }

    #[test]
    fn pending_operation_may_or_may_not_take_effect() {
        for value in [0, 1] {
            let write = pending(0, Input::Write(1), 0);
            let read = operation(1, Input::Read, 1, Output::Value(value), 2);
            assert_eq!(check(&0, &[write, read]), Ok(()));
        }
    }

    #[test]
    fn pending_operation_takes_effect_late_and_at_most_once() {
        let late = [
            pending(0, Input::Write(1), 0),
            operation(1, Input::Read, 1, Output::Value(0), 2),
            operation(1, Input::Read, 3, Output::Value(1), 4),
        ];
        assert_eq!(check(&0, &late), Ok(()));
        let early =
            [operation(1, Input::Read, 0, Output::Value(1), 1), pending(0, Input::Write(1), 2)];
        assert!(check(&0, &early).is_err());
        let twice = [
            pending(0, Input::Write(1), 0),
            operation(1, Input::Read, 1, Output::Value(1), 2),
            operation(1, Input::Write(2), 3, Output::Done, 4),
            operation(1, Input::Read, 5, Output::Value(1), 6),
        ];
        assert!(check(&0, &twice).is_err());
    }

    #[test]
    fn check_of_many_concurrent_operations_is_fast() {
        // 16! orders, none of which is legal.
        let mut history: Vec<_> = (0..16)
            .map(|client| operation(client, Input::Write(1), client, Output::Done, 99))
            .collect();
        history.push(operation(16, Input::Read, 100, Output::Value(2), 101));
        assert!(check(&0, &history).is_err());
    }
}
