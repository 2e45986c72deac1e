//! Whether what many were answered at once can have happened one after the other.
//!
//! The search is Wing and Gong's, who try every order that keeps to the times of calls and answers,
//! with Lowe's memory of what was tried: the same steps done, with the same outcome, end the same.

use std::collections::HashSet;
use std::fmt::{Debug, Write as _};
use std::hash::Hash;

/// What is allowed where everything happens one after the other.
pub(crate) trait Spec {
    type State: Clone + Debug + Eq + Hash;
    type Step: Debug;
    type Found: Debug;

    /// The state behind a step that found this in `state`; `None` where it can't have.
    ///
    /// What a step found whose answer is an error with unknown effect is unknown: then this is the
    /// state in which it took effect, and `None` where it can have none.
    fn apply(
        state: &Self::State,
        step: &Self::Step,
        found: Option<&Self::Found>,
    ) -> Option<Self::State>;
}

/// A step, which happened at one moment between two positions of a clock that all share.
#[derive(Debug)]
pub(crate) struct Entry<S: Spec> {
    pub(crate) client: usize,
    pub(crate) step: S::Step,
    pub(crate) called: usize,
    /// What it found, and when that was known. Without it, it happens at any time after its call,
    /// or never.
    pub(crate) answered: Option<(S::Found, usize)>,
}

impl<S: Spec> Entry<S> {
    /// When it had happened at the latest.
    pub(crate) fn end(&self) -> usize {
        self.answered.as_ref().map_or(usize::MAX, |(_, at)| *at)
    }
}

/// Looks for a legal order of `history`, which begins with `first`.
///
/// # Errors
/// Where there is none: how far the best one got, and the history as a picture.
pub(crate) fn check<S: Spec>(first: &S::State, history: &[Entry<S>]) -> Result<(), String> {
    assert!(history.len() <= 128, "a set of steps is the bits of a number");
    let mut search = Search { history, tried: HashSet::new(), order: Vec::new(), best: Vec::new() };
    if search.goes_on(first, 0) {
        return Ok(());
    }
    let mut state = first.clone();
    let mut report = format!("No order of these steps is legal.\n{}", drawn(history));
    writeln!(report, "The longest legal beginning:").expect("text takes everything");
    for at in &search.best {
        let Entry { step, answered, .. } = &history[*at];
        let found = answered.as_ref().map(|(found, _)| found);
        state = S::apply(&state, step, found).unwrap_or(state);
        writeln!(report, "{at:4} {step:?}").expect("text takes everything");
    }
    writeln!(report, "No other step can be next in\n     {state:?}")
        .expect("text takes everything");
    Err(report)
}

struct Search<'a, S: Spec> {
    history: &'a [Entry<S>],
    /// Which steps were done, and what they came to.
    tried: HashSet<(u128, S::State)>,
    order: Vec<usize>,
    best: Vec<usize>,
}

impl<S: Spec> Search<'_, S> {
    /// Whether all steps but those that are `done` can follow `state`.
    fn goes_on(&mut self, state: &S::State, done: u128) -> bool {
        if self.order.len() > self.best.len() {
            self.best.clone_from(&self.order);
        }
        let is_left = |at: &usize| done & (1 << at) == 0;
        let left = (0..self.history.len()).filter(is_left);
        // A step that was called when another was answered already comes behind that.
        let end = left.clone().map(|at| self.history[at].end()).min().unwrap_or(usize::MAX);
        if end == usize::MAX {
            // Whatever is left may never have happened.
            return true;
        }
        if !self.tried.insert((done, state.clone())) {
            return false;
        }
        for at in left {
            let Entry { step, called, answered, .. } = &self.history[at];
            let found = answered.as_ref().map(|(found, _)| found);
            if *called > end {
                continue;
            }
            let Some(next) = S::apply(state, step, found) else { continue };
            self.order.push(at);
            if self.goes_on(&next, done | (1 << at)) {
                return true;
            }
            self.order.pop();
        }
        false
    }
}

/// A history as a picture: a line for each step, with a bar from its call to its answer.
pub(crate) fn drawn<S: Spec>(history: &[Entry<S>]) -> String {
    let known = history.iter().filter_map(|entry| entry.answered.as_ref());
    let width =
        1 + known.map(|(_, at)| *at).chain(history.iter().map(|e| e.called)).max().unwrap_or(0);
    let mut lines: Vec<_> = history.iter().enumerate().collect();
    lines.sort_by_key(|(at, entry)| (entry.client, entry.called, *at));
    let across = width + 1;
    let mut drawn = String::new();
    for (at, Entry { client, step, called, answered }) in lines {
        let end = answered.as_ref().map_or(width, |(_, end)| *end);
        let bar = format!("{}├{}", " ".repeat(*called), "─".repeat(end - called - 1));
        let bar = bar + if answered.is_some() { "┤" } else { "…" };
        let found =
            answered.as_ref().map_or("nobody knows".into(), |(found, _)| format!("{found:?}"));
        writeln!(drawn, "{at:4} client {client} {bar:<across$} {step:?} → {found}")
            .expect("text takes everything");
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that is read, written, and changed only by those who know it.
    struct Register;

    #[derive(Debug)]
    enum Step {
        Read,
        Write(u8),
        Swap(u8, u8),
    }

    #[derive(Debug)]
    enum Found {
        Value(u8),
        Done,
    }

    impl Spec for Register {
        type State = u8;
        type Step = Step;
        type Found = Found;

        fn apply(state: &u8, step: &Step, found: Option<&Found>) -> Option<u8> {
            match (step, found) {
                (Step::Read, Some(Found::Value(value))) => (value == state).then_some(*state),
                (Step::Write(value), Some(Found::Done) | None) => Some(*value),
                (Step::Swap(old, new), Some(Found::Done) | None) => (old == state).then_some(*new),
                _ => None,
            }
        }
    }

    fn entry(client: usize, step: Step, called: usize, found: Found, at: usize) -> Entry<Register> {
        Entry { client, step, called, answered: Some((found, at)) }
    }

    fn unknown(client: usize, step: Step, called: usize) -> Entry<Register> {
        Entry { client, step, called, answered: None }
    }

    #[test]
    fn concurrent_read_returns_the_old_or_the_new_value() {
        for value in [0, 1] {
            let write = entry(0, Step::Write(1), 0, Found::Done, 3);
            let read = entry(1, Step::Read, 1, Found::Value(value), 2);
            assert_eq!(check(&0, &[write, read]), Ok(()));
        }
    }

    #[test]
    fn concurrent_writes_have_one_order_for_all_clients() {
        let history = |second: u8| {
            [
                entry(0, Step::Write(1), 0, Found::Done, 9),
                entry(1, Step::Write(2), 1, Found::Done, 8),
                entry(2, Step::Read, 2, Found::Value(2), 3),
                entry(2, Step::Read, 4, Found::Value(1), 5),
                entry(2, Step::Read, 6, Found::Value(second), 7),
            ]
        };
        assert_eq!(check(&0, &history(1)), Ok(()));
        assert!(check(&0, &history(2)).is_err(), "nobody is taken back");
    }

    #[test]
    fn stale_read_is_not_linearizable() {
        let write = entry(0, Step::Write(1), 0, Found::Done, 1);
        let read = entry(1, Step::Read, 2, Found::Value(0), 3);
        let report = check(&0, &[write, read]).unwrap_err();
        assert!(report.contains("├┤    Write(1) → Done"), "{report}");
        assert!(report.contains("  ├┤  Read → Value(0)"), "{report}");
        assert!(report.contains("No other step can be next in\n     1"), "{report}");
    }

    #[test]
    fn lost_update_is_not_linearizable() {
        let one = entry(0, Step::Swap(0, 1), 0, Found::Done, 2);
        let other = entry(1, Step::Swap(0, 2), 1, Found::Done, 3);
        assert!(check(&0, &[one, other]).is_err());
    }

    #[test]
    fn pending_operation_may_or_may_not_take_effect() {
        for value in [0, 1] {
            let write = unknown(0, Step::Write(1), 0);
            let read = entry(1, Step::Read, 1, Found::Value(value), 2);
            assert_eq!(check(&0, &[write, read]), Ok(()));
        }
    }

    #[test]
    fn pending_operation_takes_effect_late_and_at_most_once() {
        let late = [
            unknown(0, Step::Write(1), 0),
            entry(1, Step::Read, 1, Found::Value(0), 2),
            entry(1, Step::Read, 3, Found::Value(1), 4),
        ];
        assert_eq!(check(&0, &late), Ok(()));
        let early = [entry(1, Step::Read, 0, Found::Value(1), 1), unknown(0, Step::Write(1), 2)];
        assert!(check(&0, &early).is_err());
        let twice = [
            unknown(0, Step::Write(1), 0),
            entry(1, Step::Read, 1, Found::Value(1), 2),
            entry(1, Step::Write(2), 3, Found::Done, 4),
            entry(1, Step::Read, 5, Found::Value(1), 6),
        ];
        assert!(check(&0, &twice).is_err());
    }

    #[test]
    fn check_of_many_concurrent_operations_is_fast() {
        // 16! orders, of which none is legal in the end.
        let mut history: Vec<_> =
            (0..16).map(|client| entry(client, Step::Write(1), client, Found::Done, 99)).collect();
        history.push(entry(16, Step::Read, 100, Found::Value(2), 101));
        assert!(check(&0, &history).is_err());
    }
}
