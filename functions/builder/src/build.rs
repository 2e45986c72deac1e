//! One build after the other.

use std::path::Path;

use tokio::sync::Mutex;

use crate::answer::Answer;
use crate::descendants;
use crate::failure::{Failure, Stop};
use crate::install;
use crate::own_process;
use crate::request::Request;
use crate::resolve;
use crate::settings::{Settings, UvSource};
use crate::wipe::wipe;

/// Builds take turns: after each, all processes that this one has started are killed.
static TURN: Mutex<()> = Mutex::const_new(());

/// Resolves and installs packages.
///
/// A process that uses one must not start other processes: they are killed with those of a build.
#[derive(Debug)]
pub struct Builder {
    settings: Settings,
}

impl Builder {
    /// A builder. Nothing is read or written before its first request.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Carries a request out. It takes one at a time, and the others wait.
    ///
    /// # Errors
    /// [`Failure`] where repeating the request may help. What doesn't is an [`Answer`].
    pub async fn handle(&self, request: Request) -> Result<Answer, Failure> {
        let _turn = TURN.lock().await;
        own_process::protect()?;
        // A build that was broken off, because its caller stopped waiting, may have left something.
        descendants::kill().await?;
        self.wipe()?;
        let result = match request {
            Request::Resolve(request) => resolve::run(&self.settings, request).await,
            Request::Install(request) => install::run(&self.settings, request).await,
        };
        descendants::kill().await?;
        self.wipe()?;
        match result {
            Ok(answer) => Ok(answer),
            Err(Stop::Refused(message)) => Ok(Answer::Refused { message }),
            Err(Stop::Unreachable(message)) => Ok(Answer::Unreachable { message }),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }

    fn wipe(&self) -> Result<(), Failure> {
        let work = &self.settings.work;
        let spared = match &self.settings.uv {
            UvSource::Download(folder) if folder.parent() == Some(work) => folder.file_name(),
            _ => None,
        };
        wipe(work, spared).map_err(Failure::disk("wiping the work folder"))?;
        match spared {
            Some(name) => wipe(&work.join(name), Some(Path::new(crate::uv::FILE_NAME).as_os_str()))
                .map_err(Failure::disk("wiping the folder of uv")),
            None => Ok(()),
        }
    }
}
