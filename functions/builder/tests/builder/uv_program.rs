//! Where `uv` is.

use std::fs;

use builder::{Answer, Builder, Limits, Request, Settings, UvSource};
use package_index::{Sdist, Wheel};

use crate::support::{Setup, python, uv_folder};

#[tokio::test]
async fn in_the_work_folder_it_alone_is_spared() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("a", "1"));
    setup.lock("a").await;
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("uv");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("uv-0.13.9");
    fs::copy(uv_folder().join("uv-0.13.9"), &program).unwrap();
    fs::write(folder.join("other"), "").unwrap();
    fs::write(work.path().join("other"), "").unwrap();

    let builder = Builder::new(Settings {
        python: python(),
        libraries: None,
        work: work.path().to_owned(),
        uv: UvSource::Download(folder.clone()),
        certificates: None,
        targets: builder::Targets::AsRequested,
        limits: Limits::default(),
    });
    let leave = "import os\n\
                 work = os.path.dirname(os.environ['HOME'])\n\
                 for folder in [work, os.path.join(work, 'uv')]:\n    \
                     open(os.path.join(folder, 'left'), 'w').close()\n";
    setup.index.add(Sdist::new("leaving", "1").at_build(leave));
    let request = Request::Resolve(setup.resolve_request("leaving"));
    let answer = builder.handle(request).await.unwrap();
    assert!(matches!(answer, Answer::Resolved { .. }), "{answer:?}");
    for (folder, expected) in [(work.path(), folder.clone()), (&folder, program)] {
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left, [expected]);
    }
}
