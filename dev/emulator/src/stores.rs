//! DynamoDB and S3, embedded in this process and reached over loopback ports.

mod error;
mod provision;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::Database;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::background::Background;
use crate::data_folder::DataFolder;
use crate::stream::{StreamError, StreamReader};
use crate::template::Template;
use crate::terminal;

pub use error::StoresError;

/// The access key of everything local, and the only one that the stores take.
pub const ACCESS_KEY_ID: &str = "local";

/// Its secret key.
pub const SECRET_ACCESS_KEY: &str = "local";

/// How often expired items are deleted. AWS may take days.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Running stores with the template's table and bucket. Dropping them stops them; data in a
/// [`DataFolder`] stay.
pub struct Stores {
    database: Database,
    dynamodb_url: String,
    s3_url: String,
    s3_folder: PathBuf,
    stream: Result<StreamReader, StreamError>,
    background: Background,
    _temporary: Option<TempDir>,
}

impl Stores {
    /// Stores whose data are lost when they are dropped.
    ///
    /// # Errors
    /// Where there is no port or temporary folder, or the template's table is refused.
    pub fn ephemeral(template: &Template) -> Result<Self, StoresError> {
        let temporary = tempfile::Builder::new().prefix("faas-backend-s3-").tempdir()?;
        let database = Database::memory().map_err(|e| StoresError::dynamodb("start", e))?;
        provision::table(&database, template, "memory")?;
        provision::bucket(temporary.path(), &template.bucket)?;
        let folder = temporary.path().to_owned();
        Self::serve(database, template, &folder, Some(temporary))
    }

    /// Stores with their data in `folder`, which is marked as ready once they are.
    ///
    /// # Errors
    /// As [`Stores::ephemeral`]; also where the folder's data are damaged or are of another
    /// template.
    pub fn open(folder: &DataFolder, template: &Template) -> Result<Self, StoresError> {
        let file = folder.dynamodb_file();
        let path = file.to_str().ok_or_else(|| folder.damaged("its path is not UTF-8"))?;
        let database = Database::new(path).map_err(|e| folder.damaged(&e.to_string()))?;
        provision::table(&database, template, &folder.path().display().to_string())?;
        if let Err(problem) = provision::stream_index(&file) {
            terminal::say(format_args!("the stream has no index, so writes get slow: {problem}"));
        }
        std::fs::create_dir_all(folder.s3_folder())?;
        provision::bucket(&folder.s3_folder(), &template.bucket)?;
        let stores = Self::serve(database, template, &folder.s3_folder(), None)?;
        folder.mark_ready()?;
        Ok(stores)
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn dynamodb_url(&self) -> &str {
        &self.dynamodb_url
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_S3`. Not `localhost`: the SDK would put the
    /// bucket's name before it.
    pub fn s3_url(&self) -> &str {
        &self.s3_url
    }

    /// The folder of the buckets: one for each.
    pub fn s3_folder(&self) -> &Path {
        &self.s3_folder
    }

    /// Deletes items that have expired by the system's clock, now and every minute. Without this
    /// call nothing is deleted, as tests need whose clock is far behind the system's.
    pub fn start_sweeping(&self) {
        self.background.spawn(sweep(self.database.clone()));
    }

    /// A reader of the table's stream, before its oldest record.
    ///
    /// # Errors
    /// Where the template's table has no stream.
    pub fn stream_reader(&self) -> Result<StreamReader, StreamError> {
        self.stream.clone()
    }

    fn serve(
        database: Database,
        template: &Template,
        s3_folder: &Path,
        temporary: Option<TempDir>,
    ) -> Result<Self, StoresError> {
        // DynamoDB's handlers block their thread, and must not keep the gateway from answering.
        let background = Background::new("stores", 4)?;
        let files = FileSystem::new(s3_folder).map_err(|e| StoresError::S3(format!("{e:?}")))?;
        let mut s3 = S3ServiceBuilder::new(files);
        s3.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));

        let (table, region) = (&template.table.name, &template.region);
        let stream = StreamReader::new(database.clone(), table, region);
        let (dynamodb, dynamodb_url) = background.listen()?;
        let (s3_listener, s3_url) = background.listen()?;
        let served = database.clone();
        background.spawn(async move {
            let never = std::future::pending();
            if let Err(problem) =
                dynoxide::server::serve_with_shutdown(dynamodb, served, never).await
            {
                terminal::say(format_args!("the embedded DynamoDB ended: {problem}"));
            }
        });
        background.spawn(serve_s3(s3_listener, s3.build()));
        Ok(Self {
            database,
            dynamodb_url,
            s3_url,
            s3_folder: s3_folder.to_owned(),
            stream,
            background,
            _temporary: temporary,
        })
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Stores");
        shown.field("dynamodb_url", &self.dynamodb_url).field("s3_url", &self.s3_url);
        shown.finish_non_exhaustive()
    }
}

async fn serve_s3(listener: TcpListener, service: S3Service) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(problem) => {
                // Most likely there is no file handle left; that passes.
                terminal::say(format_args!(
                    "the embedded S3 could not take a connection: {problem}"
                ));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = service.clone();
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            // A connection that its client closes needs no report.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn sweep(database: Database) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(problem)) => {
                terminal::say(format_args!("expired items could not be deleted: {problem}"));
            }
            // The stores are stopping.
            Err(_) => return,
        }
    }
}
