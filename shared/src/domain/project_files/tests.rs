use std::io::Write;

use proptest::prelude::*;
use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::domain::base64_text::encoded;

fn files(value: Value) -> ProjectFiles {
    ProjectFiles::try_from(value).unwrap()
}

fn refusal(value: Value) -> String {
    ProjectFiles::try_from(value).unwrap_err().0
}

fn path(text: &str) -> FilePath {
    FilePath::read(text).unwrap()
}

#[test]
fn files_are_read_from_paths_and_base64() {
    let read = files(json!({
        "lib\\b.py": "cHJpbnQoMSk",
        "./a.txt": " YQ = =\n",
        "empty": "",
        "__pycache__/b.pyc": "YQ==",
        "spin.toml": "YQ==",
    }));
    let names: Vec<_> = read.names().iter().map(FilePath::as_str).collect();
    assert_eq!(names, ["a.txt", "empty", "lib/b.py"]);
    assert_eq!((read.count(), read.unzipped_bytes()), (3, 9));
    assert_eq!(read.get(&path("lib/b.py")).unwrap().unwrap(), b"print(1)");
    assert_eq!(read.get(&path("empty")).unwrap().unwrap(), b"");
    assert_eq!(read.get(&path("none")), Ok(None));
    assert_eq!(format!("{read:?}"), "ProjectFiles(3 files, 9 bytes)");
}

#[test]
fn no_files_are_an_archive_too() {
    assert_eq!(files(json!({})), ProjectFiles::default());
    assert_eq!(ProjectFiles::read(ProjectFiles::default().as_zip().to_vec()), Ok(files(json!({}))));
    assert!(files(json!({ ".git/a": "YQ==" })).is_empty());
}

#[test]
fn what_breaks_a_rule_is_refused_by_name() {
    for (value, told) in [
        (json!([]), "must be an object of paths and base64"),
        (json!({"../a": ""}), "must have relative paths such as lib/db.py, and \"../a\" has .."),
        (json!({"/a": ""}), "must have relative paths such as lib/db.py, and \"/a\" is absolute"),
        (
            json!({"a": "_"}),
            "must hold strings of standard base64 (A-Z a-z 0-9 + / and =), and \"a\"",
        ),
        (json!({"a": null}), "must hold strings of standard base64"),
        (json!({"a/b": "", "a\\b": ""}), "must not hold \"a\\\\b\" twice"),
        (
            json!({"a": "", "a/b/c": ""}),
            "must not hold \"a\" as a file and as a folder, which it is in \"a/b/c\"",
        ),
    ] {
        let refused = refusal(value);
        assert!(refused.starts_with(told), "{refused}");
    }
    // These differ where functions run.
    assert_eq!(files(json!({"a": "", "A": "", "a.b": "", "ab/c": ""})).count(), 4);
}

#[test]
fn limits_of_a_request_hold() {
    let many =
        |count: usize| Value::Object((0..count).map(|n| (format!("{n}"), json!(""))).collect());
    assert_eq!(files(many(200)).count(), 200);
    assert_eq!(
        refusal(many(201)),
        "must be at most 200 files, and has 201; upload a zip archive for more"
    );
    let large = |bytes: usize| json!({"a": encoded(&vec![b'a'; bytes]), "b": "YQ=="});
    assert_eq!(files(large(2_999_999)).unzipped_bytes(), 3_000_000);
    assert!(refusal(large(3_000_000)).starts_with("must be at most 3000000 bytes in all"));
}

#[test]
fn a_requirements_file_is_read() {
    let read =
        |text: &str| files(json!({"requirements.txt": encoded(text.as_bytes())})).requirements();
    assert_eq!(read("a # b").unwrap().unwrap().text(), "a # b");
    assert!(read("-e .").unwrap_err().0.starts_with("holds a requirements.txt, which must name"));
    let told = read(&"#".repeat(16_385)).unwrap_err().0;
    assert_eq!(told, "holds a requirements.txt, which must be at most 16384 bytes");
    assert_eq!(files(json!({"a/requirements.txt": ""})).requirements(), Ok(None));
}

#[test]
fn the_archive_is_the_same_with_each_build() {
    // A change of this hash makes each function with files one whose files have changed.
    let read = files(json!({"b/a.txt": "YWFhYWFhYWFhYWFhYWFhYWFh", "a.txt": "YQ=="}));
    let expected = "8248afe8fc0f6853fbb048b8d0546c107b2b0d3d4cc0a2345278d874ca056551";
    assert_eq!(read.sha256(), expected);
}

#[test]
fn only_an_archive_that_was_written_here_is_read() {
    let zipped = |names: &[&str]| {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(b"a").unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    assert!(ProjectFiles::read(zipped(&["a", "b"])).is_ok());
    for names in [&["b", "a"][..], &["./a"], &["a\\b"], &["a", "a/b"], &[".git/a"], &["../a"]] {
        assert!(ProjectFiles::read(zipped(names)).is_err(), "{names:?}");
    }
    assert!(ProjectFiles::read(Vec::new()).is_err());
}

#[test]
fn damage_of_a_stored_archive_is_an_error() {
    let mut zip = files(json!({"a": encoded(b"some text, long enough")})).as_zip().to_vec();
    zip[40] ^= 0xff;
    let told = ProjectFiles::read(zip).unwrap().get(&path("a")).unwrap_err().0;
    assert_eq!(told, "is a zip archive that is damaged: \"a\" can't be unpacked");
}

proptest! {
    #[test]
    fn files_read_back_as_they_were(given in prop::collection::btree_map("[a-c/]{1,4}", prop::collection::vec(any::<u8>(), 0..50), 0..5)) {
        let value: serde_json::Map<_, _> =
            given.iter().map(|(path, content)| (path.clone(), json!(encoded(content)))).collect();
        if let Ok(read) = ProjectFiles::try_from(Value::Object(value)) {
            prop_assert_eq!(read.count(), given.len());
            let again = ProjectFiles::read(read.as_zip().to_vec()).unwrap();
            for (name, content) in &given {
                let found = again.get(&path(name)).unwrap();
                prop_assert_eq!(found.as_ref(), Some(content));
            }
            prop_assert_eq!(again, read);
        }
    }
}
