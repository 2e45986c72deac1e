//! Identifiers: ours, time-sortable, and not to be guessed.

use std::fmt;

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::error::Error;

/// Declares one kind of identifier: a prefix, then letters and digits, 32 characters in all.
///
/// New ones are a lower-case ULID behind the prefix: 48 bits of milliseconds,
/// which sort, then 80 random bits, which can't be guessed. Reading is more
/// lenient, because the table may hold identifiers that an earlier backend gave:
/// eight letters and digits, in which upper and lower case are different.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Makes a new one.
            pub fn generate() -> Self {
                Self::of(Ulid::generate())
            }

            /// The one that is made of `ulid`.
            pub fn of(ulid: Ulid) -> Self {
                Self(format!("{}{ulid}", $prefix).to_ascii_lowercase())
            }

            /// Reads one from a path or an item.
            ///
            /// # Errors
            /// [`Error::NotFound`] where `text` can't name anything: what
            /// doesn't have the form of an identifier doesn't exist.
            pub fn parse(text: &str) -> Result<Self, Error> {
                let rest = text.strip_prefix($prefix).unwrap_or("");
                let form = rest.bytes().all(|b| b.is_ascii_alphanumeric());
                if rest.is_empty() || text.len() > MAX_LENGTH || !form {
                    return Err(Error::NotFound(concat!("there is no ", $what, " of this id").into()));
                }
                Ok(Self(text.to_owned()))
            }

            /// The refusal for an identifier that names nothing.
            pub fn not_found(&self) -> Error {
                Error::NotFound(format!(concat!("there is no ", $what, " {}"), self))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let rest = MAX_LENGTH - $prefix.len();
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some(format!("^{}[A-Za-z0-9]{{1,{rest}}}$", $prefix)))
                    .max_length(Some(MAX_LENGTH))
                    .description(Some(concat!("Identifies: ", $what, ". Given by the API; sorts by the time it was made. Upper and lower case differ.")))
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

id!(
    /// Names a workspace: `ws-…`.
    WorkspaceId,
    "ws-",
    "workspace"
);
id!(
    /// Names a function: `fn-…`.
    FunctionId,
    "fn-",
    "function"
);
id!(
    /// Names an execution: `log-…`.
    LogId,
    "log-",
    "execution log"
);

id!(
    /// Names an invocation key: `key-…`.
    KeyId,
    "key-",
    "invocation key"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_have_the_contract_form_and_parse() {
        let id = WorkspaceId::generate();
        assert_eq!(id.as_str().len(), 29, "{id}");
        assert_eq!(WorkspaceId::parse(id.as_str()).unwrap(), id);
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
    fn what_has_not_the_form_names_nothing() {
        let long = format!("ws-{}", "a".repeat(30));
        for text in
            ["", "ws-", "ws", "fn-abc", "WS-abc", "ws-a#b", "ws-a/b", "ws-é", "ws-a\n", &long]
        {
            assert!(matches!(WorkspaceId::parse(text), Err(Error::NotFound(_))), "{text:?}");
        }
        let earlier = WorkspaceId::parse("ws-7hKQxZ2m").unwrap();
        assert_eq!(earlier.as_str(), "ws-7hKQxZ2m", "an earlier backend's id stays as it is");
        assert_ne!(earlier, WorkspaceId::parse("ws-7hkqxz2m").unwrap());
    }
}
