//! Uploads of projects. Nothing is stored for one but its object: its identifier says the rest.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;

use super::Store;
use super::keys;
use crate::aws::failure::failure;
use crate::domain::{
    FunctionId, MainFile, NewUpload, Owner, PatchFunction, Project, UploadId, WorkspaceId,
};
use crate::error::Error;

impl Store {
    /// The address to which the archive of an upload is put; valid for the time `valid`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace.
    pub async fn upload_url(
        &self,
        owner: &Owner,
        (ws, id): (&WorkspaceId, &FunctionId),
        upload: &UploadId,
        new: &NewUpload,
        valid: Duration,
    ) -> Result<String, Error> {
        self.function_record(owner, ws, id).await?;
        let bytes = i64::try_from(new.bytes()).map_err(Error::internal)?;
        let put = self.s3.put_object().bucket(&*self.bucket).key(keys::upload(id, upload));
        let config = PresigningConfig::expires_in(valid).map_err(Error::internal)?;
        let signed = put.content_length(bytes).presigned(config).await;
        Ok(signed.map_err(failure("S3 PutObject, signing"))?.uri().to_owned())
    }

    /// Makes the uploaded project a part of `patch`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace;
    /// [`Error::Invalid`] where nothing was uploaded, or it can't be used.
    pub(super) async fn take_upload(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        upload: &UploadId,
        patch: &mut PatchFunction,
    ) -> Result<(), Error> {
        self.function_record(owner, ws, id).await?;
        let invalid = |reason: String| Error::invalid("upload", reason);
        let archive = self.get_object(&keys::upload(id, upload)).await?;
        let archive = archive.ok_or_else(|| {
            invalid("names an archive that was not uploaded, or more than a day ago".to_owned())
        })?;
        if !upload.is_of(&archive) {
            return Err(invalid("has another SHA-256 than was announced".to_owned()));
        }
        let main_file = patch.main_file.as_ref().map(MainFile::path);
        let project = Project::from_zip(&archive, main_file).map_err(|e| invalid(e.0))?;
        patch.take_project(project).map_err(|e| invalid(e.0))
    }
}
