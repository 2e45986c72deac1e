//! Choosing versions.

use builder::{Answer, Architecture, PythonVersion, Request, Resolve};
use package_index::{PackageIndex, Wheel};

use crate::support::Setup;

fn versions(answer: &Answer) -> Vec<(&str, &str)> {
    let Answer::Resolved { packages, .. } = answer else { panic!("{answer:?}") };
    packages.iter().map(|package| (&*package.name, &*package.version)).collect()
}

#[tokio::test]
async fn a_lock_has_each_package_with_its_hashes() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("top", "1.0").requires("inner_part>=1"));
    setup.index.add(Wheel::new("inner_part", "1.5"));
    let answer = setup.answer(Request::Resolve(setup.resolve_request("top  # comment\n"))).await;
    assert_eq!(versions(&answer), [("inner-part", "1.5"), ("top", "1.0")]);
    let Answer::Resolved { lock, .. } = answer else { unreachable!() };
    assert_eq!(lock.matches("--hash=sha256:").count(), 2, "{lock}");
    assert!(!lock.contains("://") && !lock.contains('#'), "{lock}");
}

#[tokio::test]
async fn wheels_are_chosen_for_the_target_and_not_for_the_builder() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("native", "1").tag("cp313-cp313-manylinux_2_28_x86_64"));
    setup.index.add(Wheel::new("native", "1").tag("cp311-cp311-manylinux_2_17_x86_64"));
    setup.index.add(Wheel::new("native", "2").tag("cp313-cp313-manylinux_2_28_aarch64"));
    setup.index.add(Wheel::new("native", "3").tag("cp311-cp311-manylinux_2_28_x86_64"));
    setup.index.add(
        Wheel::new("top", "1")
            .requires("native")
            .requires("only_arm; platform_machine == 'aarch64'"),
    );
    setup.index.add(Wheel::new("only_arm", "1"));
    for (python, architecture, expected) in [
        (PythonVersion::V3_13, Architecture::X86_64, &[("native", "1"), ("top", "1")][..]),
        (
            PythonVersion::V3_13,
            Architecture::Aarch64,
            &[("native", "2"), ("only-arm", "1"), ("top", "1")],
        ),
        // Amazon Linux 2 has an older glibc than 2.28.
        (PythonVersion::V3_11, Architecture::X86_64, &[("native", "1"), ("top", "1")]),
    ] {
        let request = Resolve { python, architecture, ..setup.resolve_request("top") };
        let answer = setup.answer(Request::Resolve(request)).await;
        assert_eq!(versions(&answer), expected, "{python} {architecture}");
    }
}

#[tokio::test]
async fn a_time_hides_what_was_uploaded_later() {
    let setup = Setup::new();
    let add = |version, time| {
        let wheel = package_index::Distribution::from(Wheel::new("a", version));
        setup.index.add(wheel.uploaded(time));
    };
    add("1", "2024-01-01T00:00:00Z");
    add("2", "2024-06-01T00:00:00Z");
    let resolve = |requirements: &str, time: Option<&str>| Resolve {
        as_of: time.map(|time| time.parse().unwrap()),
        ..setup.resolve_request(requirements)
    };
    for (time, version) in [(None, "2"), (Some("2024-05-31T23:59:59Z"), "1")] {
        let answer = setup.answer(Request::Resolve(resolve("a", time))).await;
        assert_eq!(versions(&answer), [("a", version)], "{time:?}");
    }
    let answer =
        setup.answer(Request::Resolve(resolve("a==2", Some("2024-02-01T00:00:00Z")))).await;
    assert_eq!(
        crate::support::refusal(answer),
        "a has no version that meets the requirements and was uploaded before 2024-02-01T00:00:00Z."
    );
}

#[tokio::test]
async fn a_version_that_was_withdrawn_is_not_chosen() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("a", "1"));
    setup.index.add(package_index::Distribution::from(Wheel::new("a", "2")).yanked());
    assert!(setup.lock("a").await.starts_with("a==1 "));
}

#[tokio::test]
async fn no_requirements_are_an_empty_lock() {
    let setup = Setup::new();
    let answer = setup.answer(Request::Resolve(setup.resolve_request("# none\n"))).await;
    assert_eq!(answer, Answer::Resolved { lock: String::new(), packages: Vec::new() });
}

#[tokio::test]
async fn a_private_index_is_used_with_the_credentials_of_its_url() {
    let index = PackageIndex::start_private("me", "secret-word");
    index.add(Wheel::new("a", "1"));
    let setup = Setup { index, ..Setup::new() };
    let lock = setup.lock("a").await;
    assert!(!lock.contains("secret-word"));
    setup.layer(&lock).await;
}

#[test]
fn requests_and_answers_have_the_agreed_form() {
    let request = serde_json::json!({"resolve": {"requirements": "a", "python": "3.11",
        "architecture": "aarch64", "asOf": "2024-06-01T00:00:00Z", "index": null}});
    let Request::Resolve(resolve) = serde_json::from_value(request).unwrap() else { panic!() };
    assert_eq!(resolve.architecture, Architecture::Aarch64);
    assert_eq!(resolve.as_of.unwrap().to_string(), "2024-06-01T00:00:00Z");
    let request = serde_json::json!({"install": {"lock": "", "python": "3.13",
        "architecture": "x86_64", "index": null, "limitBytes": 5,
        "put": {"url": "https://store.example", "headers": {"a": "b"}}}});
    let Request::Install(install) = serde_json::from_value(request).unwrap() else { panic!() };
    assert_eq!((install.limit_bytes, &*install.put.headers["a"]), (5, "b"));
    assert!(!format!("{install:?}").contains("store.example"));
    let answer = Answer::Installed {
        unzipped_bytes: 3,
        zipped_bytes: 2,
        zip_sha256: "0".to_owned(),
        packages: Vec::new(),
    };
    assert_eq!(
        serde_json::to_value(answer).unwrap(),
        serde_json::json!({"installed": {"unzippedBytes": 3, "zippedBytes": 2, "zipSha256": "0",
            "packages": []}})
    );
    assert_eq!(
        serde_json::to_value(Answer::Refused { message: "m".to_owned() }).unwrap(),
        serde_json::json!({"refused": {"message": "m"}})
    );
}
