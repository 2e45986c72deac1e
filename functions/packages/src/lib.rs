//! Has the packages of functions resolved and installed, and publishes them as layers.
//!
//! Each step looks first for what an earlier attempt, or another function with the same requirements,
//! has done. So an event can be delivered again, and an attempt can end anywhere. The builder runs
//! code of strangers and has no permissions; everything that needs one is done here.

use std::time::Duration;

use shared::domain::{Layer, LayerKey, Packages as State};
use shared::engine::{Built, Engine, LONGEST_BUILD, PackagesWanted, Published};
use shared::error::Error;
use shared::layer_release::release_layers;
use shared::metrics;
use shared::store::{LayerUse, Lease, PackagesOfFunction, Resolution, Store};
use tokio::time::sleep;

/// How long an attempt at a step holds its lease: longer than the step can take.
const LEASE: Duration = LONGEST_BUILD.saturating_add(Duration::from_secs(60));

/// How long the address of a zip can be written to.
const ADDRESS_VALID: Duration = LEASE;

/// The pause before another look at what somebody else is doing.
const PAUSE: Duration = Duration::from_secs(1);

/// How often somebody else's work is looked at.
///
/// With the time limits of the builder, two waits and two builds fit into the timeout of the Lambda.
const LOOKS: u32 = 120;

/// Why a function's packages can't be had.
enum Failed {
    /// Repeating it doesn't help: the function's owner is told why.
    Refused(String),
    /// The package index couldn't be reached: the owner is told, and Lambda repeats the attempt.
    Unreachable(String),
    /// The function is gone, or requires something else by now.
    Outdated,
    /// The requirements were resolved, but their lock is gone.
    NoLock,
    /// Repeating it may help.
    Error(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Has packages installed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Packages {
    store: Store,
    engine: Engine,
    pause: Duration,
}

impl Packages {
    /// For the functions of `store`, with the builder and the layers of `engine`.
    pub fn new(store: Store, engine: Engine) -> Self {
        Self { store, engine, pause: PAUSE }
    }

    /// The same with another pause between two looks at what somebody else is doing.
    #[must_use]
    pub fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Brings the packages of a function in line with its requirements, and has it deployed.
    ///
    /// # Errors
    /// What repeating the event may mend. Lambda does.
    pub async fn handle(&self, event: PackagesWanted) -> Result<(), Error> {
        // The future is large.
        let handled = Box::pin(self.install(&event)).await;
        handled.inspect_err(|error| {
            let function = &event.function;
            tracing::error!(%function, cause = error.causes(), "packages are not installed");
            tracing::info!(target: metrics::TARGET, %function, BuildErrors = 1);
        })
    }

    async fn install(&self, event: &PackagesWanted) -> Result<(), Error> {
        let PackagesWanted { workspace: ws, function: id } = event;
        let Some(wanted) = self.store.packages_of_function(ws, id).await? else {
            // What was built for it meanwhile is not needed.
            return release_layers(&self.store, &self.engine, ws, id).await;
        };
        match wanted.packages {
            State::None => return release_layers(&self.store, &self.engine, ws, id).await,
            State::Ready { .. } if wanted.is_deployed => return Ok(()),
            // An earlier attempt ended before the function was to be deployed.
            State::Ready { .. } | State::Failed { is_final: true, .. } => {}
            State::Wanted | State::Failed { .. } => match self.layer(event, &wanted).await {
                Ok((key, layer)) => {
                    if !self.store.record_packages(ws, id, &wanted, key, layer).await? {
                        return self.outdated(event).await;
                    }
                }
                Err(Failed::Refused(message)) => {
                    self.store.record_failed_packages(ws, id, &wanted, message, true).await?;
                }
                Err(Failed::Unreachable(message)) => {
                    let told = message.clone();
                    self.store.record_failed_packages(ws, id, &wanted, message, false).await?;
                    self.store.redeploy(ws, id).await?;
                    return Err(Error::Unavailable(told.into()));
                }
                Err(Failed::Outdated) => return self.outdated(event).await,
                Err(Failed::NoLock) => {
                    return Err(Error::Unavailable("the lock of a layer is gone".into()));
                }
                Err(Failed::Error(error)) => return Err(error),
            },
        }
        self.store.redeploy(ws, id).await
    }

    /// What was built isn't needed: the function requires something else by now, or is gone.
    async fn outdated(&self, event: &PackagesWanted) -> Result<(), Error> {
        let PackagesWanted { workspace: ws, function: id } = event;
        release_layers(&self.store, &self.engine, ws, id).await?;
        // It may have asked for the others before this attempt was noted as the one that is going on.
        match self.store.function_exists(ws, id).await? {
            true => self.store.redeploy(ws, id).await,
            false => Ok(()),
        }
    }

    /// The layer of a function's packages.
    async fn layer(
        &self,
        event: &PackagesWanted,
        wanted: &PackagesOfFunction,
    ) -> Result<(LayerKey, Layer), Failed> {
        // Futures of this size would fill the stack of a thread.
        match Box::pin(self.layer_of_resolution(event, wanted)).await {
            // The lock was deleted with its layer, after the requirements were resolved.
            Err(Failed::NoLock) => {
                let key = self.store.resolution_key(&wanted.owner, &wanted.digest());
                self.store.forget_resolution(&key).await?;
                Box::pin(self.layer_of_resolution(event, wanted)).await
            }
            result => result,
        }
    }

    async fn layer_of_resolution(
        &self,
        event: &PackagesWanted,
        wanted: &PackagesOfFunction,
    ) -> Result<(LayerKey, Layer), Failed> {
        let resolution = Box::pin(self.resolution(event, wanted)).await?;
        let key = self.store.layer_key(&wanted.owner, &resolution.lock_hash, wanted.runtime);
        self.use_layer(event, &key).await?;
        for _ in 0..LOOKS {
            match self.store.lease_layer(&key, LEASE).await? {
                Lease::Done(layer) => return Ok((key, layer)),
                Lease::Held => {
                    let built = Box::pin(self.build(&key, &resolution, wanted)).await;
                    if built.is_err() {
                        self.store.give_up_layer(&key).await?;
                    }
                    return built.map(|layer| (key, layer));
                }
                Lease::Busy => sleep(self.pause).await,
            }
        }
        Err(busy().into())
    }

    /// Keeps the layer as long as the function needs it.
    async fn use_layer(&self, event: &PackagesWanted, key: &LayerKey) -> Result<(), Failed> {
        match self.store.use_layer(&event.workspace, &event.function, key).await? {
            LayerUse::Counted => Ok(()),
            LayerUse::NoFunction => Err(Failed::Outdated),
        }
    }

    /// What the requirements of a function are resolved to.
    async fn resolution(
        &self,
        event: &PackagesWanted,
        wanted: &PackagesOfFunction,
    ) -> Result<Resolution, Failed> {
        let key = self.store.resolution_key(&wanted.owner, &wanted.digest());
        for _ in 0..LOOKS {
            match self.store.lease_resolution(&key, LEASE).await? {
                Lease::Done(resolution) => return Ok(resolution),
                Lease::Held => {
                    let resolved = self.resolve(event, wanted).await;
                    return match resolved {
                        Ok(resolution) => {
                            Ok(self.store.record_resolution(&key, &resolution).await?)
                        }
                        Err(failed) => {
                            self.store.give_up_resolution(&key).await?;
                            Err(failed)
                        }
                    };
                }
                Lease::Busy => sleep(self.pause).await,
            }
        }
        Err(busy().into())
    }

    async fn resolve(
        &self,
        event: &PackagesWanted,
        wanted: &PackagesOfFunction,
    ) -> Result<Resolution, Failed> {
        let now = self.store.now();
        let resolved = self.engine.resolve(&wanted.required, wanted.runtime, now).await?;
        let resolved = done(resolved)?;
        let lock_hash = resolved.lock.hash();
        let key = self.store.layer_key(&wanted.owner, &lock_hash, wanted.runtime);
        // The lock is deleted with the layer, so its use comes first.
        self.use_layer(event, &key).await?;
        self.store.put_lock(&key, &resolved.lock).await?;
        Ok(Resolution { lock_hash, packages: resolved.packages })
    }

    /// Builds and publishes a layer.
    async fn build(
        &self,
        key: &LayerKey,
        resolution: &Resolution,
        wanted: &PackagesOfFunction,
    ) -> Result<Layer, Failed> {
        let lock = self.store.lock(key).await?;
        let lock = lock.ok_or(Failed::NoLock)?;
        let put = self.store.presigned_layer_zip(key, ADDRESS_VALID).await?;
        let installed = match self.engine.install(&lock, wanted.runtime, &put).await? {
            Built::Refused(message) => {
                // Resolved anew, the requirements may have versions that can be installed.
                let key = self.store.resolution_key(&wanted.owner, &wanted.digest());
                self.store.forget_resolution(&key).await?;
                return Err(Failed::Refused(message));
            }
            built => done(built)?,
        };
        let (bucket, object) = self.store.layer_zip(key);
        let published = self.engine.publish_layer(key, &bucket, &object, wanted.runtime).await?;
        let arn = match published {
            Published::Layer(arn) => arn,
            Published::Refused(reason) => return Err(Failed::Refused(reason)),
        };
        let layer = Layer {
            arn,
            packages: installed.packages,
            unzipped_bytes: installed.unzipped_bytes,
            lock_hash: resolution.lock_hash.clone(),
        };
        let layer = self.store.record_layer(key, &layer).await?.ok_or(Failed::Outdated)?;
        self.store.delete_layer_zip(key).await?;
        Ok(layer)
    }
}

fn done<T>(built: Built<T>) -> Result<T, Failed> {
    match built {
        Built::Done(done) => Ok(done),
        Built::Refused(message) => Err(Failed::Refused(message)),
        Built::Unreachable(message) => Err(Failed::Unreachable(message)),
    }
}

fn busy() -> Error {
    Error::Unavailable("the same packages are being installed for another function".into())
}
