//! Builds: source files that a client hands over, to be deployed as a function's source.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::{InvalidField, InvalidId, NotFound, ValidationError};
use super::{
    Code, CreationSeed, FunctionFiles, Name, Project, Runtime, Timestamp, WorkspaceId,
    source_sha256, syntax,
};

/// Identifies the task of a build: `tk-…-…`.
///
/// The part in the middle is the workspace's identifier without its prefix, because the route of a
/// task doesn't name the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId {
    workspace: WorkspaceId,
    text: String,
}

impl TaskId {
    const PREFIX: &str = "tk-";
    const KIND: &str = "task";

    /// The identifier made of `ulid`, in a workspace.
    pub fn of(workspace: WorkspaceId, ulid: Ulid) -> Self {
        let ulid = ulid.to_string().to_ascii_lowercase();
        let text = format!("{}{}-{ulid}", Self::PREFIX, workspace.without_prefix());
        Self { workspace, text }
    }

    /// The workspace that the task belongs to.
    pub fn workspace(&self) -> &WorkspaceId {
        &self.workspace
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The error for an identifier of which there is nothing.
    pub fn not_found(&self) -> NotFound {
        NotFound { kind: Self::KIND, id: self.text.clone() }
    }
}

impl FromStr for TaskId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { kind: Self::KIND };
        let parts = text.strip_prefix(Self::PREFIX).and_then(|rest| rest.split_once('-'));
        let (workspace, ulid) = parts.ok_or_else(invalid)?;
        let workspace = WorkspaceId::with_prefix(workspace).map_err(|_| invalid())?;
        let is_ulid = |ulid: Ulid| text.ends_with(&ulid.to_string().to_ascii_lowercase());
        match ulid.parse::<Ulid>() {
            Ok(parsed) if is_ulid(parsed) => Ok(Self { workspace, text: text.to_owned() }),
            _ => Err(invalid()),
        }
    }
}

impl TryFrom<String> for TaskId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.text
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialSchema for TaskId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^tk-[A-Za-z0-9]{1,29}-[0-9a-z]{26}$"))
            .description(Some("Identifies: task. Given by the API."))
            .into()
    }
}

impl ToSchema for TaskId {}

/// Names a source by the first 64 bits of its SHA-256, as hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDigest(String);

impl SourceDigest {
    const DIGITS: usize = 16;

    /// The digest of the source with this SHA-256, which is in hexadecimal.
    pub fn of(sha256: &str) -> Self {
        Self(sha256.chars().take(Self::DIGITS).collect())
    }
}

impl FromStr for SourceDigest {
    type Err = ValidationError;

    fn from_str(text: &str) -> Result<Self, ValidationError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == Self::DIGITS && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValidationError::because("must be 16 hex digits"))
        }
    }
}

impl fmt::Display for SourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a build: `faas://{workspace}/{name of the app}:{digest of the source}`.
///
/// The name is for people. Workspace and digest tell which source is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef {
    /// The workspace that the build belongs to.
    pub workspace: WorkspaceId,
    /// The name of the app that was built.
    pub app_name: Name,
    /// The source.
    pub source: SourceDigest,
}

impl ImageRef {
    const SCHEME: &str = "faas://";

    /// What a text must be that names a build; it follows the name of its field.
    pub const RULE: &str = "must be the image_url of a build of the function's workspace, of the \
                            last 7 days";
}

impl FromStr for ImageRef {
    type Err = ValidationError;

    fn from_str(text: &str) -> Result<Self, ValidationError> {
        let read = || {
            let (workspace, rest) = text.strip_prefix(Self::SCHEME)?.split_once('/')?;
            let (app_name, source) = rest.rsplit_once(':')?;
            Some(Self {
                workspace: workspace.parse().ok()?,
                app_name: app_name.to_owned().try_into().ok()?,
                source: source.parse().ok()?,
            })
        };
        read().ok_or_else(|| ValidationError::because(Self::RULE))
    }
}

impl TryFrom<serde_json::Value> for ImageRef {
    type Error = ValidationError;

    fn try_from(value: serde_json::Value) -> Result<Self, ValidationError> {
        value.as_str().ok_or_else(|| ValidationError::because("must be a string"))?.parse()
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workspace, app_name, source } = self;
        write!(f, "{}{workspace}/{}:{source}", Self::SCHEME, app_name.as_str())
    }
}

/// A source file that is Python, or an archive of a project.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its name.
    pub name: FileName,
    /// The source.
    pub code: Code,
    /// The archive and what is in it, where it has other files than the source.
    pub project: Option<(Archive, Project)>,
}

/// An archive as it was sent.
pub type Archive = Vec<u8>;

impl SourceFile {
    /// A file of this name and content.
    ///
    /// Which Python will run it isn't known yet, so it is checked as the newest.
    ///
    /// # Errors
    /// [`InvalidField`] where it isn't UTF-8, is empty or too large, or is not Python.
    pub fn new(name: FileName, content: Vec<u8>) -> Result<Self, InvalidField> {
        let source = String::from_utf8(content)
            .map_err(|_| InvalidField::new("file", "must be Python source in UTF-8"))?;
        let code = Code::try_from(source).map_err(|refusal| refusal.of("file"))?;
        syntax::parse(code.as_str(), Runtime::NEWEST).map_err(|e| e.in_source("file"))?;
        Ok(Self { name, code, project: None })
    }

    /// A zip archive of this name and content.
    ///
    /// # Errors
    /// [`InvalidField`] where it can't be read, or its main file is not clear or not Python.
    pub fn of_archive(name: FileName, archive: Archive) -> Result<Self, InvalidField> {
        let project = Project::from_zip(&archive, None).map_err(|refusal| refusal.of("file"))?;
        let file = Self::new(name, project.code.clone().into_bytes())?;
        let has_others = !project.files.is_empty();
        Ok(Self { project: has_others.then_some((archive, project)), ..file })
    }

    /// Tells two sources apart, with their other files.
    pub fn sha256(&self) -> String {
        let code = self.code.sha256();
        match &self.project {
            Some((_, project)) => {
                let (main_file, files) = (project.main.clone().into(), &project.files);
                source_sha256(&code, &main_file, FunctionFiles::from(files.clone()).summary())
            }
            None => code,
        }
    }
}

/// The name of a file, without its folder: 1 to 100 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FileName(String);

impl FileName {
    /// The most characters of a name. The rest is dropped.
    const MAX_CHARS: usize = 100;

    /// The name that a client gave, as far as it is one.
    pub fn of(given: Option<&str>) -> Self {
        let last = given.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
        let kept = last.chars().filter(|c| !c.is_control()).take(Self::MAX_CHARS);
        let name = kept.collect::<String>().trim().to_owned();
        Self(if name.is_empty() { "function.py".to_owned() } else { name })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A build: a source file, under the name of an app.
#[derive(Debug)]
pub struct Build {
    /// The task that tells what becomes of it.
    pub id: TaskId,
    /// The name of the app, which is that of a function.
    pub app_name: Name,
    /// The source file.
    pub file: SourceFile,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Build {
    /// A build of `file` in a workspace.
    pub fn new(
        workspace: WorkspaceId,
        app_name: Name,
        file: SourceFile,
        seed: &CreationSeed,
    ) -> Self {
        Self { id: TaskId::of(workspace, seed.ulid), app_name, file, created_at: seed.at }
    }
}

/// What became of a build.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its identifier.
    pub id: TaskId,
    /// What was built.
    pub image: ImageRef,
    /// The name of the file.
    pub file_name: FileName,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it came to be what it is.
    pub updated_at: Timestamp,
    /// How far it is.
    pub status: TaskStatus,
}

/// How far a build is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// The function that has the source is being deployed.
    Running,
    /// The function that has the source can be called; or no function has it, and a deployment can
    /// take it.
    Done,
    /// The function that has the source can't be deployed, for the reason in this sentence.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> WorkspaceId {
        "ws-7hKQxZ2m".parse().unwrap()
    }

    #[test]
    fn a_task_names_its_workspace() {
        let id = TaskId::of(workspace(), Ulid::generate());
        assert_eq!(id.workspace(), &workspace());
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        let longest = WorkspaceId::with_prefix(&"a".repeat(29)).unwrap();
        let id = TaskId::of(longest, Ulid::generate());
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn a_text_of_another_form_names_no_task() {
        let ulid = Ulid::generate().to_string().to_ascii_lowercase();
        for text in [
            String::new(),
            format!("tk-{ulid}"),
            format!("ws-a-{ulid}"),
            format!("tk--{ulid}"),
            format!("tk-a#b-{ulid}"),
            format!("tk-a-{}", ulid.to_ascii_uppercase()),
            format!("tk-a-{ulid}x"),
            format!("tk-a-{}", &ulid[1..]),
            format!("tk-{}-{ulid}", "a".repeat(30)),
        ] {
            let told = text.parse::<TaskId>().unwrap_err().to_string();
            assert_eq!(told, "there is no task of this id", "{text}");
        }
    }

    #[test]
    fn an_image_is_read_back_whatever_the_name() {
        let source = SourceDigest::of(&Code::try_from("x".to_owned()).unwrap().sha256());
        for name in ["hello", "a/b:c", "결제 💳", "faas://x/y:0"] {
            let app_name = Name::try_from(name.to_owned()).unwrap();
            let image = ImageRef { workspace: workspace(), app_name, source: source.clone() };
            assert_eq!(image.to_string().parse(), Ok(image), "{name}");
        }
        for text in ["", "faas://", "docker.io/a:latest", "faas://ws-a/b:0123", "faas://ws-a/b"] {
            assert!(text.parse::<ImageRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_name_has_no_folder_and_no_control_characters() {
        for (given, name) in [
            (None, "function.py"),
            (Some(""), "function.py"),
            (Some("a/b/c.py"), "c.py"),
            (Some("C:\\code\\d.py"), "d.py"),
            (Some(" e\u{0}\n.py "), "e.py"),
        ] {
            assert_eq!(FileName::of(given).as_str(), name);
        }
        assert_eq!(FileName::of(Some(&"가".repeat(200))).as_str().chars().count(), 100);
    }

    #[test]
    fn a_source_file_is_python_in_utf8() {
        let told = |content: &[u8]| {
            SourceFile::new(FileName::of(None), content.to_vec()).unwrap_err().to_string()
        };
        assert_eq!(told(b"\xff"), "file must be Python source in UTF-8");
        assert_eq!(told(b""), "file must not be empty");
        assert!(told(&vec![b'#'; Code::MAX_BYTES + 1]).starts_with("file must be at most 1048576"));
        let told = told(b"def (");
        assert!(told.contains("line 1, column 5"), "{told}");
    }
}
