//! The form of a handler, by the syntax tree of its source.

use ruff_python_ast::ModModule;

use super::Form;

/// What a source's handler was found to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Detection {
    /// One.
    Found {
        /// Its form.
        form: Form,
        /// Its name, where the form leaves a choice.
        entry_point: Option<String>,
    },
    /// Several.
    Ambiguous {
        /// What can be called.
        candidates: Vec<Candidate>,
    },
}

/// Something in a source that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its form.
    pub form: Form,
    /// Its name.
    pub entry_point: String,
}

/// Finds the handler.
pub fn detect(_module: &ModModule, _entry_point: Option<&str>) -> Detection {
    Detection::Found { form: Form::Native, entry_point: None }
}
