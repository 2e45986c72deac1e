//! The packages that a function needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::error::ValidationError;
use super::file_path::shown;
use super::requirement::Requirement;

/// The text of a requirements file: at most 16,384 bytes of UTF-8, and 200 packages.
///
/// It names packages of the index, one a line, with extras, versions, markers and hashes. It is kept
/// as it was given. Comments, and options that change nothing here, are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Requirements {
    text: Arc<str>,
    effective: Arc<[String]>,
}

/// The index that is meant where none is named.
const PYPI: [&str; 4] = [
    "https://pypi.org/simple",
    "https://pypi.python.org/simple",
    "http://pypi.org/simple",
    "http://pypi.python.org/simple",
];

/// The hashes that pip and uv check, and their hex digits.
const HASHES: [(&str, usize); 3] = [("sha256", 64), ("sha384", 96), ("sha512", 128)];

impl Requirements {
    /// The most bytes of the text.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// The most packages.
    pub const MAX_COUNT: usize = 200;

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The packages to install, in the order given: normalized names, extras, versions, marker and
    /// hashes, such as `uvicorn[standard]>=0.30 ; python_version < "3.13"`.
    ///
    /// Packages that the engine replaces are left out, and so is the second of two that are equal.
    /// These are the lines of a requirements file.
    pub fn effective(&self) -> &[String] {
        &self.effective
    }

    /// Whether there is nothing to install.
    pub fn is_empty(&self) -> bool {
        self.effective.is_empty()
    }
}

impl TryFrom<Value> for Requirements {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::String(text) => text.try_into(),
            _ => Err(ValidationError::because("must be a string: the text of a requirements file")),
        }
    }
}

impl TryFrom<String> for Requirements {
    type Error = ValidationError;

    fn try_from(text: String) -> Result<Self, ValidationError> {
        if text.len() > Self::MAX_BYTES {
            let (max, length) = (Self::MAX_BYTES, text.len());
            return Err(ValidationError(format!("must be at most {max} bytes, and has {length}")));
        }
        let refused = |number: usize, problem: &str| {
            ValidationError(format!("must name packages, one a line, and line {number} {problem}"))
        };
        let mut reader = Reader::default();
        for (number, line) in logical_lines(&text) {
            reader.add(number, &line).map_err(|problem| refused(number, &problem))?;
        }
        match (reader.hashes_asked_for, reader.without_hash) {
            (true, Some(number)) => {
                Err(refused(number, "has no --hash, which --require-hashes asks for"))
            }
            _ => Ok(Self { text: text.into(), effective: reader.effective.into() }),
        }
    }
}

impl Serialize for Requirements {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// What the lines so far come to.
#[derive(Default)]
struct Reader {
    effective: Vec<String>,
    seen: BTreeSet<String>,
    count: usize,
    /// Whether there is an option that asks for a hash of each package.
    hashes_asked_for: bool,
    /// The first line with a package that has none.
    without_hash: Option<usize>,
}

impl Reader {
    /// Takes a logical line, without its comment.
    fn add(&mut self, number: usize, line: &str) -> Result<(), String> {
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err("has a control character".to_owned());
        }
        if let Some(variable) = environment_variable(line) {
            let variable = shown(variable);
            return Err(format!(
                "uses {variable}, and environment variables are not filled in here"
            ));
        }
        if line.ends_with('\\') {
            return Err("ends with a \\ that joins no lines: nothing may follow it".to_owned());
        }
        if line.starts_with('-') {
            self.hashes_asked_for |= refuse_option(line)?;
            return Ok(());
        }
        self.count += 1;
        if self.count > Requirements::MAX_COUNT {
            return Err(format!(
                "is one too many: at most {} can be named",
                Requirements::MAX_COUNT
            ));
        }
        let (requirement, options) = split_options(line);
        let requirement = Requirement::read(requirement)?;
        let hashes = hashes(options)?;
        if hashes.is_empty() {
            self.without_hash.get_or_insert(number);
        }
        let written = requirement.to_string() + &hashes;
        if !requirement.is_replaced() && self.seen.insert(written.clone()) {
            self.effective.push(written);
        }
        Ok(())
    }
}

/// The lines that have content, trimmed and without comments, with the number of each from 1.
///
/// A `\` at its end joins a line with the next, and the number is that of the first. A comment ends
/// that, as it does for pip.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut joined: Option<(usize, String)> = None;
    for (index, line) in
        text.strip_prefix('\u{feff}').unwrap_or(text).lines_of_any_end().enumerate()
    {
        let is_comment = line.trim_start().starts_with('#');
        let (number, mut start) = joined.take().unwrap_or((index + 1, String::new()));
        match line.strip_suffix('\\').filter(|_| !is_comment) {
            Some(beginning) => {
                start.push_str(beginning);
                joined = Some((number, start));
            }
            None => {
                // The space keeps a comment from becoming part of what precedes it.
                start.push_str(if is_comment { " " } else { "" });
                start.push_str(line);
                lines.push((number, start));
            }
        }
    }
    lines.extend(joined);
    for (_, line) in &mut lines {
        *line = without_comment(line).trim().to_owned();
    }
    lines.retain(|(_, line)| !line.is_empty());
    lines
}

/// Lines that end with `\n`, `\r\n` or `\r`.
trait Lines {
    fn lines_of_any_end(&self) -> impl Iterator<Item = &str>;
}

impl Lines for str {
    fn lines_of_any_end(&self) -> impl Iterator<Item = &str> {
        self.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
    }
}

/// A `#` begins a comment at the start of a line, or after white space.
fn without_comment(line: &str) -> &str {
    let begins = |&(at, _): &(usize, &str)| at == 0 || line[..at].ends_with(char::is_whitespace);
    line.match_indices('#').find(begins).map_or(line, |(at, _)| &line[..at])
}

/// The first `${NAME}`, which pip would fill in.
fn environment_variable(line: &str) -> Option<&str> {
    let is_part = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    line.match_indices("${").find_map(|(at, _)| {
        let name = &line[at + 2..];
        let length = name.bytes().take_while(|&b| is_part(b)).count();
        let ends = length > 0 && name.as_bytes().get(length) == Some(&b'}');
        ends.then(|| &line[at..at + length + 3])
    })
}

/// A requirement, and the options that follow it.
fn split_options(line: &str) -> (&str, &str) {
    let begins = |&(at, _): &(usize, &str)| line[..at].ends_with([' ', '\t']);
    let at = line.match_indices("--").find(begins).map_or(line.len(), |(at, _)| at);
    line.split_at(at)
}

/// Reads `--hash=sha256:…` options, and writes them so, each with a space in front.
fn hashes(options: &str) -> Result<String, String> {
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
fn refuse_option(line: &str) -> Result<bool, String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn effective(text: &str) -> Vec<String> {
        Requirements::try_from(text.to_owned()).unwrap().effective().to_vec()
    }

    fn refusal(text: &str) -> String {
        Requirements::try_from(text.to_owned()).unwrap_err().0
    }

    const SHA: &str = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789";

    #[test]
    fn a_file_as_people_have_it_is_accepted() {
        let text = format!(
            "\u{feff}# what we need\r\n\
             -i https://pypi.org/simple/\r\n\
             --index-url=https://pypi.org/simple # PyPI\r\n\
             --extra-index-url \"https://pypi.org/simple\"\r\n\
             --trusted-host pypi.org\r\n\
             --only-binary :all:\r\n\
             \r\n\
             Requests [socks] >= 2.31, <3   # the usual\r\n\
             \t\r\n\
             Spin_SDK==3.1.0\r\n\
             componentize.py\r\n\
             pydantic==2.7.1 ; python_version >= '3.11' \\\r\n\
                 --hash=sha256:{SHA} \\\r\n\
                 --hash sha256:{SHA}\r\n\
                 # via fastapi\r\n\
             requests[socks]>=2.31,<3\r\n\
             PyYAML"
        );
        let sha = SHA.to_ascii_lowercase();
        assert_eq!(
            effective(&text),
            [
                "requests[socks]>=2.31,<3".to_owned(),
                format!(
                    "pydantic==2.7.1 ; python_version >= \"3.11\" --hash=sha256:{sha} \
                     --hash=sha256:{sha}"
                ),
                "pyyaml".to_owned(),
            ]
        );
    }

    #[test]
    fn lines_are_joined_and_commented_as_pip_does() {
        for (text, expected) in [
            ("a\\\n==1", "a==1"),
            ("a\\\r\n==1", "a==1"),
            ("a\rb", "a"),
            ("a # b \\\n==1", "a"),
            ("a \\\n# comment\n", "a"),
            ("a#b", ""),
            ("# a \\\nb", "b"),
            ("  a  ", "a"),
            ("a\\", "a"),
            ("\\\n\\\na", "a"),
        ] {
            let read = Requirements::try_from(text.to_owned());
            let first = read.as_ref().ok().and_then(|r| r.effective().first()).map(String::as_str);
            assert_eq!(first.unwrap_or_default(), expected, "{text:?}: {read:?}");
        }
        assert!(refusal("a\n\nb \\\n c \\\n d\n").contains("line 3 "));
        assert!(refusal("a\r\n# \\\r\n=").contains("line 3 "));
    }

    #[test]
    fn a_text_without_packages_has_nothing_to_install() {
        for text in
            ["", "\n", "# none", "spin-sdk", "--only-binary=:all:", "componentize-py==0.1\n"]
        {
            assert!(Requirements::try_from(text.to_owned()).unwrap().is_empty(), "{text}");
        }
        assert!(Requirements::default().is_empty());
        assert!(!Requirements::try_from("a".to_owned()).unwrap().is_empty());
    }

    #[test]
    fn a_refusal_names_the_line_and_the_reason() {
        for (line, reason) in [
            ("-r base.txt", "includes another file"),
            ("-rbase.txt", "includes another file"),
            ("--requirement=base.txt", "includes another file"),
            ("-c limits.txt", "includes another file"),
            ("--constraint limits.txt", "includes another file"),
            ("-e .", "is a file or folder"),
            ("-e git+https://x/y", "is a file or folder"),
            ("--editable ./a", "is a file or folder"),
            ("./lib/a", "is a file or folder"),
            ("file:///a", "is an address"),
            ("git+https://github.com/a/b@main", "is a link to version control"),
            ("a @ https://x/a.whl", "has an address"),
            ("--index-url https://index.example/simple", "names another index"),
            ("-ihttps://index.example/simple", "names another index"),
            ("-i", "names another index"),
            ("--extra-index-url=https://pypi.org.example/simple", "names another index"),
            ("--extra-index-url https://user:pw@pypi.org/simple", "names another index"),
            ("-f https://x", "names another place"),
            ("--no-index", "names another place"),
            ("--no-binary :all:", "asks for packages that are built from source"),
            ("--pre", "asks for all pre-releases"),
            ("--use-feature=x", "has an option that is not known here"),
            ("-é", "has an option that is not known here"),
            ("-", "has an option that is not known here"),
            ("a==${VERSION}", "uses \"${VERSION}\""),
            ("--index-url https://${TOKEN}@x/simple", "uses \"${TOKEN}\""),
            ("a --global-option=x", "has \"--global-option=x\", and only --hash"),
            ("a --hash=md5:00", "has a hash that is not"),
            ("a --hash=sha256:00", "has a hash that is not"),
            ("a --hash", "has a hash that is not"),
            ("a\0b", "has a control character"),
            ("a==1 \\ ", "ends with a \\ that joins no lines"),
            ("a==1 \\ # comment", "ends with a \\ that joins no lines"),
        ] {
            let told = refusal(&format!("# first\nb\n{line}\nc"));
            let expected = format!("must name packages, one a line, and line 3 {reason}");
            assert!(told.starts_with(&expected), "{line}: {told}");
        }
    }

    #[test]
    fn hashes_are_required_of_all_where_they_are_asked_for() {
        let hashed = format!("a==1 --hash=sha256:{SHA}\n");
        assert_eq!(effective(&format!("--require-hashes\n{hashed}")).len(), 1);
        assert!(refusal(&format!("{hashed}b\n--require-hashes")).contains("line 2 has no --hash"));
    }

    #[test]
    fn sizes_are_limited() {
        let comment = |bytes: usize| "#".repeat(bytes);
        assert!(Requirements::try_from(comment(16_384)).is_ok());
        assert_eq!(refusal(&comment(16_385)), "must be at most 16384 bytes, and has 16385");
        let lines = |count: usize| (0..count).map(|n| format!("a{n}\n")).collect::<String>();
        assert_eq!(effective(&lines(200)).len(), 200);
        assert!(
            refusal(&lines(201)).ends_with("line 201 is one too many: at most 200 can be named")
        );
    }

    #[test]
    fn the_worst_text_takes_little_time() {
        for text in ["\\\n", "# ", "a #", "${", "--", " --hash", "a;(", "a\n", "\r", "é", "${A"] {
            let worst = text.repeat(Requirements::MAX_BYTES / text.len());
            let started = std::time::Instant::now();
            let _ = Requirements::try_from(worst);
            assert!(started.elapsed().as_millis() < 500, "{text:?}: {:?}", started.elapsed());
        }
    }

    #[test]
    fn only_a_string_is_a_text() {
        assert!(Requirements::try_from(json!("a")).is_ok());
        for other in [json!(null), json!(["a"]), json!(1)] {
            assert!(Requirements::try_from(other).unwrap_err().0.starts_with("must be a string"));
        }
        assert!(serde_json::from_value::<Requirements>(json!("-r a")).is_err());
    }

    proptest! {
        #[test]
        fn a_text_reads_back_as_it_was_given(text in "([a-c]{1,2}(==1)?(\r?\n| # x\n|\\\\\n)){0,5}") {
            if let Ok(read) = Requirements::try_from(text.clone()) {
                prop_assert_eq!(read.text(), &text);
                let written = serde_json::to_value(&read).unwrap();
                prop_assert_eq!(&written, &json!(text));
                prop_assert_eq!(serde_json::from_value::<Requirements>(written).unwrap(), read);
            }
        }

        #[test]
        fn the_effective_lines_are_requirements_that_read_as_themselves(
            text in "([aB_.-]{1,3}(\\[[ab],?\\])?[<>=~]{0,2}[0-9.]{0,3}(;os_name=='#?x')?[ \\\\]?(#x)?\r?\n){1,4}"
        ) {
            if let Ok(read) = Requirements::try_from(text) {
                let lines = read.effective().join("\n");
                let again = Requirements::try_from(lines).unwrap();
                prop_assert_eq!(again.effective(), read.effective());
            }
        }

        #[test]
        fn no_text_panics(text in "(?s).{0,60}") {
            let _ = Requirements::try_from(text);
        }
    }
}
