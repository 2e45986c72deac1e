//! Workspaces.

use serde::Serialize;
use utoipa::ToSchema;

use super::{CreationSeed, Description, Fields, InvalidField, Name, Timestamp, Usage, WorkspaceId};

/// A workspace.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    /// Its identifier.
    pub id: WorkspaceId,
    /// Its name.
    pub name: Name,
    /// What it is for; may be empty.
    pub description: Description,
    /// When it was made.
    pub created_at: Timestamp,
    /// Functions that it holds now.
    pub function_count: u64,
    /// Executions of its functions over the last 24 hours.
    #[serde(rename = "invocations24h")]
    pub invocations_24h: u64,
    /// Percent of those executions that failed, to 2 decimals; 0 when there were none.
    #[schema(minimum = 0, maximum = 100)]
    pub error_rate: f64,
}

impl Workspace {
    /// The same workspace with its usage.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.invocations_24h = usage.invocations;
        self.error_rate = usage.error_rate;
        self
    }
}

/// A new workspace.
#[derive(Debug, PartialEq, ToSchema)]
pub struct CreateWorkspace {
    /// Its name.
    pub name: Name,
    /// What it is for; `null` is none.
    #[schema(value_type = Option<Description>, required = false, default = Description::default)]
    pub description: Description,
}

impl CreateWorkspace {
    /// The workspace to create.
    pub fn create(self, seed: &CreationSeed) -> Workspace {
        Workspace {
            id: WorkspaceId::of(seed.ulid),
            name: self.name,
            description: self.description,
            created_at: seed.at,
            function_count: 0,
            invocations_24h: 0,
            error_rate: 0.0,
        }
    }
}

impl TryFrom<Fields> for CreateWorkspace {
    type Error = InvalidField;

    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        Ok(Self {
            name: fields.required("name")?,
            description: fields.optional("description")?.unwrap_or_default(),
        })
    }
}

/// A change of a workspace: a field that is absent stays as it is.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct PatchWorkspace {
    /// The new name.
    #[schema(nullable = false)]
    pub name: Option<Name>,
    /// The new description; `null` clears it.
    pub description: Option<Description>,
}

impl TryFrom<Fields> for PatchWorkspace {
    type Error = InvalidField;

    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        Ok(Self { name: fields.optional("name")?, description: fields.optional("description")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<T: TryFrom<Fields, Error = InvalidField>>(body: &str) -> Result<T, String> {
        T::try_from(Fields::parse(body.as_bytes()).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn only_a_name_is_required() {
        let created =
            parsed::<CreateWorkspace>(r#"{"name":" Team ","id":"ws-mine","x":1}"#).unwrap();
        assert_eq!(created.name.as_str(), "Team");
        assert_eq!(created.description.as_str(), "");
        assert_eq!(parsed::<CreateWorkspace>("{}"), Err("name is required".into()));
        assert_eq!(
            parsed::<CreateWorkspace>(r#"{"name":null}"#),
            Err("name must be a string".into())
        );
    }

    #[test]
    fn a_patch_distinguishes_absent_from_null() {
        assert_eq!(parsed::<PatchWorkspace>("{}"), Ok(PatchWorkspace::default()));
        let cleared = parsed::<PatchWorkspace>(r#"{"description":null}"#).unwrap();
        assert_eq!(cleared.description, Some(Description::default()));
        assert!(parsed::<PatchWorkspace>(r#"{"name":null}"#).is_err());
    }

    #[test]
    fn usage_is_numbers_from_the_start() {
        let made = parsed::<CreateWorkspace>(r#"{"name":"a"}"#)
            .unwrap()
            .create(&CreationSeed::new(Timestamp::now()));
        let json = serde_json::to_value(made).unwrap();
        for field in ["functionCount", "invocations24h", "errorRate"] {
            assert!(json[field].is_number(), "{field}: {json}");
        }
    }
}
