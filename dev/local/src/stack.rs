//! The whole local stack: stores, engine, Lambdas, gateway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jsonwebtoken::jwk::JwkSet;
use tempfile::TempDir;

use crate::background::Background;
use crate::builder::{BuildError, Builder};
use crate::endpoints::{self, EndpointsError, EndpointsFile};
use crate::gateway::{Api, Gateway, Port, Tokens};
use crate::lambdas::{builder_variables, host, start_pools};
use crate::rebuilding::rebuild_on_change;
use emulator::data_folder::{DataFolder, DataFolderError};
use emulator::engine::Engine;
use emulator::event_source::EventSources;
use emulator::process::Launcher;
use emulator::stores::{Stores, StoresError};
use emulator::stream::StreamError;
use emulator::template::{DEFAULT_REGION, Template, TemplateError};
use emulator::terminal::say;
use emulator::worker::InvokeError;
use emulator::worker_pool::WorkerPool;

/// The settings of a stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// The workspace: the folder of `template.yaml`.
    pub root: PathBuf,
    /// The gateway's port; 0 for any free one.
    pub port: u16,
    /// The data folder; `None` keeps the data in memory.
    pub data: Option<PathBuf>,
    /// The issuer of tokens; `None` leaves the API open.
    pub sign_in: Option<SignIn>,
    /// Whether to rebuild when the source changes.
    pub watch: bool,
    /// How child processes are started.
    pub launcher: Launcher,
    /// Built binaries by name; `None` builds them with cargo.
    pub binaries: Option<BTreeMap<String, PathBuf>>,
}

/// The issuer of tokens.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The issuer that tokens must name: the template's `JwtIssuer`.
    pub issuer: String,
    /// The audiences of which tokens must name one: the template's `JwtAudience`.
    pub audience: Vec<String>,
    /// The file with its public keys, a JSON Web Key Set.
    pub keys: PathBuf,
}

/// Why a stack could not be started: one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The template can't be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The port can't be used.
    #[error(
        "port {port} can't be used ({source}); stop what uses it, or choose another port with --port, such as --port {}",
        port.checked_add(1).unwrap_or(8000)
    )]
    Port {
        /// The port.
        port: u16,
        /// The system's error.
        source: std::io::Error,
    },
    /// The data folder can't be used.
    #[error(transparent)]
    Folder(#[from] DataFolderError),
    /// The stores can't be started.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// The engine can't be started.
    #[error("the local engine could not be started: {0}")]
    Engine(std::io::Error),
    /// The stream can't be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The binaries can't be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A Lambda does not start.
    #[error("the Lambda {name} could not be started: {source}")]
    Lambda {
        /// Its binary.
        name: String,
        /// Why.
        source: InvokeError,
    },
    /// The endpoints can't be written.
    #[error(transparent)]
    Endpoints(#[from] EndpointsError),
    /// An issuer is given, and the template has no authorizer.
    #[error(
        "--jwt-issuer {0:?} gives the template no authorizer: it is empty, or template.yaml has none"
    )]
    NoAuthorizer(String),
    /// The issuer's keys can't be read.
    #[error(
        "the keys in {path} can't be used: {problem}; --jwks takes a JSON Web Key Set, as the issuer publishes it"
    )]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A temporary folder can't be created.
    #[error("no temporary folder could be created: {0}")]
    Temporary(std::io::Error),
}

/// A running stack. Dropping it ends everything at once; [`Stack::stop`] first lets requests
/// finish.
#[derive(Debug)]
pub struct Stack {
    port: u16,
    template: Template,
    data: Option<PathBuf>,
    // Dropped in this order: requests, event sources, Lambdas, engine, stores, folder.
    gateway: Gateway,
    _event_sources: Option<EventSources>,
    rebuilding: Option<Background>,
    _hosted: Vec<Background>,
    _endpoints: Option<EndpointsFile>,
    engine: Engine,
    stores: Stores,
    _folder: Option<DataFolder>,
    _temporary: Option<TempDir>,
}

impl SignIn {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![("JwtIssuer", self.issuer.clone()), ("JwtAudience", self.audience.join(","))]
    }

    fn read_keys(&self) -> Result<JwkSet, StackError> {
        let problem = |problem: String| StackError::Keys { path: self.keys.clone(), problem };
        let text = std::fs::read(&self.keys).map_err(|e| problem(e.to_string()))?;
        serde_json::from_slice(&text).map_err(|e| problem(e.to_string()))
    }
}

impl Stack {
    /// Starts everything and returns once requests are answered.
    ///
    /// # Errors
    /// A sentence with the reason and what to do. Nothing is left running.
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let begun = Instant::now();
        let parameters = options.sign_in.as_ref().map(SignIn::parameters).unwrap_or_default();
        let path = options.root.join("template.yaml");
        let template = Template::read_with(&path, DEFAULT_REGION, &parameters)?;
        if let Some(sign_in) = &options.sign_in
            && template.authorizer.is_none()
        {
            return Err(StackError::NoAuthorizer(sign_in.issuer.clone()));
        }
        let keys = options.sign_in.as_ref().map(SignIn::read_keys).transpose()?;
        // The port first: it fails most often, and at once.
        let port = Port::bind(options.port)
            .await
            .map_err(|source| StackError::Port { port: options.port, source })?;
        let number = port.number();
        let (folder, temporary, binaries_folder, functions) = match &options.data {
            Some(path) => {
                let folder = DataFolder::open(path)?;
                endpoints::remove_stale(&folder)?;
                let (binaries, functions) = (folder.binaries_folder(), folder.engine_folder());
                (Some(folder), None, binaries, functions)
            }
            None => {
                let mut builder = tempfile::Builder::new();
                let temporary = builder.prefix("faas-backend-").tempdir();
                let temporary = temporary.map_err(StackError::Temporary)?;
                let binaries = temporary.path().join("bin");
                let functions = temporary.path().join("engine");
                (None, Some(temporary), binaries, functions)
            }
        };
        let stores = match &folder {
            Some(folder) => Stores::open(folder, &template)?,
            None => Stores::ephemeral(&template)?,
        };
        stores.start_sweeping();
        let (launcher, root) = (options.launcher, &options.root);
        let engine = Engine::start(&functions, launcher, &template.region, root);
        let engine = engine.map_err(StackError::Engine)?;
        engine.serve_objects(stores.s3_folder());
        say(format_args!("stores are up after {:.1} s", begun.elapsed().as_secs_f64()));

        let built = begun.elapsed();
        let (binaries, builder) = match &options.binaries {
            Some(paths) => {
                let given = |(name, path): (&String, &PathBuf)| (name.clone(), path.clone().into());
                (paths.iter().map(given).collect(), None)
            }
            None => {
                let names = template.functions.iter().map(|f| f.binary.clone()).collect();
                let mut builder =
                    Builder::new(&options.root, names, binaries_folder, options.launcher)?;
                say("building the Lambdas; requests wait until they are there");
                let binaries = builder.build().await?;
                let seconds = (begun.elapsed() - built).as_secs_f64();
                say(format_args!("the Lambdas are built, in {seconds:.1} s"));
                (binaries, Some(builder))
            }
        };
        let variables = endpoints::variables(&stores, &engine, &template.region);
        // Without Python, a function's own error says so.
        let python = engine.python().await.unwrap_or_else(|_| "python3".into());
        let own = builder_variables(&python, root, &functions);
        let pools = start_pools(&template, variables, &own, options.launcher, binaries).await?;
        let hosted = host(&engine, &pools);
        let event_sources = start_event_sources(&template, &stores, &pools, folder.as_ref())?;
        let routes = template
            .functions
            .iter()
            .zip(&pools)
            .flat_map(|(function, pool)| {
                function.routes.iter().map(move |route| (route.clone(), pool.clone()))
            })
            .collect();
        let endpoints = match &folder {
            Some(folder) => Some(EndpointsFile::write(folder, &template, &stores, &engine)?),
            None => None,
        };
        let authorizer = template.authorizer.clone();
        let tokens = authorizer.zip(keys).map(|(authorizer, keys)| Tokens::new(authorizer, keys));
        let api = Api { routes, cors: template.cors.clone(), tokens };
        let gateway = Gateway::start(port, api);
        let rebuilding = builder
            .filter(|_| options.watch)
            .and_then(|builder| rebuild_on_change(&options.root, builder, pools));
        Ok(Self {
            port: number,
            template,
            data: options.data,
            gateway,
            _event_sources: event_sources,
            rebuilding,
            _hosted: hosted,
            _endpoints: endpoints,
            engine,
            stores,
            _folder: folder,
            _temporary: temporary,
        })
    }

    /// `http://localhost:PORT`, where the API is.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Its template.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Its DynamoDB and S3.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Its engine, in which users' functions run.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Its addresses and data folder, in five lines for people. A data folder below `base` is named
    /// relative to it.
    pub fn summary(&self, base: &Path) -> String {
        let data = match &self.data {
            Some(path) => path.strip_prefix(base).unwrap_or(path).display().to_string(),
            None => "in memory, forgotten at the end".to_owned(),
        };
        let signs_in = match &self.template.authorizer {
            Some(authorizer) => format!("   for users of {}", authorizer.issuer),
            None => String::new(),
        };
        format!(
            "FaaS Backend, local\n\
             \x20 API        {}{signs_in}\n\
             \x20 DynamoDB   {}   table {}\n\
             \x20 S3         {}   bucket {}\n\
             \x20 Engine     {}   {}\n\
             \x20 Data       {data}",
            self.url(),
            self.stores.dynamodb_url(),
            self.template.table.name,
            self.stores.s3_url(),
            self.template.bucket,
            self.engine.url(),
            self.engine.summary(),
        )
    }

    /// Waits up to 5 seconds for running requests, and ends everything.
    pub async fn stop(self) {
        let Self { gateway, rebuilding, .. } = self;
        drop(rebuilding);
        gateway.stop().await;
    }
}

/// Starts the template's event source mappings; `None` if it has none.
fn start_event_sources(
    template: &Template,
    stores: &Stores,
    pools: &[WorkerPool],
    folder: Option<&DataFolder>,
) -> Result<Option<EventSources>, StreamError> {
    let mut mappings = Vec::new();
    for (function, pool) in template.functions.iter().zip(pools) {
        let of_this = function.mappings.iter();
        mappings.extend(of_this.map(|mapping| (mapping.clone(), pool.clone())));
    }
    if mappings.is_empty() {
        return Ok(None);
    }
    let checkpoints = folder.map(DataFolder::streams_folder);
    EventSources::start(&stores.stream_reader()?, mappings, checkpoints.as_deref()).map(Some)
}
