//! The detection of a handler's form, by the syntax tree of its source.
//!
//! What is found first counts: the packages of the platforms; `lambda_handler`; an application of
//! WSGI or ASGI; the names and parameters of functions, with what they read from those; else the
//! form is native. A source that fits several is ambiguous, and a person has to say which is meant.
//!
//! It takes time in proportion to the source, and stack for blocks in blocks only.

mod apps;
mod callable;
mod function;
mod module;
mod platforms;
mod reads;
mod scope;
mod search;
mod signatures;
mod walk;

pub(super) use walk::{Node, Walk};

use ruff_python_ast::ModModule;

use super::Form;

use module::Module;
use search::Search;

/// A form that a source may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The form.
    pub form: Form,
    /// The name of the function, class or object that would be the handler.
    pub entry_point: String,
}

/// What a source's form is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Detection {
    /// It is clear.
    Found {
        /// The form.
        form: Form,
        /// The name of the function, class or object that is the handler. Without one the source shows
        /// none, and the form is native.
        entry_point: Option<String>,
    },
    /// It may be one of several.
    Ambiguous {
        /// At least two, in the order of the source, and at most 10.
        candidates: Vec<Candidate>,
    },
}

/// The form of the handler in `module`.
///
/// With `entry_point` only what that name stands for counts. If the module doesn't bind it by itself,
/// the form is the one that everything else in the module speaks for, or native.
///
/// A source that shows no handler is native: it is accepted, and fails when it runs.
pub(crate) fn detect(module: &ModModule, entry_point: Option<&str>) -> Detection {
    let module = Module::of(&module.body);
    let search = Search::of(&module);
    match entry_point {
        None => search.handler(),
        Some(name) => search.named(name),
    }
}

#[cfg(test)]
mod tests;
