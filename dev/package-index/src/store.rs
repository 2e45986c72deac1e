//! What was PUT.

use std::collections::BTreeMap;

/// An object as it came.
#[derive(Clone, Debug)]
pub struct Object {
    /// The headers of the request. Their names are in small letters.
    pub headers: BTreeMap<String, String>,
    /// Its content.
    pub body: Vec<u8>,
}
