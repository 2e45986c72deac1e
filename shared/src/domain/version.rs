//! Versions of resources, so that writers do not overwrite each other.

/// A value with its version.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// How often the value has been written: 1 for a new one.
    pub version: u64,
}

impl<T> Versioned<T> {
    /// The same version with `f` applied to the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Versioned<U> {
        Versioned { value: f(self.value), version: self.version }
    }
}

/// The versions that a writer expects to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Any version.
    #[default]
    Any,
    /// One of these. An empty list allows no version.
    OneOf(Vec<u64>),
}

impl Expected {
    /// Whether `version` may be changed.
    pub fn allows(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
