//! Source distributions, which are built.

use builder::{Architecture, Install, Request, Resolve};
use package_index::{Sdist, Wheel};

use crate::support::{Setup, refusal};

#[tokio::test]
async fn one_that_is_pure_is_built_for_each_target() {
    let setup = Setup::new();
    setup.index.add(Sdist::new("pure", "1.0"));
    for architecture in [Architecture::Aarch64, Architecture::X86_64] {
        let resolve = Resolve { architecture, ..setup.resolve_request("pure") };
        setup.answer(Request::Resolve(resolve)).await;
        let lock = setup.lock("pure").await;
        let install = Install { architecture, ..setup.install_request(&lock) };
        setup.answer(Request::Install(install)).await;
        let files = setup.layer(&lock).await;
        assert_eq!(files["python/pure/__init__.py"], b"VERSION = '1.0'\n");
    }
}

#[tokio::test]
async fn a_wheel_is_preferred() {
    let setup = Setup::new();
    setup.index.add(Sdist::new("both", "1").at_build("raise RuntimeError('it was built')"));
    setup.index.add(Wheel::new("both", "1"));
    let lock = setup.lock("both").await;
    setup.layer(&lock).await;
}

#[tokio::test]
async fn an_older_wheel_is_preferred_unless_the_newer_version_is_required() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("a", "1"));
    setup.index.add(Sdist::new("a", "2"));
    setup.index.add(Sdist::new("other", "1"));
    setup.index.add(Sdist::new("third", "1"));
    let lock = setup.lock("a\nother\nthird").await;
    assert!(lock.contains("a==1 ") && lock.contains("other==1 "), "{lock}");
    let lock = setup.lock("a>=2\nother").await;
    assert!(lock.contains("a==2 "), "{lock}");
    setup.layer(&lock).await;
}

#[tokio::test]
async fn one_is_built_where_the_wheels_are_for_other_platforms() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("a", "1").tag("cp313-cp313-manylinux_2_17_aarch64"));
    setup.index.add(Sdist::new("a", "1"));
    let lock = setup.lock("a").await;
    let files = setup.layer(&lock).await;
    assert_eq!(files["python/a/__init__.py"], b"VERSION = '1'\n");
}

#[tokio::test]
async fn one_that_is_not_pure_is_refused_by_its_name() {
    let setup = Setup::new();
    // For the interpreter that builds it, and for another one.
    setup.index.add(Sdist::new("tagged", "1").tag("cp35-cp35m-linux_x86_64"));
    // It says that it is pure.
    setup.index.add(Sdist::new("lying", "1").at_build("files['lying/code.so'] = 'ELF'"));
    // It fits any version of Python, but not each processor.
    setup.index.add(Sdist::new("binary", "1").tag("py3-none-linux_x86_64"));
    for name in ["tagged", "lying", "binary"] {
        let lock = setup.lock(name).await;
        assert_eq!(
            setup.install_refusal(&lock).await,
            format!(
                "{name}==1 has no wheel for Python 3.13 on x86_64, and its source distribution is not \
                 pure Python: only source distributions that are pure Python are built."
            )
        );
    }
}

#[tokio::test]
async fn one_whose_build_fails_is_refused_with_its_exception() {
    let setup = Setup::new();
    setup.index.add(Sdist::new("broken", "1").at_build("raise RuntimeError('no compiler found')"));
    assert_eq!(
        setup.refusal("broken").await,
        "broken==1 has no wheel for Python 3.13 on x86_64, and the build of its source distribution \
         failed: RuntimeError: no compiler found."
    );
}

#[tokio::test]
async fn a_link_that_a_build_puts_into_the_layer_is_refused() {
    let setup = Setup::new();
    // Until it is installed, which the build waits for, there is no folder for the link.
    let link = "import os, subprocess, sys\n\
                work = os.path.dirname(os.environ['HOME'])\n\
                layer = os.path.join(work, 'layer', 'python')\n\
                os.makedirs(layer, exist_ok=True)\n\
                os.symlink('/etc/passwd', os.path.join(layer, 'link'))\n";
    setup.index.add(Sdist::new("linking", "1").at_build(link));
    let lock = setup.lock("linking").await;
    let answer = setup.answer(Request::Install(setup.install_request(&lock))).await;
    assert_eq!(
        refusal(answer),
        "The packages have a link, or another file that isn't regular, which a layer can't have: link."
    );
}
