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
    for text in ["", "\n", "# none", "spin-sdk", "--only-binary=:all:", "componentize-py==0.1\n"] {
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
    assert!(refusal(&lines(201)).ends_with("line 201 is one too many: at most 200 can be named"));
}

#[test]
fn what_repeats_up_to_the_limit_is_read_or_refused_at_its_first_line() {
    for (text, packages) in [
        ("\\\n", Some(0)),
        ("# ", Some(0)),
        ("a #", Some(1)),
        ("${", None),
        ("--", None),
        (" --hash", None),
        ("a;(", None),
        ("\r", Some(0)),
        ("é", None),
        ("${A", None),
    ] {
        let longest = text.repeat(Requirements::MAX_BYTES / text.len());
        match Requirements::try_from(longest) {
            Ok(read) => assert_eq!(Some(read.effective().len()), packages, "{text:?}"),
            Err(told) => {
                assert!(packages.is_none() && told.0.contains(" line 1 "), "{text:?}: {told:?}")
            }
        }
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
