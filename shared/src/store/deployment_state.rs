//! Deploying a build, and waiting for the deployment of a function.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Store;
use super::item::is_visible_to;
use super::keys;
use super::record::visible_function;
use crate::domain::{
    Code, DeploymentState, Expected, FunctionId, ImageRef, Name, NewFiles, Owner, PatchFunction,
    Project, SourceDigest, WorkspaceId,
};
use crate::error::Error;

/// The pause before the first look at a deployment; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// A function, and how far its present version is deployed.
#[derive(Clone, Debug, PartialEq)]
pub struct DeployedFunction {
    /// Its name.
    pub name: Name,
    /// How far it is deployed.
    pub state: DeploymentState,
}

impl Store {
    /// Makes the source of a build that of the function `id`, unless it has it already.
    ///
    /// # Errors
    /// [`Error::Invalid`] where this owner sees no such build; [`Error::NotFound`] where they don't
    /// see the function in the workspace of the build.
    pub async fn take_build(
        &self,
        owner: &Owner,
        id: &FunctionId,
        image: &ImageRef,
    ) -> Result<DeployedFunction, Error> {
        let found = timeout(self.time_budget.lookup, self.find_build(owner, id, image)).await;
        let found =
            found.map_err(|_| Error::Unavailable("finding a build: out of time".into()))??;
        let patch = match found {
            Found::SameSource(function) => return Ok(function),
            Found::Source(patch) => *patch,
        };
        let ws = &image.workspace;
        let patched = self.patch_function(owner, ws, id, &Expected::Any, patch).await?.value;
        Ok(DeployedFunction { name: patched.settings.name, state: DeploymentState::Pending })
    }

    async fn find_build(
        &self,
        owner: &Owner,
        id: &FunctionId,
        image: &ImageRef,
    ) -> Result<Found, Error> {
        let ImageRef { workspace: ws, source, .. } = image;
        let unknown = || Error::invalid("image_ref", ImageRef::RULE);
        let items = self.function_items(ws, id, None).await?;
        let workspace = items.get(&keys::workspace(ws).sk);
        if !workspace.is_some_and(|item| is_visible_to(owner, item)) {
            return Err(unknown());
        }
        let record = visible_function(owner, ws, id, items)?;
        if SourceDigest::of(&record.source_sha256()) == *source {
            let state = record.deployment_state();
            return Ok(Found::SameSource(DeployedFunction { name: record.settings.name, state }));
        }
        if let Some(object) = self.get_object(&keys::build_source(ws, source)).await? {
            let code = String::from_utf8(object).map_err(Error::internal)?;
            let code = Code::try_from(code).map_err(Error::internal)?;
            // Those of another build, if the function has some, don't belong to this source.
            let files = Some(NewFiles::default());
            let patch = PatchFunction { code: Some(code), files, ..PatchFunction::default() };
            return Ok(Found::Source(Box::new(patch)));
        }
        let archive = self.get_object(&keys::build_archive(ws, source)).await?;
        let project = Project::from_zip(&archive.ok_or_else(unknown)?, None);
        let mut patch = PatchFunction::default();
        patch.take_project(project.map_err(Error::internal)?).map_err(Error::internal)?;
        Ok(Found::Source(Box::new(patch)))
    }

    /// Waits until the present version of a function is deployed, or can't be, and at most until
    /// `deadline`.
    ///
    /// Storage that can't be read meanwhile is no error: whatever is waited for is done already.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace.
    pub async fn wait_for_deployment(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        deadline: Instant,
    ) -> Result<DeploymentState, Error> {
        let mut pause = FIRST_PAUSE;
        let look = async {
            loop {
                sleep(pause).await;
                pause = (pause * 3 / 2).min(LONGEST_PAUSE);
                match self.function_record(owner, ws, id).await {
                    Ok(record) => match record.deployment_state() {
                        DeploymentState::Pending => {}
                        state => return Ok(state),
                    },
                    Err(error @ Error::Unavailable(_)) => {
                        tracing::warn!(cause = error.causes(), "a deployment can't be looked at");
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        timeout_at(deadline, look).await.unwrap_or(Ok(DeploymentState::Pending))
    }
}

/// What becomes of a function by a build.
enum Found {
    /// The function has the source already.
    SameSource(DeployedFunction),
    /// What changes.
    Source(Box<PatchFunction>),
}
