//! Choosing versions.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::answer::Answer;
use crate::failure::{Failure, Stop};
use crate::hashes;
use crate::index_url::IndexUrl;
use crate::lock;
use crate::process;
use crate::request::Resolve;
use crate::requirements;
use crate::settings::Settings;
use crate::target::Target;
use crate::uv::{Uv, lacks_source, without_wheel};

/// The name of the requirements file in the work folder, as `uv` may tell it.
const FILE: &str = "requirements.txt";

pub(crate) async fn run(settings: &Settings, request: Resolve) -> Result<Answer, Stop> {
    let Resolve { requirements, python, architecture, as_of, index } = request;
    let requirements = requirements::check(&requirements).map_err(Stop::Refused)?;
    if requirements.is_empty() {
        return Ok(Answer::Resolved { lock: String::new(), packages: Vec::new() });
    }
    let index = IndexUrl::of(index).map_err(Stop::Refused)?;
    let target = Target { python, architecture };
    std::fs::write(settings.work.join(FILE), requirements.join("\n") + "\n")
        .map_err(Failure::disk("writing the requirements"))?;

    let uv = Uv::ready(settings, &index, target).await?;
    let lock = lock_text(&uv, as_of, settings.limits.resolve).await?;
    let lines = requirements::check(&lock).map_err(Stop::Refused)?;
    let lines = hashes::keep_given(lines, &requirements).map_err(Stop::Refused)?;
    let packages = lock::packages(&lines).map_err(Stop::Refused)?;
    Ok(Answer::Resolved { lock: lines.join("\n") + "\n", packages })
}

/// First with wheels alone: an older version with a wheel is better than a newer one without, which mostly
/// can't be built here. Then source distributions are allowed for those packages that have no wheel of any
/// version that would do.
async fn lock_text(uv: &Uv<'_>, as_of: Option<Timestamp>, limit: Duration) -> Result<String, Stop> {
    let deadline = Instant::now() + limit;
    let mut from_source = BTreeSet::<String>::new();
    let mut before = None;
    loop {
        let mut command = uv.command(["pip", "compile", FILE]);
        command.args(["--generate-hashes", "--no-header", "--no-annotate"]);
        command.args(["--only-binary", ":all:"]);
        for package in &from_source {
            command.args(["--no-binary", package]);
        }
        if let Some(time) = as_of {
            command.args(["--exclude-newer", &time.to_string()]);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let output = process::run(command, left).await?;
        if output.has_succeeded() {
            return Ok(output.stdout);
        }
        let known = from_source.len();
        from_source.extend(without_wheel(&output.stderr));
        if from_source.len() > known {
            before = Some(output);
            continue;
        }
        // What it has told of the wheels helps more.
        let told = before.filter(|_| lacks_source(&output.stderr)).unwrap_or(output);
        return Err(uv.explain(&told, limit));
    }
}
