//! What a Python source says, in a comment, of the packages and the Python that it needs.

use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use serde::Deserialize;
use toml::Spanned;

use super::error::ValidationError;
use super::file_path::shown;
use super::requirement::Requirement;
use super::requirements::Requirements;

/// The metadata of a script, after PEP 723: TOML in the comment block `# /// script`.
///
/// `dependencies` and `requires-python` count. Anything else, such as `[tool]`, is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InlineMetadata {
    requirements: Requirements,
    requires_python: Option<VersionSpecifiers>,
}

impl InlineMetadata {
    /// The metadata of a source, where it has any.
    ///
    /// # Errors
    /// [`ValidationError`] where there are two blocks, or one that breaks a rule. It names the line of
    /// the source.
    pub(in crate::domain) fn of(source: &str) -> Result<Option<Self>, ValidationError> {
        let mut found: Option<Block> = None;
        for block in blocks(source).filter(|block| block.kind == "script") {
            if let Some(first) = found {
                return Err(ValidationError(format!(
                    "must have one block `# /// script` at most, and has them in lines {} and {}",
                    first.line, block.line
                )));
            }
            found = Some(block);
        }
        found.map(|block| Self::read(&block)).transpose()
    }

    /// The packages of `dependencies`, which are none where it is absent.
    pub(in crate::domain) fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// Checks that a Python will do, such as `3.12`.
    ///
    /// Which release of it runs isn't known here, so what can't be excluded will do: `>=3.12.4` and
    /// `!=3.12.1` are met by 3.12.
    ///
    /// # Errors
    /// [`ValidationError`] where `requires-python` excludes each release of it, or `python` is no
    /// version.
    pub(in crate::domain) fn check_python(&self, python: &str) -> Result<(), ValidationError> {
        let Some(rules) = &self.requires_python else {
            return Ok(());
        };
        let releases = [format!("{python}.0"), format!("{python}.{LAST_RELEASE}")];
        let [first, last] = releases.map(|release| Version::from_str(&release));
        let (Ok(first), Ok(last)) = (first, last) else {
            return Err(ValidationError(format!("can't run with Python {}", shown(python))));
        };
        // A rule is met by the first release, by the last, or by the one that it names.
        let is_met = |release: &Version| rules.contains(release);
        let named = rules.iter().map(|rule| rule.version().only_release());
        let of_python = |version: &Version| version.release().get(..2) == first.release().get(..2);
        if is_met(&first) || is_met(&last) || named.filter(of_python).any(|named| is_met(&named)) {
            return Ok(());
        }
        Err(ValidationError(format!("needs Python {rules}, and the runtime is Python {python}")))
    }

    fn read(block: &Block<'_>) -> Result<Self, ValidationError> {
        let (toml, start) = (block.toml(), block.line + 1);
        let refused = |at: usize, problem: &str| {
            // The position is within the text, unless the parser has it at the end.
            let before = toml.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count();
            let line = start + before;
            ValidationError(format!(
                "has inline metadata (`# /// script`) whose line {line} {problem}"
            ))
        };
        let metadata: Metadata = toml::from_str(&toml).map_err(|error| {
            let message = error.message().replace(['\r', '\n'], " ");
            let message = &message[..message.floor_char_boundary(200)];
            let at = error.span().map_or(0, |span| span.start);
            refused(at, &format!("can't be read: {message}"))
        })?;
        let mut text = String::new();
        for dependency in &metadata.dependencies {
            Requirement::read(dependency.get_ref())
                .map_err(|problem| refused(dependency.span().start, &problem))?;
            text.push_str(dependency.get_ref());
            text.push('\n');
        }
        let requirements = Requirements::try_from(text).map_err(|ValidationError(reason)| {
            ValidationError(format!(
                "has inline metadata (`# /// script`) whose list of dependencies {reason}"
            ))
        })?;
        let requires_python = match &metadata.requires_python {
            None => None,
            Some(text) => Some(VersionSpecifiers::from_str(text.get_ref()).map_err(|_| {
                let shown = shown(text.get_ref());
                refused(
                    text.span().start,
                    &format!("has {shown} where versions of Python are written like >=3.11"),
                )
            })?),
        };
        Ok(Self { requirements, requires_python })
    }
}

/// A number of a release that no Python gets to.
const LAST_RELEASE: u32 = 999;

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    dependencies: Vec<Spanned<String>>,
    #[serde(rename = "requires-python")]
    requires_python: Option<Spanned<String>>,
}

/// A block of metadata.
struct Block<'a> {
    kind: &'a str,
    /// The line of `# /// kind`, from 1.
    line: usize,
    /// What is between that line and `# ///`.
    content: &'a str,
}

impl Block<'_> {
    /// Its content without the comment signs, in as many lines.
    fn toml(&self) -> String {
        let mut toml = String::with_capacity(self.content.len());
        for (line, _) in lines(self.content) {
            toml.push_str(line.strip_prefix("# ").or(line.strip_prefix('#')).unwrap_or_default());
            toml.push('\n');
        }
        toml
    }
}

/// The blocks of a source.
///
/// A block is within a run of comment lines, each `#` or `# …`. It begins at the run's first line
/// `# /// kind`, and ends at the run's last line `# ///`, with at least a line between the two. This
/// is what the expression of PEP 723 finds, in one pass.
fn blocks(source: &str) -> impl Iterator<Item = Block<'_>> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut all = lines(source).zip(1..);
    let mut is_over = false;
    std::iter::from_fn(move || {
        // The kind, the line, and where the content begins.
        let mut first: Option<(&str, usize, usize)> = None;
        // The line, and where the content ends.
        let mut last: Option<(usize, usize)> = None;
        while !is_over {
            let next = all.next();
            is_over = next.is_none();
            match next {
                Some(((line, at), number)) if line == "#" || line.starts_with("# ") => {
                    if line == "# ///" {
                        last = Some((number, at.start));
                    } else if first.is_none()
                        && let Some(kind) = kind(line)
                    {
                        first = Some((kind, number, at.end));
                    }
                }
                _ => {
                    // The run is over.
                    let (start, end) = (first.take(), last.take());
                    if let (Some((kind, line, begins)), Some((end, ends))) = (start, end)
                        && end >= line + 2
                    {
                        return Some(Block { kind, line, content: &source[begins..ends] });
                    }
                }
            }
        }
        None
    })
}

/// The `kind` of a line `# /// kind`.
fn kind(line: &str) -> Option<&str> {
    let kind = line.strip_prefix("# /// ")?;
    let is_kind = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_kind.then_some(kind)
}

/// Lines that end with `\n`, `\r\n` or `\r`, as they do for Python, and where each is in the text,
/// with its end.
fn lines(text: &str) -> impl Iterator<Item = (&str, std::ops::Range<usize>)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let (line, end) = rest.split_at(length);
        let end = if end.starts_with("\r\n") { 2 } else { end.len().min(1) };
        let at = start..start + length + end;
        start = at.end;
        Some((line, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Code;
    use proptest::prelude::*;

    fn metadata(source: &str) -> InlineMetadata {
        InlineMetadata::of(source).unwrap().unwrap()
    }

    fn refusal(source: &str) -> String {
        InlineMetadata::of(source).unwrap_err().0
    }

    fn python(rules: &str, python: &str) -> Result<(), String> {
        let source = format!("# /// script\n# requires-python = '{rules}'\n# ///\n");
        metadata(&source).check_python(python).map_err(|refusal| refusal.0)
    }

    const SCRIPT: &str = "#!/usr/bin/env python\n\
                          # /// script\n\
                          # requires-python = \">=3.11\"\n\
                          # dependencies = [\n\
                          #   \"Requests<3\",\n\
                          #\n\
                          #   \"rich\",  # for colour\n\
                          #   \"spin-sdk\",\n\
                          # ]\n\
                          # [tool.uv]\n\
                          # x = 1\n\
                          # ///\n\
                          print(1)\n";

    #[test]
    fn a_block_is_read_with_each_end_of_line() {
        for end in ["\n", "\r\n", "\r"] {
            let read = metadata(&SCRIPT.replace('\n', end));
            assert_eq!(read.requirements().effective(), ["requests<3", "rich"]);
            assert_eq!(read.check_python("3.12"), Ok(()));
        }
        let with_mark = format!("\u{feff}{}", SCRIPT.split_once('\n').unwrap().1);
        assert_eq!(metadata(&with_mark).requirements().effective().len(), 2);
    }

    #[test]
    fn blocks_are_found_by_the_rules_of_the_pep() {
        let found = |source: &str| {
            blocks(source)
                .map(|b| format!("{} {}: {:?}", b.line, b.kind, b.toml()))
                .collect::<Vec<_>>()
        };
        for (source, expected) in [
            ("# /// script\n# a\n# ///", vec!["1 script: \"a\\n\""]),
            ("x\n# /// a-1\n#\n#  b\n# ///\ny", vec!["2 a-1: \"\\n b\\n\""]),
            // The last end of a run counts.
            ("# /// a\n# b\n# ///\n# c\n# ///\n# d\n", vec!["1 a: \"b\\n///\\nc\\n\""]),
            ("# /// a\n# ///\n# ///\n", vec!["1 a: \"///\\n\""]),
            // A run has one block.
            ("# /// a\n# /// script\n# b\n# ///\n", vec!["1 a: \"/// script\\nb\\n\""]),
            ("# x\n# /// a\n# b\n# ///\n", vec!["2 a: \"b\\n\""]),
            (
                "# /// a\n# b\n# ///\n\n# /// a\n# c\n# ///\n",
                vec!["1 a: \"b\\n\"", "5 a: \"c\\n\""],
            ),
            // These are none.
            ("# /// script\n# ///\n", vec![]),
            ("# /// script\n# a\n", vec![]),
            ("# /// script\n# a\n\n# ///\n", vec![]),
            ("# /// script\n#a\n# ///\n", vec![]),
            ("# /// script \n# a\n# ///\n", vec![]),
            ("# /// scr_ipt\n# a\n# ///\n", vec![]),
            ("#/// script\n# a\n# ///\n", vec![]),
            (" # /// script\n # a\n # ///\n", vec![]),
            ("# /// script\n# a\n# /// \n", vec![]),
            ("# ///\n# /// script\n# a\n", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(found(source), expected, "{source:?}");
        }
    }

    #[test]
    fn a_source_without_a_block_has_no_metadata() {
        assert_eq!(InlineMetadata::of("print(1)\n"), Ok(None));
        assert_eq!(InlineMetadata::of("# /// other\n# = =\n# ///\n"), Ok(None));
        let empty = metadata("# /// script\n#\n# ///\n");
        assert!(empty.requirements().is_empty() && empty.check_python("3.11").is_ok());
    }

    #[test]
    fn a_refusal_names_the_line_of_the_source() {
        let twice = format!("{SCRIPT}\n{SCRIPT}");
        assert_eq!(
            refusal(&twice),
            "must have one block `# /// script` at most, and has them in lines 2 and 16"
        );
        for (from, to, told) in [
            ("\"rich\"", "\"rich=1\"", "line 7 has \"=1\" where versions"),
            ("\"rich\"", "\"-r a\"", "line 7 does not begin with the name"),
            ("\"rich\"", "\"a @ https://x\"", "line 7 has an address"),
            ("\"rich\"", "\"a\\nb\"", "line 7 has \"\\nb\" where versions"),
            ("\"rich\"", "7", "line 7 can't be read: invalid type"),
            ("\">=3.11\"", "\"3.11\"", "line 3 has \"3.11\" where versions of Python"),
            ("\">=3.11\"", "\">=3.11", "line 3 can't be read"),
            ("x = 1", "x = = 1", "line 11 can't be read"),
            ("\"rich\"", "\"${A}\"", "line 7 does not begin"),
        ] {
            for source in [SCRIPT.replace(from, to), SCRIPT.replace(from, to).replace('\n', "\r\n")]
            {
                let refused = refusal(&source);
                let expected = format!("has inline metadata (`# /// script`) whose {told}");
                assert!(refused.starts_with(&expected), "{refused}");
                assert!(!refused.contains('\n'), "{refused}");
            }
        }
    }

    #[test]
    fn the_limits_of_requirements_hold() {
        let source = |count| {
            let list = (0..count).map(|n| format!("# 'a{n}',\n")).collect::<String>();
            format!("# /// script\n# dependencies = [\n{list}# ]\n# ///\n")
        };
        assert_eq!(metadata(&source(200)).requirements().effective().len(), 200);
        assert!(refusal(&source(201)).contains("at most 200"));
    }

    #[test]
    fn a_python_must_be_one_that_is_needed() {
        assert_eq!(
            python(">=3.13", "3.12"),
            Err("needs Python >=3.13, and the runtime is Python 3.12".to_owned())
        );
        for (rules, version) in [
            ("", "3.12"),
            (">=3.11", "3.11"),
            (">=3.11,<3.13", "3.12"),
            ("~=3.11", "3.13"),
            ("==3.12.*", "3.12"),
            ("==3.12.4", "3.12"),
            (">=3.12.4", "3.12"),
            ("!=3.12.0", "3.12"),
            ("<=3.12", "3.12"),
            (">=3.12.1,<3.12.5", "3.12"),
            (">3.12", "3.12"),
        ] {
            assert_eq!(python(rules, version), Ok(()), "{rules} {version}");
        }
        for (rules, version) in [
            ("<3.12", "3.12"),
            ("==3.11.*", "3.12"),
            ("!=3.12.*", "3.12"),
            ("~=3.11.2", "3.12"),
            (">=4", "3.13"),
            ("==3.12.4", "3.13"),
        ] {
            assert!(python(rules, version).is_err(), "{rules} {version}");
        }
        assert!(python(">=3", "x").is_err());
    }

    #[test]
    fn what_repeats_up_to_the_limit_of_a_source_has_no_metadata_or_is_refused() {
        for text in ["# /// a\n", "# ///\n", "#\n", "\n", "# /// script\n"] {
            let longest = text.repeat(Code::MAX_BYTES / text.len());
            assert!(matches!(InlineMetadata::of(&longest), Ok(None)), "{text:?}");
        }
        let block = "# /// script\n# a\n# ///\n\n";
        assert!(InlineMetadata::of(&block.repeat(Code::MAX_BYTES / block.len())).is_err());
        let nested = format!("# /// script\n# a = {}\n# ///\n", "[".repeat(500_000));
        assert!(refusal(&nested).contains("line 2 can't be read"));
        let dotted = format!("# /// script\n# a{} = 1\n# ///\n", ".a".repeat(250_000));
        let _ = InlineMetadata::of(&dotted);
    }

    proptest! {
        #[test]
        fn no_source_panics(lines in prop::collection::vec(prop::sample::select(vec![
            "# /// script", "# ///", "#", "# dependencies = [", "# 'a',", "# ]", "x", "#x",
            "# requires-python = '>=3'", "# [tool]", "# é", "# \"", "",
        ]), 0..12), end in prop::sample::select(vec!["\n", "\r\n", "\r"])) {
            let _ = InlineMetadata::of(&lines.join(end));
        }
    }
}
