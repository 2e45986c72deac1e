//! The form of a build: `multipart/form-data` with a file.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use futures_util::stream;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use multer::Multipart;
use serde_json::json;
use shared::domain::{
    FileName, IdempotentRequest, InvalidField, InvalidJson, Name, SourceFile, WorkspaceId,
};
use shared::error::Error;
use shared::http::{idempotent_request, read_body};
use utoipa::ToSchema;

use crate::archive;

const MEDIA_TYPE: &str = "multipart/form-data";

/// A valid form. Its other fields were read and dropped.
#[derive(Debug)]
pub struct BuildForm {
    /// The workspace that the build belongs to.
    pub workspace: WorkspaceId,
    /// The name of the function that it is for.
    pub app_name: Name,
    /// The source.
    pub file: SourceFile,
    /// The request, if it is to be carried out once.
    pub idempotency: Option<IdempotentRequest>,
}

/// A source file to build.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the fields")]
pub(crate) struct BuildFormFields {
    /// The source: a `.py` of 1 MiB at the most, or a `.zip` of a project.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The name of the function that it is for.
    app_name: Name,
    /// The workspace of that function.
    workspace_id: WorkspaceId,
    /// Is not used, and not kept.
    #[schema(nullable = false)]
    registry_url: Option<String>,
    /// Is not used, and not kept.
    #[schema(nullable = false)]
    username: Option<String>,
    /// Is not used, and not kept.
    #[schema(nullable = false)]
    password: Option<String>,
    /// Is not used, and not kept.
    #[schema(nullable = false)]
    tag: Option<String>,
}

impl<S: Send + Sync> FromRequest<S> for BuildForm {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let boundary = boundary(&parts.headers)?;
        let form = Form::read(read_body(body).await?, boundary).await?;
        let app_name = Name::try_from(form.required("app_name", form.app_name.as_ref())?);
        let app_name = app_name.map_err(|refusal| refusal.of("app_name"))?;
        let workspace = form.required("workspace_id", form.workspace_id.as_ref())?;
        let (name, content) = form.file.ok_or_else(|| missing("file"))?;
        let file = source_file(name.as_deref(), &content)?;
        let workspace = workspace.parse::<WorkspaceId>()?;
        // What is kept of the form. Browsers send it between other boundaries each time, and a
        // password must not be in a digest that is stored.
        let content =
            json!([workspace.as_str(), app_name.as_str(), file.name.as_str(), file.sha256()]);
        let content = content.to_string();
        let idempotency = idempotent_request(&mut parts, state, content.as_bytes()).await?;
        Ok(Self { workspace, app_name, file, idempotency })
    }
}

/// The fields of a form that matter. Of several fields of one name, the first counts.
#[derive(Default)]
struct Form {
    file: Option<(Option<String>, Bytes)>,
    app_name: Option<Bytes>,
    workspace_id: Option<Bytes>,
}

impl Form {
    async fn read(body: Bytes, boundary: String) -> Result<Self, Error> {
        let body = stream::iter([Ok::<_, Infallible>(body)]);
        let mut multipart = Multipart::new(body, boundary);
        let mut form = Self::default();
        while let Some(field) = multipart.next_field().await.map_err(malformed)? {
            let name = field.name().unwrap_or_default().to_owned();
            let file_name = field.file_name().map(str::to_owned);
            let content = field.bytes().await.map_err(malformed)?;
            match name.as_str() {
                "file" => drop(form.file.get_or_insert((file_name, content))),
                "app_name" => drop(form.app_name.get_or_insert(content)),
                "workspace_id" => drop(form.workspace_id.get_or_insert(content)),
                _ => {}
            }
        }
        Ok(form)
    }

    /// The text of the field `name`.
    fn required(&self, name: &str, content: Option<&Bytes>) -> Result<String, InvalidField> {
        let content = content.ok_or_else(|| missing(name))?;
        let text = String::from_utf8(content.to_vec());
        text.map_err(|_| InvalidField::new(name, "must be text in UTF-8"))
    }
}

/// The source in a file, which is a zip or Python itself.
///
/// # Errors
/// [`InvalidField`] where it is neither.
fn source_file(name: Option<&str>, content: &[u8]) -> Result<SourceFile, InvalidField> {
    let name = FileName::of(name);
    if archive::is_one(name.as_str(), content) {
        return SourceFile::of_archive(name, content.to_vec());
    }
    SourceFile::new(name, content.to_vec())
}

/// The boundary between the fields, from the header.
fn boundary(headers: &HeaderMap) -> Result<String, Error> {
    let value = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let value = value.unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != MEDIA_TYPE {
        let found = if essence.is_empty() { "without a type".to_owned() } else { essence };
        return Err(Error::UnsupportedMediaType { expected: MEDIA_TYPE, found });
    }
    multer::parse_boundary(&*value).map_err(malformed)
}

fn missing(name: &str) -> InvalidField {
    InvalidField::new(name, "is required")
}

/// The error of a body that isn't a form. The parser's words are not for callers.
fn malformed(_: multer::Error) -> Error {
    let reason = "the body is not multipart/form-data with the boundary of its Content-Type";
    InvalidJson::Malformed(reason.into()).into()
}
