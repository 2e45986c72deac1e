//! What is told to the function's owner.

use builder::{Answer, Architecture, Request, Resolve};
use package_index::{PackageIndex, Wheel};

use crate::support::{Setup, refusal};

#[tokio::test]
async fn a_package_that_is_missing_is_named() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("top", "1").requires("inner_missing"));
    assert_eq!(setup.refusal("nosuch").await, "nosuch was not found in the package index.");
    assert_eq!(setup.refusal("top").await, "inner-missing was not found in the package index.");
}

#[tokio::test]
async fn a_version_that_is_missing_is_named() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("a", "1"));
    assert_eq!(setup.refusal("a==99").await, "There is no version a==99 in the package index.");
    let message = setup.refusal("a>=99").await;
    assert!(message.contains("a<99 is available") || message.contains("a>=99"), "{message}");
}

#[tokio::test]
async fn a_conflict_names_the_packages() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("top", "1").requires("inner>=2"));
    setup.index.add(Wheel::new("inner", "1"));
    setup.index.add(Wheel::new("inner", "2"));
    let message = setup.refusal("top\ninner<2").await;
    assert_eq!(
        message,
        "Because all versions of top depend on inner>=2 and you require top, we can conclude that you \
         require inner>=2. And because you require inner<2, your requirements are unsatisfiable."
    );
}

#[tokio::test]
async fn a_package_without_a_wheel_for_the_target_is_told_with_the_platforms_that_it_has() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("native", "1").tag("cp313-cp313-manylinux_2_17_aarch64"));
    assert_eq!(
        setup.refusal("native").await,
        "native==1 has no wheel for Python 3.13 on x86_64, only for the platform: \
         manylinux_2_17_aarch64, and no source distribution."
    );
}

#[tokio::test]
async fn an_index_that_is_not_reached_is_told_by_its_host_without_credentials() {
    let setup = Setup::new();
    let index = Some("http://someone:secret-word@127.0.0.1:9/simple".to_owned());
    let resolve = Resolve { index, ..setup.resolve_request("a") };
    let Answer::Unreachable { message } = setup.answer(Request::Resolve(resolve)).await else {
        panic!("it was reached")
    };
    assert!(
        message.starts_with("The package index at 127.0.0.1:9 couldn't be reached: "),
        "{message}"
    );
    assert!(!message.contains("someone") && !message.contains("secret-word"), "{message}");
}

#[tokio::test]
async fn an_index_that_asks_for_other_credentials_is_told_by_its_host() {
    let index = PackageIndex::start_private("me", "right-word");
    index.add(Wheel::new("a", "1"));
    let wrong = index.url().replace("right-word", "wrong-word");
    let setup = Setup { index, ..Setup::new() };
    let resolve = Resolve { index: Some(wrong), ..setup.resolve_request("a") };
    let message = refusal(setup.answer(Request::Resolve(resolve)).await);
    assert!(message.starts_with("The package index at 127.0.0.1:"), "{message}");
    assert!(message.ends_with("asks for credentials: check the user and the password of its URL."));
}

#[tokio::test]
async fn a_line_that_is_no_package_of_the_index_is_told_by_its_number() {
    let setup = Setup::new();
    assert_eq!(
        setup.refusal("a\n-r /etc/passwd").await,
        "Line 2 of the requirements is or has an option (-r /etc/passwd): each line must be a package of \
         the index, such as requests==2.32.3."
    );
    let message = setup.refusal("a==").await;
    assert!(message.contains("Unexpected end of version specifier"), "{message}");
}

#[tokio::test]
async fn both_architectures_are_told_as_they_are_named_in_requests() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("native", "1").tag("cp313-cp313-manylinux_2_17_x86_64"));
    let architecture = Architecture::Aarch64;
    let resolve = Resolve { architecture, ..setup.resolve_request("native") };
    let message = refusal(setup.answer(Request::Resolve(resolve)).await);
    assert!(message.contains("Python 3.13 on aarch64"), "{message}");
}
