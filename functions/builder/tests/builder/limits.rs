//! How long a build may take.

use std::time::{Duration, Instant};

use builder::{Limits, UvSource};
use package_index::{PackageIndex, Sdist, Wheel};

use crate::support::{Setup, uv_folder};

#[tokio::test]
async fn a_build_that_takes_too_long_is_ended_with_all_that_it_started() {
    let limits = Limits { resolve: Duration::from_secs(3), ..Limits::default() };
    // With `uv` in place, so that the limit is that of the build alone.
    let first = Setup::new();
    first.index.add(Wheel::new("a", "1"));
    first.lock("a").await;
    let setup = Setup::with(PackageIndex::start(), UvSource::Download(uv_folder()), limits);
    // The second one keeps the pipes of `uv` open.
    let wait = "import subprocess, sys, time\n\
                subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n\
                time.sleep(600)\n";
    setup.index.add(Sdist::new("slow", "1").at_build(wait));
    let start = Instant::now();
    assert_eq!(
        setup.refusal("slow").await,
        "slow==1 has no wheel, and the build of its source distribution took longer than the 3 seconds \
         that are allowed."
    );
    assert!(start.elapsed() < Duration::from_secs(60));
}
