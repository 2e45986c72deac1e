//! One requirement: a package of the index, in the notation of PEP 508.

use std::fmt;
use std::str::FromStr;

use pep440_rs::VersionSpecifier;

use super::file_path::shown;

/// A package, and which releases of it will do. Its text is the canonical one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    /// In lower case, with `-` for each run of `-`, `_` and `.`.
    name: String,
    /// Normalized as the name is.
    extras: Vec<String>,
    versions: Vec<VersionSpecifier>,
    marker: Option<String>,
}

/// Packages that stand-ins of the engine replace.
const REPLACED: [&str; 2] = ["componentize-py", "spin-sdk"];

/// What a marker can compare. Those with dots are old names, which are still read.
const VARIABLES: [&str; 18] = [
    "extra",
    "implementation_name",
    "implementation_version",
    "os_name",
    "os.name",
    "platform_machine",
    "platform.machine",
    "platform_python_implementation",
    "platform.python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform.version",
    "python_full_version",
    "python_implementation",
    "python_version",
    "sys_platform",
    "sys.platform",
];

/// How a marker compares. Longer ones precede those that they begin with.
const COMPARISONS: [&str; 8] = ["===", "==", "!=", "~=", "<=", ">=", "<", ">"];

/// How a link to version control begins.
const VERSION_CONTROL: [&str; 4] = ["git+", "hg+", "svn+", "bzr+"];

/// How the file of a package ends.
const PACKAGE_FILES: [&str; 6] = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".egg"];

impl Requirement {
    /// Whether a stand-in of the engine takes its place.
    pub(super) fn is_replaced(&self) -> bool {
        REPLACED.contains(&self.name.as_str())
    }

    /// Reads a requirement, without comments and options.
    ///
    /// # Errors
    /// What is wrong with it, worded to follow "line 3 ".
    pub(super) fn read(text: &str) -> Result<Self, String> {
        refuse_location(text)?;
        let mut input = Input(text.trim_matches(is_space));
        let name = input.take_while(is_name);
        if !is_identifier(name) {
            return Err(format!("does not begin with the name of a package: {}", shown(text)));
        }
        input.skip_space();
        let extras = if input.take("[") { extras(&mut input, text)? } else { Vec::new() };
        input.skip_space();
        if input.0.starts_with('@') {
            return Err(format!(
                "has an address, and only packages of the index can be installed: {}",
                shown(text)
            ));
        }
        let (versions, marker) = match input.0.split_once(';') {
            Some((versions, marker)) => (versions, Some(self::marker(marker)?)),
            None => (input.0, None),
        };
        let versions = self::versions(versions.trim_matches(is_space))?;
        Ok(Self { name: normalized(name), extras, versions, marker })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.extras.is_empty() {
            write!(f, "[{}]", self.extras.join(","))?;
        }
        for (index, version) in self.versions.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{version}")?;
        }
        match &self.marker {
            Some(marker) => write!(f, " ; {marker}"),
            None => Ok(()),
        }
    }
}

/// Refuses links, files and folders, which are no packages of the index.
fn refuse_location(text: &str) -> Result<(), String> {
    let start = text.split([';', '@', '[']).next().unwrap_or_default().trim_matches(is_space);
    let lower = start.to_ascii_lowercase();
    let what = if VERSION_CONTROL.iter().any(|scheme| lower.starts_with(scheme)) {
        "a link to version control"
    } else if lower.contains("://") {
        "an address"
    } else if lower.starts_with("file:")
        || start.starts_with(['.', '~'])
        || start.contains(['/', '\\'])
        || PACKAGE_FILES.iter().any(|ending| lower.ends_with(ending))
    {
        "a file or folder"
    } else {
        return Ok(());
    };
    Err(format!("is {what}, and only packages of the index can be installed: {}", shown(text)))
}

/// Reads the rest of `[a, b]`.
fn extras(input: &mut Input<'_>, text: &str) -> Result<Vec<String>, String> {
    let mut extras = Vec::new();
    let wrong = || format!("has extras that are not written like [a,b]: {}", shown(text));
    let (list, rest) = input.0.split_once(']').ok_or_else(wrong)?;
    input.0 = rest;
    if list.trim_matches(is_space).is_empty() {
        return Ok(extras);
    }
    for extra in list.split(',') {
        let extra = extra.trim_matches(is_space);
        if !is_identifier(extra) {
            return Err(wrong());
        }
        extras.push(normalized(extra));
    }
    extras.sort();
    extras.dedup();
    Ok(extras)
}

/// Reads `>=1,<2`, which may be in parentheses, and may end with a comma.
fn versions(text: &str) -> Result<Vec<VersionSpecifier>, String> {
    let inner = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
    let list = inner.unwrap_or(text).trim_matches(is_space);
    let list = list.strip_suffix(',').unwrap_or(list);
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let read = |rule: &str| {
        let rule = rule.trim_matches(is_space);
        VersionSpecifier::from_str(rule).map_err(|_| {
            let rule = shown(rule);
            format!("has {rule} where versions are written like ==1.2, >=1.2 or ~=1.2")
        })
    };
    list.split(',').map(read).collect()
}

/// Reads a marker, `python_version < "3.13" and os_name == "posix"`, and writes it with one space
/// between its parts.
///
/// It is checked and not evaluated: that is for the resolver. Parentheses are counted, so the depth
/// of a marker costs no stack.
fn marker(text: &str) -> Result<String, String> {
    let mut input = Input(text);
    let mut written = String::new();
    let mut depth = 0_usize;
    loop {
        input.skip_space();
        while input.take("(") {
            depth += 1;
            written.push('(');
            input.skip_space();
        }
        operand(&mut input, &mut written)?;
        comparison(&mut input, &mut written)?;
        operand(&mut input, &mut written)?;
        input.skip_space();
        while input.0.starts_with(')') {
            depth = depth.checked_sub(1).ok_or("has a marker with a ) too many")?;
            input.take(")");
            written.push(')');
            input.skip_space();
        }
        if input.0.is_empty() {
            break;
        }
        match input.take_while(is_word) {
            word @ ("and" | "or") => written.extend([" ", word, " "]),
            _ => {
                let rest = shown(input.0);
                return Err(format!("has a marker with neither `and` nor `or` before {rest}"));
            }
        }
    }
    if depth > 0 {
        return Err("has a marker with a ( too many".to_owned());
    }
    Ok(written)
}

/// Reads a variable or a quoted text.
fn operand(input: &mut Input<'_>, written: &mut String) -> Result<(), String> {
    input.skip_space();
    let rest = input.0;
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (text, rest) = rest[1..].split_once(quote).ok_or_else(|| {
            format!("has a marker with a quotation that does not end: {}", shown(rest))
        })?;
        input.0 = rest;
        let quote = if text.contains('"') { "'" } else { "\"" };
        written.extend([quote, text, quote]);
        return Ok(());
    }
    let word = input.take_while(is_word);
    if !VARIABLES.contains(&word) {
        return Err(format!(
            "has a marker with {} where a text in quotation marks or a variable such as \
             python_version can be",
            shown(if word.is_empty() { rest } else { word })
        ));
    }
    written.push_str(word);
    Ok(())
}

/// Reads what is between two operands.
fn comparison(input: &mut Input<'_>, written: &mut String) -> Result<(), String> {
    input.skip_space();
    let rest = input.0;
    if let Some(comparison) = COMPARISONS.into_iter().find(|comparison| input.take(comparison)) {
        written.extend([" ", comparison, " "]);
        return Ok(());
    }
    let mut word = input.take_while(is_word);
    if word == "not" {
        input.skip_space();
        word = if input.take_while(is_word) == "in" { "not in" } else { "" };
    }
    if !matches!(word, "in" | "not in") {
        return Err(format!(
            "has a marker with {} where ==, !=, <, <=, >, >=, ~=, in or not in can be",
            shown(rest)
        ));
    }
    written.extend([" ", word, " "]);
    Ok(())
}

/// The name under which an index knows a package.
fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

fn is_identifier(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(ends) && text.ends_with(ends) && text.chars().all(is_name)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// The part of a text that is not read yet.
struct Input<'a>(&'a str);

impl<'a> Input<'a> {
    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches(is_space);
    }

    fn take(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take_while(&mut self, is_part: fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        let (part, rest) = self.0.split_at(end);
        self.0 = rest;
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        Requirement::read(text).unwrap_or_else(|told| panic!("{text}: {told}")).to_string()
    }

    fn problem(text: &str) -> String {
        match Requirement::read(text) {
            Ok(read) => panic!("{text} is read as {read}"),
            Err(told) => told,
        }
    }

    #[test]
    fn requirements_are_written_in_one_way() {
        for (text, expected) in [
            ("requests", "requests"),
            ("Foo.Bar__baz", "foo-bar-baz"),
            ("a>=1", "a>=1"),
            ("a >= 1.0 , < 2", "a>=1.0,<2"),
            ("a (>=1,<2)", "a>=1,<2"),
            ("a==1.*", "a==1.*"),
            ("a ~= 1.2", "a~=1.2"),
            ("a===1.0", "a===1.0"),
            ("a>=1,", "a>=1"),
            ("a==1.0RC1", "a==1.0rc1"),
            ("a==1!2.0+local.1", "a==1!2.0+local.1"),
            ("uvicorn[Standard, a_b]>0.1", "uvicorn[a-b,standard]>0.1"),
            ("a[]", "a"),
            ("a;python_version<'3.13'", "a ; python_version < \"3.13\""),
            (
                "a ; (os_name=='x'or'y'in extra) and  sys_platform not  in \"w'\"",
                "a ; (os_name == \"x\" or \"y\" in extra) and sys_platform not in \"w'\"",
            ),
            ("a ; os_name == '\"'", "a ; os_name == '\"'"),
        ] {
            assert_eq!(canonical(text), expected);
            assert_eq!(canonical(expected), expected);
        }
    }

    #[test]
    fn packages_that_the_engine_replaces_are_known_by_their_normalized_name() {
        for name in ["spin-sdk", "Spin_SDK==3.1", "spin.sdk", "componentize_py>=0.13", "spin--sdk"]
        {
            assert!(Requirement::read(name).unwrap().is_replaced(), "{name}");
        }
        for name in ["spin", "spinsdk", "componentize"] {
            assert!(!Requirement::read(name).unwrap().is_replaced(), "{name}");
        }
    }

    #[test]
    fn what_is_no_package_of_the_index_is_refused() {
        for (text, what) in [
            ("git+https://github.com/a/b", "is a link to version control"),
            ("GIT+ssh://git@github.com/a/b", "is a link to version control"),
            ("https://example.com/a.whl", "is an address"),
            ("file:///a", "is an address"),
            ("file:a", "is a file or folder"),
            (".", "is a file or folder"),
            ("./a", "is a file or folder"),
            ("../a", "is a file or folder"),
            ("~/a", "is a file or folder"),
            ("/a/b", "is a file or folder"),
            ("C:\\a", "is a file or folder"),
            ("lib/a", "is a file or folder"),
            ("a-1.0-py3-none-any.whl", "is a file or folder"),
            ("a-1.0.tar.gz", "is a file or folder"),
            ("a.whl ; os_name == 'x'", "is a file or folder"),
            ("a @ https://example.com/a.whl", "has an address"),
            ("a[b]@git+https://x", "has an address"),
            ("a @ file:///a", "has an address"),
        ] {
            let told = problem(text);
            assert!(told.starts_with(what), "{text}: {told}");
            assert!(told.contains("only packages of the index can be installed"), "{told}");
        }
    }

    #[test]
    fn what_breaks_the_notation_is_refused_with_what_is_allowed() {
        for (text, what) in [
            ("", "does not begin with the name"),
            ("==1", "does not begin with the name"),
            ("-a", "does not begin with the name"),
            ("a-", "does not begin with the name"),
            ("é", "does not begin with the name"),
            ("a=1", "has \"=1\" where versions"),
            ("a 1.0", "has \"1.0\" where versions"),
            ("a==", "has \"==\" where versions"),
            ("a>=1,,<2", "has \"\" where versions"),
            ("a==x", "has \"==x\" where versions"),
            ("a (>=1", "has \"(>=1\" where versions"),
            ("a b", "has \"b\" where versions"),
            ("a[b", "has extras"),
            ("a[b,]", "has extras"),
            ("a[b c]", "has extras"),
            ("a;", "has a marker with \"\" where a text"),
            ("a; python == '3'", "has a marker with \"python\" where a text"),
            ("a; python_version '3'", "has a marker with \"'3'\" where =="),
            ("a; python_version not '3'", "has a marker with \"not '3'\" where =="),
            ("a; python_version < 3.13", "has a marker with \"3.13\" where a text"),
            ("a; python_version < '3", "has a marker with a quotation"),
            ("a; os_name == 'x' xor os_name == 'y'", "has a marker with neither"),
            ("a; (os_name == 'x'", "has a marker with a ( too many"),
            ("a; os_name == 'x')", "has a marker with a ) too many"),
            ("a; os_name == 'x' and", "has a marker with \"\" where a text"),
        ] {
            let told = problem(text);
            assert!(told.starts_with(what), "{text}: {told}");
        }
    }

    #[test]
    fn depth_and_length_cost_neither_stack_nor_long_sentences() {
        let depth = 100_000;
        let deep = format!("a;{}os_name=='x'{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(canonical(&deep).len(), "a ; os_name == \"x\"".len() + 2 * depth);
        for text in [" é".repeat(depth), format!("a=={}", "x".repeat(depth)), format!("a;{deep}")]
        {
            assert!(problem(&text).len() < 300);
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_canonical(text in "[aB_.]{1,3}(\\[[a, ]{0,3}\\])?[ ()]?([<>=~!]{1,2}[0-9.*a]{1,4},?){0,2}(;[()]?(os_name|'a') ?(==|in|not in) ?('b'|extra)[)]?)?") {
            if let Ok(read) = Requirement::read(&text) {
                let written = read.to_string();
                prop_assert_eq!(Requirement::read(&written).unwrap().to_string(), written);
            }
        }

        #[test]
        fn no_text_panics(text in "(?s).{0,40}") {
            let _ = Requirement::read(&text);
        }
    }
}
