//! Identifiers: given by the API, sorted by time, and not to be guessed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::{InvalidId, NotFound};

/// Declares one kind of identifier: a prefix, then letters and digits, 32 characters in all.
///
/// A new one is the prefix and a lower-case ULID: 48 bits of milliseconds, by which identifiers
/// sort, then 80 random bits, which can't be guessed. Reading is more lenient, because a table may
/// hold identifiers of the legacy backend: eight letters and digits, upper and lower case.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// A new identifier.
            pub fn generate() -> Self {
                Self::of(Ulid::generate())
            }

            /// The identifier made of `ulid`.
            pub fn of(ulid: Ulid) -> Self {
                Self(format!("{}{ulid}", $prefix).to_ascii_lowercase())
            }

            /// The error for an identifier of which there is nothing.
            pub fn not_found(&self) -> NotFound {
                NotFound { kind: $kind, id: self.0.clone() }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_id(&text, $prefix) { Ok(Self(text)) } else { Err(InvalidId { kind: $kind }) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.to_owned().try_into()
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let rest = MAX_LENGTH - $prefix.len();
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some(format!("^{}[A-Za-z0-9]{{1,{rest}}}$", $prefix)))
                    .max_length(Some(MAX_LENGTH))
                    .description(Some(concat!("Identifies: ", $kind, ". Given by the API; sorts by the time it was made. Upper and lower case differ.")))
                    .into()
            }
        }

        impl ToSchema for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// The most characters of an identifier, its prefix included.
const MAX_LENGTH: usize = 32;

fn is_id(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    !rest.is_empty()
        && text.len() <= MAX_LENGTH
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

id!(
    /// Identifies a workspace: `ws-…`.
    WorkspaceId,
    "ws-",
    "workspace"
);
id!(
    /// Identifies a function: `fn-…`.
    FunctionId,
    "fn-",
    "function"
);
id!(
    /// Identifies an execution: `log-…`.
    LogId,
    "log-",
    "execution log"
);

id!(
    /// Identifies an invocation key: `key-…`.
    KeyId,
    "key-",
    "invocation key"
);

impl WorkspaceId {
    const PREFIX: &str = "ws-";

    /// The identifier of which `rest` is what follows the prefix.
    ///
    /// # Errors
    /// [`InvalidId`] where it isn't that.
    pub fn with_prefix(rest: &str) -> Result<Self, InvalidId> {
        format!("{}{rest}", Self::PREFIX).try_into()
    }

    /// What follows the prefix.
    pub fn without_prefix(&self) -> &str {
        self.0.strip_prefix(Self::PREFIX).unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_id_has_the_form_of_the_contract() {
        let id = WorkspaceId::generate();
        assert_eq!(id.as_str().len(), 29, "{id}");
        assert_eq!(id.as_str().parse(), Ok(id));
        assert_eq!(LogId::generate().as_str().len(), 30);
        assert_ne!(FunctionId::generate(), FunctionId::generate());
    }

    #[test]
    fn generated_ids_sort_by_time() {
        let first = FunctionId::generate();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(first < FunctionId::generate());
    }

    #[test]
    fn a_text_of_another_form_is_refused() {
        let long = format!("ws-{}", "a".repeat(30));
        for text in
            ["", "ws-", "ws", "fn-abc", "WS-abc", "ws-a#b", "ws-a/b", "ws-é", "ws-a\n", &long]
        {
            assert_eq!(
                text.parse::<WorkspaceId>().unwrap_err().to_string(),
                "there is no workspace of this id",
                "{text:?}"
            );
            let stored = serde_json::Value::from(text);
            assert!(serde_json::from_value::<WorkspaceId>(stored).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_id_of_the_legacy_backend_keeps_its_case() {
        let legacy: WorkspaceId = "ws-7hKQxZ2m".parse().unwrap();
        assert_eq!(legacy.as_str(), "ws-7hKQxZ2m");
        assert_ne!(Ok(&legacy), "ws-7hkqxz2m".parse().as_ref());
        assert_eq!(serde_json::from_str::<WorkspaceId>("\"ws-7hKQxZ2m\"").unwrap(), legacy);
    }
}
