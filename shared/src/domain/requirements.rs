//! The packages that a function needs.

mod lines;
mod options;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use lines::logical_lines;
use options::{hashes, refuse_option, split_options};

use super::error::ValidationError;
use super::file_path::shown;
use super::requirement::Requirement;

/// The text of a requirements file: at most 16,384 bytes of UTF-8, and 200 packages.
///
/// It names packages of the index, one a line, with extras, versions, markers and hashes. It is kept
/// as it was given. Comments, and options that change nothing here, are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Requirements {
    text: Arc<str>,
    effective: Arc<[String]>,
}

impl Requirements {
    /// The most bytes of the text.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// The most packages.
    pub const MAX_COUNT: usize = 200;

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The packages to install, in the order given: normalized names, extras, versions, marker and
    /// hashes, such as `uvicorn[standard]>=0.30 ; python_version < "3.13"`.
    ///
    /// Packages that the engine replaces are left out, and so is the second of two that are equal.
    /// These are the lines of a requirements file.
    pub fn effective(&self) -> &[String] {
        &self.effective
    }

    /// Whether there is nothing to install.
    pub fn is_empty(&self) -> bool {
        self.effective.is_empty()
    }
}

impl TryFrom<Value> for Requirements {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::String(text) => text.try_into(),
            _ => Err(ValidationError::because("must be a string: the text of a requirements file")),
        }
    }
}

impl TryFrom<String> for Requirements {
    type Error = ValidationError;

    fn try_from(text: String) -> Result<Self, ValidationError> {
        if text.len() > Self::MAX_BYTES {
            let (max, length) = (Self::MAX_BYTES, text.len());
            return Err(ValidationError(format!("must be at most {max} bytes, and has {length}")));
        }
        let refused = |number: usize, problem: &str| {
            ValidationError(format!("must name packages, one a line, and line {number} {problem}"))
        };
        let mut reader = Reader::default();
        for (number, line) in logical_lines(&text) {
            reader.add(number, &line).map_err(|problem| refused(number, &problem))?;
        }
        match (reader.hashes_asked_for, reader.without_hash) {
            (true, Some(number)) => {
                Err(refused(number, "has no --hash, which --require-hashes asks for"))
            }
            _ => Ok(Self { text: text.into(), effective: reader.effective.into() }),
        }
    }
}

impl Serialize for Requirements {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// What the lines so far come to.
#[derive(Default)]
struct Reader {
    effective: Vec<String>,
    seen: BTreeSet<String>,
    count: usize,
    /// Whether there is an option that asks for a hash of each package.
    hashes_asked_for: bool,
    /// The first line with a package that has none.
    without_hash: Option<usize>,
}

impl Reader {
    /// Takes a logical line, without its comment.
    fn add(&mut self, number: usize, line: &str) -> Result<(), String> {
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err("has a control character".to_owned());
        }
        if let Some(variable) = environment_variable(line) {
            let variable = shown(variable);
            return Err(format!(
                "uses {variable}, and environment variables are not filled in here"
            ));
        }
        if line.ends_with('\\') {
            return Err("ends with a \\ that joins no lines: nothing may follow it".to_owned());
        }
        if line.starts_with('-') {
            self.hashes_asked_for |= refuse_option(line)?;
            return Ok(());
        }
        self.count += 1;
        if self.count > Requirements::MAX_COUNT {
            return Err(format!(
                "is one too many: at most {} can be named",
                Requirements::MAX_COUNT
            ));
        }
        let (requirement, options) = split_options(line);
        let requirement = Requirement::read(requirement)?;
        let hashes = hashes(options)?;
        if hashes.is_empty() {
            self.without_hash.get_or_insert(number);
        }
        let written = requirement.to_string() + &hashes;
        if !requirement.is_replaced() && self.seen.insert(written.clone()) {
            self.effective.push(written);
        }
        Ok(())
    }
}

/// The first `${NAME}`, which pip would fill in.
fn environment_variable(line: &str) -> Option<&str> {
    let is_part = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    line.match_indices("${").find_map(|(at, _)| {
        let name = &line[at + 2..];
        let length = name.bytes().take_while(|&b| is_part(b)).count();
        let ends = length > 0 && name.as_bytes().get(length) == Some(&b'}');
        ends.then(|| &line[at..at + length + 3])
    })
}
