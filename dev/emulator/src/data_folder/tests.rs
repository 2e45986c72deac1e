use super::*;

fn error(path: &Path) -> String {
    DataFolder::open(path).unwrap_err().to_string()
}

/// A folder as a complete start leaves it.
fn ready(path: &Path) {
    let folder = DataFolder::open(path).unwrap();
    std::fs::write(folder.dynamodb_file(), b"SQLite format 3\0 and so on").unwrap();
    std::fs::create_dir(folder.s3_folder()).unwrap();
    folder.mark_ready().unwrap();
}

#[test]
fn an_absent_or_empty_folder_becomes_a_data_folder() {
    let place = tempfile::tempdir().unwrap();
    for path in [place.path().join("a/b"), place.path().join("empty")] {
        ready(&path);
        DataFolder::open(&path).unwrap();
    }
}

#[test]
fn an_interrupted_start_can_be_repeated() {
    let place = tempfile::tempdir().unwrap();
    // Before the marker: only the lock, or half of the marker under its first name.
    std::fs::write(place.path().join(LOCK), "").unwrap();
    std::fs::write(place.path().join(NEW_MARKER), "{\"form").unwrap();
    drop(DataFolder::open(place.path()).unwrap());
    // After it: any part of the stores.
    std::fs::write(place.path().join("dynamodb.sqlite"), "").unwrap();
    ready(place.path());
    DataFolder::open(place.path()).unwrap();
}

#[test]
fn a_folder_with_other_content_is_refused_and_not_changed() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("thesis.txt"), "").unwrap();
    let message = error(place.path());
    assert!(
        message.contains("was not made by `cargo local`") && message.contains("--data"),
        "{message}"
    );
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    assert!(super::DataFolder::open(&place.path().join("thesis.txt")).is_err());
}

#[test]
fn another_format_is_refused() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join(MARKER), r#"{"format": 2, "new": true}"#).unwrap();
    let message = error(place.path());
    assert!(message.contains("format 2") && message.contains("move it away"), "{message}");
}

#[test]
fn a_ready_folder_with_a_missing_or_broken_part_is_refused() {
    let place = tempfile::tempdir().unwrap();
    ready(place.path());
    std::fs::remove_dir(place.path().join("s3")).unwrap();
    assert!(error(place.path()).contains("s3 is missing"));
    std::fs::create_dir(place.path().join("s3")).unwrap();
    std::fs::write(place.path().join("dynamodb.sqlite"), "not a database, but text").unwrap();
    assert!(error(place.path()).contains("not an SQLite file"));
    std::fs::write(place.path().join("dynamodb.sqlite"), "").unwrap();
    assert!(error(place.path()).contains("dynamodb.sqlite"));
    std::fs::remove_file(place.path().join("dynamodb.sqlite")).unwrap();
    assert!(error(place.path()).contains("dynamodb.sqlite is missing"));
    std::fs::write(place.path().join(MARKER), "{").unwrap();
    assert!(error(place.path()).contains(MARKER));
}

#[test]
fn a_folder_is_used_by_one_stack_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    assert!(!DataFolder::is_in_use(place.path()).unwrap());
    let first = DataFolder::open(place.path()).unwrap();
    assert!(DataFolder::is_in_use(place.path()).unwrap());
    assert!(error(place.path()).contains("in use by another"));
    drop(first);
    assert!(!DataFolder::is_in_use(place.path()).unwrap());
    DataFolder::open(place.path()).unwrap();
}
