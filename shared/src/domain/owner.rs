//! Owners of workspaces.

use std::fmt;

use sha2::{Digest, Sha256};

/// The owner of a workspace and of everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The owner of everything where the API is open.
    pub fn anonymous() -> Self {
        Self("anonymous".into())
    }

    /// The owner that a token names as its subject.
    pub fn of_subject(subject: &str) -> Self {
        // A subject of this name must not get what was made while the API was open to everybody.
        let is_taken = subject == Self::anonymous().as_str() || subject.starts_with("sub:");
        Self(if is_taken { format!("sub:{subject}") } else { subject.to_owned() })
    }

    /// The owner that an item names.
    pub fn from_stored(owner: String) -> Self {
        Self(owner)
    }

    /// The owner's name in our log: the first 64 bits of a SHA-256. It finds the owner's lines
    /// without telling who the owner is.
    pub fn pseudonym(&self) -> String {
        hex::encode(&Sha256::digest(&self.0)[..8])
    }

    /// The owner as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
