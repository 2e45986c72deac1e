//! All functions, and the operations on them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::code::Code;
use super::concurrency::{Concurrency, Slot};
use super::context::Context;
use super::error::ApiError;
use super::function::{Function, Stage, StoredVersion, Version};
use super::function_store::{FunctionStore, LoadedFunction};
use super::sandbox_pool::SandboxPool;
use super::settings::{Settings, SettingsChange};
use crate::ids::{self, LATEST};
use crate::terminal;

/// A function, and one of its versions if the caller names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QualifiedName {
    pub(super) name: String,
    pub(super) version: Option<String>,
}

/// All functions.
#[derive(Debug)]
pub(super) struct Registry {
    context: Arc<Context>,
    store: FunctionStore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    functions: BTreeMap<String, Function>,
    /// The last version number of deleted functions: AWS continues from there.
    last_numbers: BTreeMap<String, u64>,
}

/// What must hold before a call changes anything.
#[derive(Debug, Default)]
pub(super) struct Preconditions {
    pub(super) revision: Option<String>,
    pub(super) code_sha256: Option<String>,
}

/// A change of `$LATEST`.
pub(super) enum Update {
    Code(Arc<Code>),
    Settings(Box<SettingsChange>),
}

impl Registry {
    /// The functions stored in `folder`.
    ///
    /// # Errors
    /// The system's, of the folder. A function that can't be read is reported at the terminal
    /// and left out.
    pub(super) fn open(folder: PathBuf, context: Arc<Context>) -> std::io::Result<Self> {
        let store = FunctionStore::open(folder)?;
        let mut state = State::default();
        for loaded in store.load()? {
            match loaded {
                Ok(loaded) => state.functions.extend(restore(loaded, &context)),
                Err(problem) => terminal::say(problem),
            }
        }
        let versions = state.functions.values().flat_map(Function::versions);
        let used = versions.flat_map(|version| version.settings.layers.clone()).collect();
        context.layers.remove_unused(&used)?;
        Ok(Self { context, store, state: Mutex::new(state) })
    }

    /// What all functions share.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Creates a function. With `publish` its first version is also published, and returned.
    pub(super) fn create(
        self: &Arc<Self>,
        name: &str,
        settings: Settings,
        code: Arc<Code>,
        publish: bool,
        tags: Value,
    ) -> Result<Value, ApiError> {
        let mut state = self.state();
        if state.functions.contains_key(name) {
            return Err(ApiError::conflict(format!("Function already exist: {name}")));
        }
        self.context.layers.check(&settings.layers, code.unpacked_size())?;
        let pool = self.pool(name, LATEST, &settings, &code);
        let mut latest = Version {
            settings,
            code,
            revision: String::new(),
            last_modified: String::new(),
            stage: Stage::Pending,
            pool,
        };
        latest.renew_revision();
        let last_number = state.last_numbers.get(name).copied().unwrap_or(0);
        let mut function = Function {
            latest,
            published: BTreeMap::new(),
            last_number,
            tags,
            concurrency: Concurrency::default(),
        };
        let label = publish.then(|| self.add_version(name, &mut function, None));
        self.save(name, &function)?;
        self.activate_later(name, &function);
        let configuration = self.configuration_of(name, &function, label.as_deref());
        state.functions.insert(name.to_owned(), function);
        configuration
    }

    /// Changes `$LATEST`. With `publish` a version of it is also published, and returned.
    pub(super) fn update(
        self: &Arc<Self>,
        target: &QualifiedName,
        update: Update,
        preconditions: &Preconditions,
        publish: bool,
    ) -> Result<Value, ApiError> {
        let name = &target.name;
        let mut state = self.state();
        let function = self.function(&mut state, target)?;
        self.check(name, &function.latest, preconditions)?;
        let mut latest = function.latest.clone();
        match update {
            Update::Code(code) => latest.code = code,
            Update::Settings(change) => latest.settings = latest.settings.with(*change)?,
        }
        self.context.layers.check(&latest.settings.layers, latest.code.unpacked_size())?;
        latest.stage = Stage::Updating;
        latest.renew_revision();
        function.latest = latest;
        let label = publish.then(|| self.add_version(name, function, None));
        self.activate_later(name, function);
        self.save(name, function)?;
        self.configuration_of(name, function, label.as_deref())
    }

    /// Publishes a version of `$LATEST`, unless the newest one is equal already.
    pub(super) fn publish(
        self: &Arc<Self>,
        target: &QualifiedName,
        description: Option<String>,
        preconditions: &Preconditions,
    ) -> Result<Value, ApiError> {
        let name = &target.name;
        let mut state = self.state();
        let function = self.function(&mut state, target)?;
        self.check(name, &function.latest, preconditions)?;
        let label = match function.published.last_key_value() {
            Some((number, newest)) if function.latest.has_same_content(newest) => {
                number.to_string()
            }
            _ => {
                let label = self.add_version(name, function, description);
                self.activate_later(name, function);
                self.save(name, function)?;
                label
            }
        };
        self.configuration_of(name, function, Some(&label))
    }

    /// Deletes one version, or the function with all of them.
    pub(super) fn delete(&self, target: &QualifiedName) -> Result<(), ApiError> {
        let name = &target.name;
        let mut state = self.state();
        let function = self.function(&mut state, target)?;
        if let Some(label) = &target.version {
            if label == LATEST {
                return Err(ApiError::invalid(
                    "$LATEST version cannot be deleted without deleting the function.",
                ));
            }
            let number = label.parse().ok();
            let removed = number.and_then(|number: u64| function.published.remove(&number));
            let removed = removed.ok_or_else(|| ApiError::not_found(&self.arn_of(target)))?;
            removed.pool.retire();
            return self.save(name, function);
        }
        if function.latest.stage == Stage::Pending {
            function.latest.require_active(&self.arn(name, None))?;
        }
        self.store.delete(name).map_err(|e| store_error(&e))?;
        if let Some(function) = state.functions.remove(name) {
            function.versions().for_each(|version| version.pool.retire());
            state.last_numbers.insert(name.clone(), function.last_number);
        }
        Ok(())
    }

    /// The configuration of a version.
    pub(super) fn configuration(&self, target: &QualifiedName) -> Result<Value, ApiError> {
        let mut state = self.state();
        let function = self.function(&mut state, target)?;
        self.configuration_of(&target.name, function, target.version.as_deref())
    }

    /// The tags of a function.
    pub(super) fn tags(&self, target: &QualifiedName) -> Result<Value, ApiError> {
        Ok(self.function(&mut self.state(), target)?.tags.clone())
    }

    /// The configurations of all functions.
    pub(super) fn list(&self) -> Result<Vec<Value>, ApiError> {
        let state = self.state();
        let all = state.functions.iter();
        all.map(|(name, function)| self.configuration_of(name, function, None)).collect()
    }

    /// The configurations of all versions of a function.
    pub(super) fn versions(&self, target: &QualifiedName) -> Result<Vec<Value>, ApiError> {
        let mut state = self.state();
        let function = self.function(&mut state, target)?;
        let numbers = function.published.keys().map(ToString::to_string);
        let labels = [LATEST.to_owned()].into_iter().chain(numbers);
        labels.map(|label| self.configuration_of(&target.name, function, Some(&label))).collect()
    }

    /// The label of a version, its sandboxes, and a slot for one invocation.
    pub(super) fn acquire(
        &self,
        target: &QualifiedName,
    ) -> Result<(String, Arc<SandboxPool>, Slot), ApiError> {
        let mut state = self.state();
        let function = self.function(&mut state, target)?;
        let arn = self.arn_of(target);
        let found = function.version(target.version.as_deref());
        let (label, version) = found.ok_or_else(|| ApiError::not_found(&arn))?;
        if version.stage == Stage::Pending {
            version.require_active(&arn)?;
        }
        Ok((label, version.pool.clone(), function.concurrency.acquire()?))
    }

    /// Limits the invocations of all of a function's versions together; `None` lifts the limit.
    pub(super) fn reserve(
        &self,
        target: &QualifiedName,
        limit: Option<usize>,
    ) -> Result<(), ApiError> {
        let mut state = self.state();
        let function = self.function(&mut state, target)?;
        function.concurrency.reserved = limit;
        self.save(&target.name, function)
    }

    /// The limit of a function's invocations, if it has one.
    pub(super) fn reserved(&self, target: &QualifiedName) -> Result<Option<usize>, ApiError> {
        Ok(self.function(&mut self.state(), target)?.concurrency.reserved)
    }

    /// Ends sandboxes that have been idle for long.
    pub(super) fn end_idle(&self) {
        for function in self.state().functions.values() {
            function.versions().for_each(|version| version.pool.end_idle());
        }
    }

    /// Makes all changed versions active at once.
    pub(super) fn activate_all(&self) {
        let mut state = self.state();
        let functions = state.functions.iter_mut();
        functions.for_each(|(name, function)| self.activate(name, function, |_| true));
    }

    fn function<'a>(
        &self,
        state: &'a mut State,
        target: &QualifiedName,
    ) -> Result<&'a mut Function, ApiError> {
        let function = state.functions.get_mut(&target.name);
        function.ok_or_else(|| ApiError::not_found(&self.arn_of(target)))
    }

    fn check(
        &self,
        name: &str,
        latest: &Version,
        preconditions: &Preconditions,
    ) -> Result<(), ApiError> {
        latest.require_active(&self.arn(name, None))?;
        if preconditions.revision.as_ref().is_some_and(|revision| *revision != latest.revision) {
            return Err(ApiError::precondition_failed());
        }
        let actual = latest.code.sha256();
        match &preconditions.code_sha256 {
            Some(expected) if *expected != actual => Err(ApiError::invalid(format!(
                "CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST \
                 ({actual}). Please try again with the CodeSHA256 in $LATEST."
            ))),
            _ => Ok(()),
        }
    }

    /// Adds a version like `$LATEST`, and returns its label.
    fn add_version(
        &self,
        name: &str,
        function: &mut Function,
        description: Option<String>,
    ) -> String {
        function.last_number += 1;
        let label = function.last_number.to_string();
        let mut version = function.latest.clone();
        version.settings.description = description.unwrap_or(version.settings.description);
        version.renew_revision();
        version.stage = Stage::Pending;
        version.pool = self.pool(name, &label, &version.settings, &version.code);
        function.published.insert(function.last_number, version);
        label
    }

    /// Makes changed versions active after the time that a change takes.
    fn activate_later(self: &Arc<Self>, name: &str, function: &Function) {
        let changed = function.versions().filter(|version| version.stage != Stage::Active);
        let revisions: Vec<String> = changed.map(|version| version.revision.clone()).collect();
        let (registry, name) = (Arc::downgrade(self), name.to_owned());
        let update_delay = self.context.update_delay;
        tokio::spawn(async move {
            tokio::time::sleep(update_delay).await;
            let Some(registry) = registry.upgrade() else { return };
            // It may have been deleted meanwhile, and even created again.
            if let Some(function) = registry.state().functions.get_mut(&name) {
                registry.activate(&name, function, |revision| revisions.contains(revision));
            }
        });
    }

    fn activate(&self, name: &str, function: &mut Function, matches: impl Fn(&String) -> bool) {
        let versions = function.published.values_mut().chain([&mut function.latest]);
        for version in versions.filter(|version| matches(&version.revision)) {
            if version.stage == Stage::Updating {
                let pool = self.pool(name, LATEST, &version.settings, &version.code);
                std::mem::replace(&mut version.pool, pool).retire();
            }
            version.stage = Stage::Active;
        }
    }

    fn pool(
        &self,
        name: &str,
        label: &str,
        settings: &Settings,
        code: &Arc<Code>,
    ) -> Arc<SandboxPool> {
        SandboxPool::new(self.context.clone(), name, label, settings.clone(), code.clone())
    }

    fn save(&self, name: &str, function: &Function) -> Result<(), ApiError> {
        self.store.save(name, function).map_err(|e| store_error(&e))
    }

    fn configuration_of(
        &self,
        name: &str,
        function: &Function,
        label: Option<&str>,
    ) -> Result<Value, ApiError> {
        let arn = self.arn(name, label);
        let found = function.version(label);
        let (label, version) = found.ok_or_else(|| ApiError::not_found(&arn))?;
        Ok(version.configuration(&label, &arn, name))
    }

    fn arn(&self, name: &str, label: Option<&str>) -> String {
        let arn = ids::function_arn(&self.context.region, name);
        label.map_or(arn.clone(), |label| format!("{arn}:{label}"))
    }

    fn arn_of(&self, target: &QualifiedName) -> String {
        self.arn(&target.name, target.version.as_deref())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn restore(loaded: LoadedFunction, context: &Arc<Context>) -> Option<(String, Function)> {
    let LoadedFunction { name, stored, codes } = loaded;
    let codes: Vec<Arc<Code>> = codes.into_iter().map(Arc::new).collect();
    let version = |label: &str, stored: StoredVersion| {
        let StoredVersion { settings, code, revision, last_modified } = stored;
        let code = codes.iter().find(|found| found.file_name() == code)?.clone();
        let pool = SandboxPool::new(context.clone(), &name, label, settings.clone(), code.clone());
        // A change that was going on is finished by now.
        Some(Version { settings, code, revision, last_modified, stage: Stage::Active, pool })
    };
    let mut published = BTreeMap::new();
    for (number, stored) in stored.published {
        published.insert(number, version(&number.to_string(), stored)?);
    }
    let latest = version(LATEST, stored.latest)?;
    let (last_number, tags) = (stored.last_number, stored.tags);
    let concurrency = Concurrency::with_limit(stored.reserved_concurrency);
    Some((name, Function { latest, published, last_number, tags, concurrency }))
}

fn store_error(problem: &std::io::Error) -> ApiError {
    ApiError::service(format!("The local engine could not store the function: {problem}"))
}
