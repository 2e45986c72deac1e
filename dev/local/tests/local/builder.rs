//! Building with the real cargo: a workspace of one file, without dependencies.

use std::path::Path;

use emulator::process::Launcher;
use local::builder::{BuildError, Builder};

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_build_returns_changed_binaries_and_a_failed_one_keeps_the_former() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    let manifest = "[package]\nname = \"builder-probe\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    write(root, "Cargo.toml", manifest);
    write(root, "src/bin/probe-one.rs", "fn main() {}");
    write(root, "src/bin/probe-two.rs", "fn main() {}");
    let names = vec!["probe-one".to_owned(), "probe-two".to_owned()];
    let kept = root.join("kept");
    write(&kept, "7/left-by-a-killed-stack", "");
    let mut builder = Builder::new(root, names, kept.clone(), Launcher::Direct).unwrap();
    assert!(!kept.exists());

    let first = builder.build().await.unwrap();
    assert_eq!(first.len(), 2);
    assert!(builder.build().await.unwrap().is_empty(), "nothing changed");

    write(root, "src/bin/probe-two.rs", "fn main() { this is not Rust }");
    assert!(matches!(builder.build().await, Err(BuildError::Failed)));
    assert!(first.values().all(|binary| binary.path.is_file()));

    write(root, "src/bin/probe-two.rs", "fn main() { std::process::exit(3) }");
    let second = builder.build().await.unwrap();
    assert_eq!(second.keys().collect::<Vec<_>>(), ["probe-two"]);
    let status = std::process::Command::new(&second["probe-two"].path).status().unwrap();
    assert_eq!(status.code(), Some(3));
    drop(first);
    assert!(!kept.join("1").exists() && kept.join("2").exists());
}

#[tokio::test]
async fn a_binary_that_is_not_in_the_workspace_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    write(
        place.path(),
        "Cargo.toml",
        "[package]\nname = \"probe-none\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
    );
    write(place.path(), "src/lib.rs", "");
    let names = vec!["nowhere".to_owned()];
    let kept = place.path().join("kept");
    let mut builder = Builder::new(place.path(), names, kept, Launcher::Direct).unwrap();
    let message = builder.build().await.unwrap_err().to_string();
    assert!(message.contains("could not be built"), "{message}");
}
