//! The options of a requirements file, alone on a line and after a requirement.

use crate::domain::file_path::shown;

/// The index that is meant where none is named.
const PYPI: [&str; 4] = [
    "https://pypi.org/simple",
    "https://pypi.python.org/simple",
    "http://pypi.org/simple",
    "http://pypi.python.org/simple",
];

/// The hashes that pip and uv check, and their hex digits.
const HASHES: [(&str, usize); 3] = [("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// A requirement, and the options that follow it.
pub(super) fn split_options(line: &str) -> (&str, &str) {
    let begins = |&(at, _): &(usize, &str)| line[..at].ends_with([' ', '\t']);
    let at = line.match_indices("--").find(begins).map_or(line.len(), |(at, _)| at);
    line.split_at(at)
}

/// Reads `--hash=sha256:…` options, and writes them so, each with a space in front.
pub(super) fn hashes(options: &str) -> Result<String, String> {
    let mut written = String::new();
    let mut words = options.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let (option, value) = word.split_once('=').map_or((word, None), |(o, v)| (o, Some(v)));
        if option != "--hash" {
            let word = shown(word);
            return Err(format!("has {word}, and only --hash can follow a requirement"));
        }
        let hash = value.or_else(|| words.next()).unwrap_or_default();
        let is_one = hash.split_once(':').is_some_and(|(algorithm, digits)| {
            HASHES.contains(&(algorithm, digits.len()))
                && digits.bytes().all(|b| b.is_ascii_hexdigit())
        });
        if !is_one {
            return Err(format!(
                "has a hash that is not sha256:, sha384: or sha512: with its hex digits: {}",
                shown(hash)
            ));
        }
        written.push_str(" --hash=");
        written.push_str(&hash.to_ascii_lowercase());
    }
    Ok(written)
}

/// Refuses a line with an option, unless it changes nothing here. True for the one that asks for a
/// hash of each package.
///
/// - The index is the operator's setting, so only the name of PyPI, the usual one, is passed over.
/// - Packages are wheels in any case, so asking for that is passed over, and asking for others isn't.
/// - A host is trusted or not by the operator's setting as well.
pub(super) fn refuse_option(line: &str) -> Result<bool, String> {
    let (option, value) = line
        .split_once(|c: char| c == '=' || c.is_whitespace())
        .map_or((line, ""), |(option, value)| (option, value.trim_start_matches(['=', ' ', '\t'])));
    // `-rbase.txt` is how some write `-r base.txt`.
    let short = option.get(..2).filter(|_| !option.starts_with("--"));
    let line = shown(line);
    let index_only = "and packages come from the index that is set up here";
    Err(match short.unwrap_or(option) {
        "--only-binary" | "--prefer-binary" | "--trusted-host" => return Ok(false),
        "--require-hashes" => return Ok(true),
        "-i" | "--index-url" | "--pypi-url" | "--extra-index-url" => {
            let joined = short.and_then(|_| option.get(2..)).filter(|url| !url.is_empty());
            let url = joined.unwrap_or(value).trim_matches(['"', '\'']).trim_end_matches('/');
            if PYPI.contains(&url.to_ascii_lowercase().as_str()) {
                return Ok(false);
            }
            format!("names another index, {index_only}: {line}")
        }
        "-f" | "--find-links" | "--no-index" => {
            format!("names another place of packages, {index_only}: {line}")
        }
        "-r" | "--requirement" | "-c" | "--constraint" => {
            format!("includes another file, and all packages have to be named here: {line}")
        }
        "-e" | "--editable" => {
            format!("is a file or folder, and only packages of the index can be installed: {line}")
        }
        "--no-binary" => {
            format!(
                "asks for packages that are built from source, and only wheels are used: {line}"
            )
        }
        "--pre" => {
            "asks for all pre-releases; name the one that is meant, such as a>=2.0rc1".to_owned()
        }
        _ => format!("has an option that is not known here: {line}"),
    })
}
