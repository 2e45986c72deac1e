//! Installing and storing a layer.

use builder::{Answer, Architecture, Failure, Install, Put, Request, Resolve};
use package_index::Wheel;
use sha2::{Digest, Sha256};

use crate::support::{KEY, Setup};

#[tokio::test]
async fn the_zip_is_stored_with_the_given_headers_and_told_as_it_is() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("top", "1.0").requires("other").file("top/data.bin", [7; 5000]));
    setup.index.add(
        Wheel::new("other", "2").file(
            "other-2.dist-info/entry_points.txt",
            "[console_scripts]\ntool = other:VERSION\n",
        ),
    );
    let lock = setup.lock("top").await;
    let answer = setup.answer(Request::Install(setup.install_request(&lock))).await;
    let Answer::Installed { unzipped_bytes, zipped_bytes, zip_sha256, packages } = answer else {
        panic!("{answer:?}")
    };
    let object = setup.index.object(KEY).unwrap();
    assert_eq!(object.headers["content-length"], zipped_bytes.to_string());
    assert_eq!(object.headers["x-test"], "signed");
    assert_eq!(object.body.len() as u64, zipped_bytes);
    assert_eq!(hex::encode(Sha256::digest(&object.body)), zip_sha256);
    // The time of every entry is the first that a zip can name.
    assert_eq!(&object.body[10..14], [0, 0, 0x21, 0], "1980-01-01 00:00:00");

    let names: Vec<_> =
        packages.iter().map(|package| (&*package.name, &*package.version)).collect();
    assert_eq!(names, [("other", "2"), ("top", "1.0")]);
    assert!(packages[1].bytes > 5000);
    assert_eq!(packages.iter().map(|package| package.bytes).sum::<u64>(), unzipped_bytes);

    let files = setup.layer(&lock).await;
    assert_eq!(files["python/top/__init__.py"], b"VERSION = \"1.0\"\n");
    assert!(files.contains_key("python/top-1.0.dist-info/METADATA"));
    assert!(files.contains_key("python/other-2.dist-info/entry_points.txt"));
    let record = String::from_utf8(files["python/other-2.dist-info/RECORD"].clone()).unwrap();
    assert!(!record.contains("bin/tool") && record.contains("other/__init__.py,"), "{record}");
    let outside = files.keys().find(|path| {
        !["python/top/", "python/top-1.0.dist-info/", "python/other/", "python/other-2.dist-info/"]
            .iter()
            .any(|folder| path.starts_with(folder))
    });
    assert_eq!(outside, None);
}

#[tokio::test]
async fn the_same_lock_makes_the_same_bytes_also_when_the_index_has_more() {
    let setup = Setup::new();
    for name in ["a", "b", "c"] {
        setup.index.add(Wheel::new(name, "1").file(&format!("{name}/x.py"), "x = 1\n"));
    }
    let lock = setup.lock("a\nb\nc").await;
    setup.layer(&lock).await;
    let zip = setup.zip();
    setup.layer(&lock).await;
    assert!(setup.zip() == zip, "repeated");
    setup.index.add(Wheel::new("a", "2"));
    // A file more of the same version, which installers prefer.
    setup.index.add(Wheel::new("b", "1").build(7).file("b/x.py", "x = 2\n"));
    setup.layer(&lock).await;
    assert!(setup.zip() == zip, "with a newer index");
}

#[tokio::test]
async fn each_architecture_gets_its_own_wheel() {
    let setup = Setup::new();
    for architecture in ["aarch64", "x86_64"] {
        let wheel =
            Wheel::new("native", "1").tag(&format!("cp313-cp313-manylinux_2_17_{architecture}"));
        setup.index.add(wheel.file("native/code.so", architecture));
    }
    for architecture in [Architecture::Aarch64, Architecture::X86_64] {
        let resolve = Resolve { architecture, ..setup.resolve_request("native") };
        let answer = setup.answer(Request::Resolve(resolve)).await;
        let Answer::Resolved { lock, .. } = answer else { panic!("{answer:?}") };
        let install = Install { architecture, ..setup.install_request(&lock) };
        setup.answer(Request::Install(install)).await;
        let zip = setup.zip();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&zip)).unwrap();
        let entry = archive.by_name("python/native/code.so").unwrap();
        assert_eq!(std::io::read_to_string(entry).unwrap(), architecture.to_string());
    }
}

#[tokio::test]
async fn a_file_that_is_not_the_locked_one_is_refused_by_its_package() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("a", "1"));
    let lock = setup.lock("a").await;
    setup.index.add(Wheel::new("a", "1").file("a/more.py", ""));
    assert_eq!(
        setup.install_refusal(&lock).await,
        "The file of a==1 in the package index is not the one that was locked: its hash differs."
    );
    assert!(setup.index.object(KEY).is_none(), "nothing is stored");
}

#[tokio::test]
async fn a_layer_that_is_too_large_is_refused_with_the_largest_packages() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("large", "1").file("large/data", vec![0; 3 * 1024 * 1024]));
    setup.index.add(Wheel::new("small", "1"));
    let lock = setup.lock("large\nsmall").await;
    let install = Install { limit_bytes: 2 * 1024 * 1024, ..setup.install_request(&lock) };
    assert_eq!(
        crate::support::refusal(setup.answer(Request::Install(install)).await),
        "The packages take 3.0 MB unzipped, and 2.0 MB are allowed; the largest are large (3.0 MB), \
         small (0.0 MB)."
    );
    assert!(setup.index.object(KEY).is_none(), "nothing is stored");
}

#[tokio::test]
async fn a_put_that_the_store_refuses_is_a_failure_without_the_url() {
    let setup = Setup::new();
    setup.index.add(Wheel::new("a", "1"));
    let lock = setup.lock("a").await;
    for url in [setup.index.refused_url(), "http://127.0.0.1:9/secret".to_owned()] {
        let put = Put { url: url.clone(), headers: Default::default() };
        let install = Install { put, ..setup.install_request(&lock) };
        let failure = setup.handle(Request::Install(install)).await.unwrap_err();
        assert!(matches!(failure, Failure::Store(_)), "{failure:?}");
        assert!(!failure.to_string().contains(&url), "{failure}");
    }
}

#[tokio::test]
async fn a_lock_that_names_no_package_is_refused() {
    assert!(Setup::new().install_refusal("").await.starts_with("The lock names no package"));
}
