//! Functions with packages, from a request to their answer: with `uv`, the builder's own process, and a
//! package index of the test's.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request};
use package_index::{PackageIndex, Sdist, Wheel};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::client::sent;
use crate::running::Running;

/// Credentials of the index, which no answer may show.
const USER: &str = "index-reader";
const PASSWORD: &str = "index-password";

/// An index with a wheel that needs another, and a source distribution.
fn index() -> PackageIndex {
    let index = PackageIndex::start_private(USER, PASSWORD);
    index.add(
        Wheel::new("greeting", "1.0").requires("names>=1").file("greeting/__init__.py", GREETING),
    );
    index.add(Wheel::new("names", "1.2").file("names/__init__.py", "WORLD = 'world'\n"));
    index.add(Sdist::new("sourced", "0.1"));
    index
}

const GREETING: &str = "import names\n\ndef hello():\n    return 'Hello, ' + names.WORLD\n";

const CODE: &str = "# /// script
# dependencies = [\"greeting\", \"sourced==0.1\"]
# ///
import greeting, sourced

def handler(event, context):
    return [greeting.hello(), sourced.VERSION]
";

struct Stack {
    running: Running,
    functions: String,
}

impl Stack {
    async fn start(index: Option<&PackageIndex>) -> Self {
        let url = index.map(PackageIndex::url);
        let variables: Vec<_> = url.iter().map(|url| ("PACKAGE_INDEX", url.as_str())).collect();
        let running = Running::with(&["--ephemeral".as_ref()], &variables);
        let (status, made) = running.call(Method::POST, "/workspaces", &json!({"name": "w"})).await;
        assert_eq!(status, 201);
        let functions = format!("/workspaces/{}/functions", made["id"].as_str().unwrap());
        Self { running, functions }
    }

    /// Creates a function. Its path.
    async fn create(&self, code: &str, other: Value) -> String {
        let mut body = json!({"name": "f", "code": STANDARD.encode(code)});
        body.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        let (status, made) = self.running.call(Method::POST, &self.functions, &body).await;
        assert_eq!(status, 201, "{made}");
        format!("{}/{}", self.functions, made["id"].as_str().unwrap())
    }

    /// What a function returns, once its latest change is deployed.
    async fn returned(&self, function: &str) -> Value {
        let path = format!("{function}/invoke");
        loop {
            let (status, log) = self.running.call(Method::POST, &path, &json!({})).await;
            if status != 503 {
                assert_eq!(status, 200, "{log}");
                return log["responseBody"].clone();
            }
        }
    }

    async fn read(&self, function: &str) -> Value {
        self.running.call(Method::GET, function, &Value::Null).await.1
    }
}

#[tokio::test]
async fn packages_are_installed_once_and_stay_as_they_are() {
    let index = index();
    let stack = Stack::start(Some(&index)).await;
    let function = stack.create(CODE, json!({})).await;
    assert_eq!(stack.returned(&function).await, json!(["Hello, world", "0.1"]));
    let read = stack.read(&function).await;
    let [greeting, names, sourced] = [("greeting", "1.0"), ("names", "1.2"), ("sourced", "0.1")]
        .map(|(name, version)| json!({"name": name, "version": version}));
    assert_eq!(read["dependencies"]["packages"], json!([greeting, names, sourced]));
    assert_eq!(read["dependencies"]["status"], "ready");
    let shown = read.to_string();
    assert!(!shown.contains(USER) && !shown.contains(PASSWORD), "{shown}");

    // A newer version, and an index that is gone: a change of code alone asks nobody.
    index.add(Wheel::new("names", "2.0").file("names/__init__.py", "WORLD = 'new world'\n"));
    drop(index);
    let code = STANDARD.encode(format!("{CODE}# changed\n"));
    let body = json!({"code": code, "memory": 512});
    assert_eq!(stack.running.call(Method::PATCH, &function, &body).await.0, 200);
    assert_eq!(stack.returned(&function).await, json!(["Hello, world", "0.1"]));
    let again = stack.read(&function).await;
    assert_eq!(again["dependencies"], read["dependencies"]);

    // Others find that the index is gone, and the function goes on.
    let other = stack.create(CODE, json!({"requirements": "other"})).await;
    let failed =
        stack.running.until(&other, |function| function.get("deploymentError").is_some()).await;
    let message = failed["dependencies"]["message"].as_str().unwrap();
    assert!(message.contains("127.0.0.1") && !message.contains(PASSWORD), "{message}");
    assert_eq!(stack.returned(&function).await, json!(["Hello, world", "0.1"]));
}

#[tokio::test]
async fn a_project_is_uploaded_and_runs() {
    let stack = Stack::start(None).await;
    let function = stack.create("def handler(event, context): pass", json!({})).await;
    let zip = zip_of(&[
        ("repo-main/main.py", "from lib import table\ndef handler(e, c): return table.rows()\n"),
        ("repo-main/lib/__init__.py", ""),
        (
            "repo-main/lib/table.py",
            "from lib.cells import split\n\ndef rows():\n    return [split(line) for line in open('data.csv')]\n",
        ),
        ("repo-main/lib/cells.py", "def split(line):\n    return line.strip().split(',')\n"),
        ("repo-main/data.csv", "a,1\nb,2\n"),
    ]);
    let sha256 = hex::encode(sha2::Sha256::digest(&zip));
    let body = json!({"bytes": zip.len(), "sha256": sha256});
    let path = format!("{function}/uploads");
    let (status, upload) = stack.running.call(Method::POST, &path, &body).await;
    assert_eq!(status, 201, "{upload}");
    let take = json!({"upload": upload["id"]});
    let early = stack.running.call(Method::PATCH, &function, &take).await;
    assert_eq!(early.0, 422, "{}", early.1);

    let put = || Request::put(upload["url"].as_str().unwrap());
    assert_eq!(sent(put(), [&zip[..], b"more"].concat()).await.status(), 403);
    assert_eq!(sent(put(), zip).await.status(), 200);
    let (status, changed) = stack.running.call(Method::PATCH, &function, &take).await;
    assert_eq!((status, &changed["mainFile"]), (200, &json!("main.py")), "{changed}");
    assert_eq!(changed["fileCount"], 4);
    assert_eq!(stack.returned(&function).await, json!([["a", "1"], ["b", "2"]]));
}

#[tokio::test]
#[ignore = "needs PyPI; .ci/nightly runs it"]
async fn a_package_of_pypi_is_installed() {
    let stack = Stack::start(None).await;
    let code = "import humanize\ndef handler(e, c): return humanize.intcomma(1234567)\n";
    let function = stack.create(code, json!({"requirements": "humanize==4.9.0"})).await;
    assert_eq!(stack.returned(&function).await, json!("1,234,567"));
}

fn zip_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
