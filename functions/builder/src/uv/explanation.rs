//! What `uv` tells about a failure, as a sentence for the function's owner.

use std::path::Path;

use crate::failure::Stop;
use crate::index_url::{IndexUrl, host};
use crate::target::Target;

/// The longest text of `uv` in a message, in characters.
const MAX_CHARACTERS: usize = 500;

/// Why `uv` has failed, from its standard error.
pub(super) fn of(stderr: &str, index: &IndexUrl, target: Target, work: &Path) -> Stop {
    let report = Report::of(stderr);
    let text = report.causes.join("\n");
    let clean = |text: &str| clean(text, index, work);

    if text.contains("No space left on device") {
        return Stop::Refused("The packages don't fit on the builder's disk.".to_owned());
    }
    // What a build has written comes with it, and may say anything.
    if let Some(package) = between(&text, "Failed to build `", "`")
        .or_else(|| between(&text, "Failed to download and build `", "`"))
    {
        return Stop::Refused(clean(&build_failure(package, &text, target)));
    }
    if let Some(package) = between(&text, "Hash mismatch for `", "`") {
        return Stop::Refused(clean(&format!(
            "The file of {package} in the package index is not the one that was locked: its hash \
             differs."
        )));
    }
    let all = format!("{text}\n{}", report.hints.join("\n"));
    for (status, what) in [("401", "asks for credentials"), ("403", "refuses access")] {
        if all.contains(&format!("{status} Unauthorized"))
            || all.contains(&format!("{status} Forbidden"))
        {
            let host = failed_host(&text).unwrap_or(index.host());
            return Stop::Refused(clean(&format!(
                "The package index at {host} {what}: check the user and the password of its URL."
            )));
        }
    }
    if is_unreachable(&text) {
        let host = failed_host(&text).unwrap_or(index.host());
        let reason = report.causes.last().map_or("", |cause| cause.lines().next().unwrap_or(""));
        return Stop::Unreachable(clean(&format!(
            "The package index at {host} couldn't be reached: {}.",
            reason.trim_end_matches('.')
        )));
    }
    Stop::Refused(clean(&unsatisfiable(&report, target)))
}

/// The error, its causes and its hints, each with its further lines.
struct Report<'a> {
    causes: Vec<String>,
    hints: Vec<&'a str>,
}

impl<'a> Report<'a> {
    fn of(stderr: &'a str) -> Self {
        let mut report = Self { causes: Vec::new(), hints: Vec::new() };
        let mut in_causes = false;
        for line in stderr.lines() {
            let start = line.trim_start();
            if let Some(hint) = start.strip_prefix("hint: ") {
                in_causes = false;
                report.hints.push(hint);
            } else if let Some(cause) =
                start.strip_prefix("error: ").or_else(|| start.strip_prefix("cause: "))
                && !line.starts_with("   ")
            {
                in_causes = true;
                report.causes.push(cause.to_owned());
            } else if in_causes
                && !start.is_empty()
                && let Some(cause) = report.causes.last_mut()
            {
                cause.push('\n');
                cause.push_str(start);
            }
        }
        report
    }
}

fn build_failure(package: &str, text: &str, target: Target) -> String {
    let start = format!("{package} has no wheel for {target}");
    if text.contains("is not compatible with the target") {
        return not_pure(package, target);
    }
    // The last line that the build has written is mostly its exception.
    let last = text.rsplit_once("[stderr]").and_then(|(_, lines)| lines.trim_end().lines().last());
    let last = last.map(|line| format!(": {}", line.trim())).unwrap_or_default();
    format!("{start}, and the build of its source distribution failed{last}")
}

/// That a package has no wheel, and its source distribution isn't pure Python.
pub(crate) fn not_pure(package: &str, target: Target) -> String {
    format!(
        "{package} has no wheel for {target}, and its source distribution is not pure Python: only \
         source distributions that are pure Python are built."
    )
}

/// The packages that have no wheel for the target, where only wheels were allowed.
pub(crate) fn without_wheel(stderr: &str) -> Vec<String> {
    let hints = Report::of(stderr).hints.into_iter().filter(|hint| hint.contains("heels"));
    hints.filter_map(|hint| between(hint, "for `", "`").map(str::to_owned)).collect()
}

/// Whether a package was to be built, and has no source distribution.
pub(crate) fn lacks_source(stderr: &str) -> bool {
    let hints = Report::of(stderr).hints;
    hints.iter().any(|hint| hint.starts_with("A source distribution is required for `"))
}

fn is_unreachable(text: &str) -> bool {
    [
        "error sending request",
        "dns error",
        "client error (Connect)",
        "operation timed out",
        "HTTP status server error",
        "Request failed after",
        "429 Too Many Requests",
        "error decoding response body",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// The host of the request that has failed: files can be on another one than the index.
fn failed_host(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("Failed to fetch: ")?;
    let url = rest.trim_start_matches('`').split(['`', '\n', ' ']).next()?;
    url.contains("://").then(|| host(url))
}

fn unsatisfiable(report: &Report<'_>, target: Target) -> String {
    let cause = report.causes.get(1).or(report.causes.first()).map_or("", |cause| cause);
    let text = cause.replace('\n', " ");
    if let Some(package) = word_before(&text, " was not found in the package registry") {
        return format!("{package} was not found in the package index.");
    }
    let filtered = report.hints.iter().find(|hint| hint.contains("filtered by `exclude-newer`"));
    if let Some(hint) = filtered {
        let package = between(hint, "`", "`").unwrap_or("A package");
        let time = between(hint, "uploaded before ", ". ").unwrap_or("the given time");
        return format!(
            "{package} has no version that meets the requirements and was uploaded before {time}."
        );
    }
    if let Some(package) = word_before(&text, " has no wheels with a matching") {
        let available = report.hints.iter().find_map(|hint| {
            let (_, tags) = hint.rsplit_once("following ")?;
            Some(format!(", only for the {}", tags.replace('`', "")))
        });
        return format!(
            "{package} has no wheel for {target}{}, and no source distribution.",
            available.unwrap_or_default()
        );
    }
    // Where it is the only reason, it needs no proof.
    if let Some(rest) = text.strip_prefix("Because there is no version of ")
        && let Some((package, rest)) = rest.split_once(" and you require ")
        && rest.starts_with(&format!("{package}, we can conclude"))
    {
        return format!("There is no version {package} in the package index.");
    }
    let text = match text.as_str() {
        "" => "uv failed, and didn't say why.",
        text => text,
    };
    text.replace("we can conclude that your requirements are", "your requirements are")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(between, _)| between)
}

fn word_before<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let (before, _) = text.split_once(end)?;
    before.rsplit(' ').next()
}

/// Without paths, credentials and control characters, and not too long.
fn clean(text: &str, index: &IndexUrl, work: &Path) -> String {
    let mut text = text.to_owned();
    // The longest first, which holds the others. A short one would be found in words.
    let mut secrets: Vec<_> = index.credentials().filter(|secret| secret.len() >= 4).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        text = text.replace(secret, "…");
    }
    text = text.replace(&*work.to_string_lossy(), "/…");
    let words: Vec<_> = text.split_whitespace().map(without_path).collect();
    let text = words.join(" ");
    let plain = text.chars().filter(|c| !c.is_control());
    let mut shortened: String = plain.clone().take(MAX_CHARACTERS).collect();
    if plain.count() > MAX_CHARACTERS {
        shortened.push('…');
    } else if !shortened.ends_with('.') {
        shortened.push('.');
    }
    shortened
}

/// A word of a message, where an absolute path in it is but its last name, and a URL but its host.
fn without_path(word: &str) -> String {
    if let Some((before, rest)) = word.split_once("://") {
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
        return format!("{scheme}://{}", host(&format!("{scheme}://{rest}")));
    }
    let is_of_path =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '…');
    let Some(start) = word.find('/') else { return word.to_owned() };
    let follows_name = word[..start].ends_with(is_of_path);
    let length = word[start..].find(|c| !is_of_path(c)).unwrap_or(word.len() - start);
    let path = &word[start..start + length];
    if follows_name || path.len() < 2 {
        return word.to_owned();
    }
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    format!("{}{name}{}", &word[..start], without_path(&word[start + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Architecture, PythonVersion};

    const TARGET: Target =
        Target { python: PythonVersion::V3_12, architecture: Architecture::Aarch64 };

    fn told(stderr: &str) -> String {
        let index = IndexUrl::of(Some("https://me:secret@pypi.example/simple".to_owned())).unwrap();
        match of(stderr, &index, TARGET, Path::new("/tmp/build")) {
            Stop::Refused(message) => message,
            Stop::Unreachable(message) => format!("unreachable: {message}"),
            Stop::Failed(failure) => panic!("{failure}"),
        }
    }

    fn unsatisfiable(cause: &str) -> String {
        told(&format!("error: No solution found when resolving dependencies\n  cause: {cause}"))
    }

    #[test]
    fn a_package_that_is_missing_is_named() {
        let cause = "Because nosuchpkg was not found in the package registry and you require \
                     nosuchpkg, we can conclude that your requirements are unsatisfiable.";
        assert_eq!(unsatisfiable(cause), "nosuchpkg was not found in the package index.");
    }

    #[test]
    fn a_version_that_is_missing_is_named() {
        let cause = "Because there is no version of requests==99 and you require requests==99, we can \
                     conclude that your requirements are unsatisfiable.";
        assert_eq!(unsatisfiable(cause), "There is no version requests==99 in the package index.");
    }

    #[test]
    fn a_conflict_is_told_as_uv_explains_it() {
        let cause = "Because a==1 depends on b>=2 and you require b<1, we can conclude that your \
                     requirements and a==1 are incompatible.\n         And because you require a==1, \
                     we can conclude that your requirements are unsatisfiable.";
        assert_eq!(
            unsatisfiable(cause),
            "Because a==1 depends on b>=2 and you require b<1, we can conclude that your requirements \
             and a==1 are incompatible. And because you require a==1, your requirements are \
             unsatisfiable."
        );
    }

    #[test]
    fn a_version_that_is_too_new_is_told_with_the_time() {
        let stderr = "error: No solution found when resolving dependencies\n  cause: Because there is \
                      no version of a==2 and you require a==2, we can conclude that your requirements \
                      are unsatisfiable.\n\nhint: `a` was filtered by `exclude-newer` to only include \
                      packages uploaded before 2020-01-01T00:00:00Z. The requested version, v2, was \
                      published at 2023-05-22T15:12:42Z. Consider using `exclude-newer-package`.";
        assert_eq!(
            told(stderr),
            "a has no version that meets the requirements and was uploaded before \
             2020-01-01T00:00:00Z."
        );
    }

    #[test]
    fn a_failed_build_is_told_with_its_exception() {
        let stderr = "   Building broken==1.0\nerror: Failed to build `broken==1.0`\n  cause: The build \
                      backend returned an error\n  cause: Call to `back.build_wheel` failed (exit \
                      status: 1)\n\n         [stderr]\n         Traceback (most recent call last):\n    \
                      File \"/tmp/build/cache/x/back.py\", line 15\n         RuntimeError: no compiler \
                      at /tmp/build/x/cc for me:secret\n\nhint: Build failures usually";
        assert_eq!(
            told(stderr),
            "broken==1.0 has no wheel for Python 3.12 on aarch64, and the build of its source \
             distribution failed: RuntimeError: no compiler at cc for …."
        );
    }

    #[test]
    fn what_a_build_writes_is_not_taken_for_what_uv_tells() {
        let stderr = "error: Failed to build `broken==1.0`\n  cause: The build backend returned an \
                      error\n\n         [stderr]\n         error: dns error, 401 Unauthorized\n";
        assert!(told(stderr).starts_with("broken==1.0 has no wheel"), "{}", told(stderr));
    }

    #[test]
    fn the_host_that_is_not_reached_is_told_without_credentials() {
        let stderr = "error: Request failed after 3 retries in 10.2s\n  cause: Failed to fetch: \
                      https://me:secret@files.example:81/simple/a/\n  cause: client error (Connect)\n  \
                      cause: Connection refused (os error 111)\n";
        assert_eq!(
            told(stderr),
            "unreachable: The package index at files.example:81 couldn't be reached: Connection \
             refused (os error 111)."
        );
    }

    #[test]
    fn other_explanations_hold_no_paths_and_no_credentials_and_are_not_long() {
        let message = told(&format!(
            "error: Something at /tmp/build/home/x.toml (see `/var/lang/bin/python3.13`), from \
             https://me:secret@pypi.example/simple?x=1 and secret and 1/2: {}",
            "x".repeat(1000)
        ));
        assert!(
            message.starts_with(
                "Something at x.toml (see `python3.13`), from https://pypi.example and … and 1/2: xxx"
            ),
            "{message}"
        );
        assert_eq!(message.chars().count(), MAX_CHARACTERS + 1);
    }
}
