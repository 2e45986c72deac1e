//! Running `uv`.

mod download;
mod explanation;
mod release;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;

use crate::failure::{Failure, Stop};
use crate::index_url::IndexUrl;
use crate::process;
use crate::settings::{Settings, Targets, UvSource};
use crate::target::Target;

pub(crate) use explanation::{lacks_source, not_pure, without_wheel};
pub(crate) use release::FILE_NAME;

/// How often a request to the index is repeated, with pauses of one second and more.
const RETRIES: &str = "2";

/// The time that builds put into what they write, where they ask for one: 1980-01-01, the first that a zip
/// can name.
const SOURCE_DATE_EPOCH: &str = "315532800";

/// `uv`, ready to run for a target.
pub(crate) struct Uv<'a> {
    program: PathBuf,
    settings: &'a Settings,
    index: &'a IndexUrl,
    target: Target,
}

impl<'a> Uv<'a> {
    /// Downloads `uv` where it isn't there, and makes the folders that it needs.
    ///
    /// # Errors
    /// [`Stop::Unreachable`] where it can't be downloaded; [`Failure::Uv`] and [`Failure::Disk`]
    pub(crate) async fn ready(
        settings: &'a Settings,
        index: &'a IndexUrl,
        target: Target,
    ) -> Result<Self, Stop> {
        let program = match &settings.uv {
            UvSource::Program(program) => program.clone(),
            UvSource::Download(folder) => download::program(folder).await?,
        };
        for folder in ["home", "tmp"] {
            std::fs::create_dir_all(settings.work.join(folder))
                .map_err(Failure::disk("making the folders of a build"))?;
        }
        Ok(Self { program, settings, index, target })
    }

    /// A command that runs in the work folder. Its environment has nothing of ours, and the index is in it
    /// because other processes can list the arguments.
    pub(crate) fn command<'b>(&self, arguments: impl IntoIterator<Item = &'b str>) -> Command {
        let work = &self.settings.work;
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .arg("--python")
            .arg(&self.settings.python)
            .current_dir(work)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", work.join("home"))
            .env("TMPDIR", work.join("tmp"))
            .env("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH)
            .env("NO_COLOR", "1")
            .env("UV_CACHE_DIR", work.join("cache"))
            .env("UV_DEFAULT_INDEX", self.index.secret())
            .env("UV_HTTP_RETRIES", RETRIES)
            .env("UV_NO_CONFIG", "1")
            .env("UV_NO_PROGRESS", "1")
            .env("UV_PYTHON_DOWNLOADS", "never");
        if self.settings.targets == Targets::AsRequested {
            command
                .args(["--python-version", &self.target.python.to_string()])
                .args(["--python-platform", &self.target.platform()]);
        }
        if let Some(libraries) = &self.settings.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        if let Some(certificates) = &self.settings.certificates {
            command.env("SSL_CERT_FILE", certificates);
        }
        command
    }

    /// Why `uv` has failed, as a sentence for the function's owner.
    pub(crate) fn explain(&self, output: &process::Output, limit: Duration) -> Stop {
        match output.status {
            Some(status) if status.code().is_some() => {
                explanation::of(&output.stderr, self.index, self.target, &self.settings.work)
            }
            Some(status) => killed(status),
            None => too_long(&output.stderr, limit),
        }
    }
}

fn too_long(stderr: &str, limit: Duration) -> Stop {
    let seconds = limit.as_secs();
    let building = packages(stderr, "Building ")
        .find(|name| !packages(stderr, "Built ").any(|built| built == *name));
    Stop::Refused(match building {
        Some(package) => format!(
            "{package} has no wheel, and the build of its source distribution took longer than the \
             {seconds} seconds that are allowed."
        ),
        None => format!("The packages took longer than the {seconds} seconds that are allowed."),
    })
}

/// The packages whose source distributions `uv` has built, from what it tells.
pub(crate) fn built(stderr: &str) -> impl Iterator<Item = &str> {
    packages(stderr, "Built ")
}

/// The packages in the lines that start with a word.
fn packages<'a>(stderr: &'a str, word: &str) -> impl Iterator<Item = &'a str> {
    stderr.lines().filter_map(move |line| line.trim_start().strip_prefix(word))
}

/// The signal of a process that writes a file above its limit.
const TOO_LARGE: i32 = Signal::XFSZ.as_raw();

fn killed(status: ExitStatus) -> Stop {
    use std::os::unix::process::ExitStatusExt;
    let signal = status.signal().unwrap_or_default();
    if signal == TOO_LARGE {
        return Stop::Refused(
            "One file of the packages has more than 1,024 MB, and all of them may have 250 MB unzipped."
                .to_owned(),
        );
    }
    Stop::Refused(format!(
        "The packages need more memory, or larger files, than the builder has (signal {signal})."
    ))
}
