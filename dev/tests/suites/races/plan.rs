//! What clients ask at once, made up by proptest from a seed.
//!
//! Nothing is shrunk: a race comes out differently the next time, so a shorter plan that passes
//! tells nothing.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Sources, as they are before they are base64.
pub(crate) const SOURCES: [&str; 3] = [
    "handler = lambda event, context: 1",
    "handler = lambda event, context: 2",
    "handler = lambda event, context: 3",
];

/// What each of several clients asks, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) clients: Vec<Vec<Ask>>,
    /// Whether the reconciler and the counter follow meanwhile, and not only afterwards.
    pub(crate) is_followed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) what: What,
    /// Whether it is for the version only that the client read last.
    pub(crate) is_conditional: bool,
    /// How often others may go first.
    pub(crate) pause: usize,
}

/// A request. A number stands for one of the functions that are known then.
#[derive(Clone, Debug)]
pub(crate) enum What {
    ReadWorkspace,
    PatchWorkspace(&'static str),
    DeleteWorkspace,
    CreateFunction(&'static str),
    ReadFunction(usize),
    PatchFunction(usize, &'static str, &'static str),
    DeleteFunction(usize),
    Execute(usize),
}

/// The plan that `seed` stands for.
pub(crate) fn plan(seed: u64) -> Plan {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let clients = prop::collection::vec(prop::collection::vec(ask(), 3..=5), 3..=4);
    let plans =
        (clients, any::<bool>()).prop_map(|(clients, is_followed)| Plan { clients, is_followed });
    plans.new_tree(&mut runner).unwrap().current()
}

fn ask() -> impl Strategy<Value = Ask> {
    use What::*;
    let function = || 0..6_usize;
    // Few, so that many a change is none.
    let name = || select(vec!["a", "b", "c"]);
    let change = prop_oneof![
        4 => name().prop_map(|name| ("name", name)),
        3 => select(vec!["active", "disabled"]).prop_map(|status| ("status", status)),
        3 => select(SOURCES.to_vec()).prop_map(|source| ("code", source)),
    ];
    // A workspace is deleted in every third plan or so: behind that, everything is 404.
    let what = prop_oneof![
        3 => Just(ReadWorkspace),
        5 => name().prop_map(PatchWorkspace),
        1 => Just(DeleteWorkspace),
        5 => name().prop_map(CreateFunction),
        5 => function().prop_map(ReadFunction),
        10 => (function(), change).prop_map(|(f, (field, value))| PatchFunction(f, field, value)),
        3 => function().prop_map(DeleteFunction),
        8 => function().prop_map(Execute),
    ];
    (what, any::<bool>(), 0..4_usize).prop_map(|(what, is_conditional, pause)| Ask {
        what,
        is_conditional,
        pause,
    })
}
