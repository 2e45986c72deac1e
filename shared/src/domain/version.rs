//! Versions of what is stored, for writers that must not overwrite each other.

/// A value, and which version of it this is.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// How often it has been written, from 1 on.
    pub version: u64,
}

impl<T> Versioned<T> {
    /// Another value of the same version.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Versioned<U> {
        Versioned { value: f(self.value), version: self.version }
    }
}

/// Which versions a writer is willing to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there.
    #[default]
    Any,
    /// One of these; none of them where the list is empty.
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
