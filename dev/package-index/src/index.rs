//! The index and its server.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::distribution::Distribution;
use crate::http::{self, Request, Response};
use crate::store::Object;

/// A running index.
#[derive(Debug)]
pub struct PackageIndex {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// By the names of the files.
    files: Mutex<BTreeMap<String, Distribution>>,
    objects: Mutex<BTreeMap<String, Object>>,
    /// The user and the password of the index, where it asks for them.
    credentials: Option<(String, String)>,
    stopped: AtomicBool,
}

impl PackageIndex {
    /// An empty one, open to all.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn start() -> Self {
        Self::with(Shared::default())
    }

    /// An empty one, whose packages are for one user.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn start_private(user: &str, password: &str) -> Self {
        let credentials = Some((user.to_owned(), password.to_owned()));
        Self::with(Shared { credentials, ..Shared::default() })
    }

    /// Where its packages are, with the credentials where it asks for them.
    #[must_use]
    pub fn url(&self) -> String {
        let credentials = self.shared.credentials.as_ref();
        let user = credentials.map(|(user, password)| format!("{user}:{password}@"));
        format!("http://{}{}/simple", user.unwrap_or_default(), self.address)
    }

    /// Adds a file, or replaces the one of its name.
    pub fn add(&self, distribution: impl Into<Distribution>) {
        let distribution = distribution.into();
        lock(&self.shared.files).insert(distribution.file_name.clone(), distribution);
    }

    /// Where an object is PUT.
    #[must_use]
    pub fn object_url(&self, key: &str) -> String {
        format!("http://{}/objects/{key}", self.address)
    }

    /// Where a PUT is refused with 403.
    #[must_use]
    pub fn refused_url(&self) -> String {
        format!("http://{}/refused/object", self.address)
    }

    /// What was PUT last under a key.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<Object> {
        lock(&self.shared.objects).get(key).cloned()
    }

    fn with(shared: Shared) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shared = Arc::new(shared);
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if server.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&server);
                // A client that breaks a connection off needs no answer.
                thread::spawn(move || {
                    let _ = http::serve(connection, |request| shared.respond(request));
                });
            }
        });
        Self { address, shared }
    }
}

impl Drop for PackageIndex {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for a connection.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn respond(&self, request: Request) -> Response {
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("PUT", ["objects", key]) => {
                let Request { headers, body, .. } = request;
                lock(&self.objects).insert((*key).to_owned(), Object { headers, body });
                Response::status("200 OK")
            }
            ("PUT", _) => Response::status("403 Forbidden"),
            (_, ["simple" | "files", _]) if !self.admits(&request) => {
                Response::status("401 Unauthorized")
            }
            (_, ["simple", package]) => self.package(package),
            (_, ["files", name]) => match lock(&self.files).get(*name) {
                Some(file) => Response {
                    status: "200 OK",
                    content_type: "application/octet-stream",
                    body: file.content.clone(),
                },
                None => Response::status("404 Not Found"),
            },
            _ => Response::status("404 Not Found"),
        }
    }

    fn admits(&self, request: &Request) -> bool {
        self.credentials.as_ref().is_none_or(|(user, password)| {
            let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            request.headers.get("authorization") == Some(&expected)
        })
    }

    fn package(&self, package: &str) -> Response {
        let normal = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
        let files = lock(&self.files);
        let of_package = files.values().filter(|file| normal(&file.package) == normal(package));
        let listed: Vec<_> = of_package
            .map(|file| {
                json!({
                    "filename": file.file_name,
                    "url": format!("/files/{}", file.file_name),
                    "hashes": {"sha256": hex::encode(Sha256::digest(&file.content))},
                    "size": file.content.len(),
                    "upload-time": file.uploaded,
                    "yanked": file.yanked,
                })
            })
            .collect();
        if listed.is_empty() {
            return Response::status("404 Not Found");
        }
        let page = json!({"meta": {"api-version": "1.1"}, "name": package, "files": listed});
        Response {
            status: "200 OK",
            content_type: "application/vnd.pypi.simple.v1+json",
            body: page.to_string().into_bytes(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
