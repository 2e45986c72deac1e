//! The functions that there are, and what callers may do with them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::Named;
use super::code::Code;
use super::crew::{Crew, Ground};
use super::function::{Concurrency, Function, Place, Saved, Stage, Version};
use super::refusal::Refusal;
use super::settings::{Change, Settings};
use super::shelf::{Found, Shelf};
use crate::ids;
use crate::terminal;

/// All functions.
#[derive(Debug)]
pub(super) struct Registry {
    ground: Arc<Ground>,
    shelf: Shelf,
    functions: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    functions: BTreeMap<String, Function>,
    /// The highest version of functions that were deleted: AWS goes on from there.
    numbers: BTreeMap<String, u64>,
}

/// What a call makes sure of before it changes anything.
#[derive(Debug, Default)]
pub(super) struct Guards {
    pub(super) revision: Option<String>,
    pub(super) code_sha256: Option<String>,
}

/// What a call wants changed of `$LATEST`.
pub(super) enum Update {
    Code(Arc<Code>),
    Settings(Box<Change>),
}

impl Registry {
    /// The functions that stand in `folder`.
    ///
    /// # Errors
    /// What the system says of the folder. A function that can't be read is told
    /// at the terminal and left out.
    pub(super) fn open(folder: PathBuf, ground: Arc<Ground>) -> std::io::Result<Self> {
        let shelf = Shelf::open(folder)?;
        let mut state = State::default();
        for found in shelf.load()? {
            match found {
                Ok(found) => state.functions.extend(restored(found, &ground)),
                Err(problem) => terminal::say(problem),
            }
        }
        Ok(Self { ground, shelf, functions: Mutex::new(state) })
    }

    /// A new function; with `publish` also its first version, which is then answered.
    pub(super) fn create(
        self: &Arc<Self>,
        name: &str,
        settings: Settings,
        code: Arc<Code>,
        publish: bool,
        tags: Value,
    ) -> Result<Value, Refusal> {
        let mut state = self.state();
        if state.functions.contains_key(name) {
            return Err(Refusal::conflict(format!("Function already exist: {name}")));
        }
        let crew = self.crew(name, "$LATEST", &settings, &code);
        let mut latest = Version {
            settings,
            code,
            revision: String::new(),
            last_modified: String::new(),
            stage: Stage::Pending,
            crew,
        };
        latest.revised();
        let last_number = state.numbers.get(name).copied().unwrap_or(0);
        let mut function = Function {
            latest,
            published: BTreeMap::new(),
            last_number,
            tags,
            concurrency: Concurrency::default(),
        };
        let label = publish.then(|| self.add_version(name, &mut function, None));
        self.keep(name, &function)?;
        self.settle_soon(name, &function);
        let answer = self.told(name, &function, label.as_deref());
        state.functions.insert(name.to_owned(), function);
        answer
    }

    /// Changes `$LATEST`; with `publish` also makes a version of it, which is then answered.
    pub(super) fn update(
        self: &Arc<Self>,
        named: &Named,
        update: Update,
        guards: &Guards,
        publish: bool,
    ) -> Result<Value, Refusal> {
        let name = &named.name;
        let mut state = self.state();
        let function = self.found(&mut state, named)?;
        function.latest.settled(&self.arn(name, None))?;
        self.guard(&function.latest, guards)?;
        let mut latest = function.latest.clone();
        match update {
            Update::Code(code) => latest.code = code,
            Update::Settings(change) => latest.settings = latest.settings.changed(*change)?,
        }
        latest.stage = Stage::Updating;
        latest.revised();
        function.latest = latest;
        let label = publish.then(|| self.add_version(name, function, None));
        self.settle_soon(name, function);
        self.keep(name, function)?;
        self.told(name, function, label.as_deref())
    }

    /// Makes a version of `$LATEST`, unless the newest one is the same already.
    pub(super) fn publish(
        self: &Arc<Self>,
        named: &Named,
        description: Option<String>,
        guards: &Guards,
    ) -> Result<Value, Refusal> {
        let name = &named.name;
        let mut state = self.state();
        let function = self.found(&mut state, named)?;
        function.latest.settled(&self.arn(name, None))?;
        self.guard(&function.latest, guards)?;
        let label = match function.newest() {
            Some((number, newest)) if function.latest.is_same(newest) => number.to_string(),
            _ => {
                let label = self.add_version(name, function, description);
                self.settle_soon(name, function);
                self.keep(name, function)?;
                label
            }
        };
        self.told(name, function, Some(&label))
    }

    /// Deletes one version, or the function with all of them.
    pub(super) fn delete(&self, named: &Named) -> Result<(), Refusal> {
        let name = &named.name;
        let mut state = self.state();
        let function = self.found(&mut state, named)?;
        if let Some(label) = &named.version {
            if label == "$LATEST" {
                return Err(Refusal::invalid(
                    "$LATEST version cannot be deleted without deleting the function.",
                ));
            }
            let number = label.parse().ok();
            let removed = number.and_then(|number: u64| function.published.remove(&number));
            let removed = removed.ok_or_else(|| Refusal::not_found(&self.arn_of(named)))?;
            removed.crew.retire();
            return self.keep(name, function);
        }
        if function.latest.stage == Stage::Pending {
            function.latest.settled(&self.arn(name, None))?;
        }
        self.shelf.forget(name).map_err(|e| unwritten(&e))?;
        if let Some(function) = state.functions.remove(name) {
            for version in function.published.values().chain([&function.latest]) {
                version.crew.retire();
            }
            state.numbers.insert(name.clone(), function.last_number);
        }
        Ok(())
    }

    /// The configuration of a version.
    pub(super) fn configuration(&self, named: &Named) -> Result<Value, Refusal> {
        let mut state = self.state();
        let function = self.found(&mut state, named)?;
        self.told(&named.name, function, named.version.as_deref())
    }

    /// The tags of a function.
    pub(super) fn tags(&self, named: &Named) -> Result<Value, Refusal> {
        Ok(self.found(&mut self.state(), named)?.tags.clone())
    }

    /// The configurations of all functions, or of all versions of one.
    pub(super) fn list(&self, of: Option<&Named>) -> Result<Vec<Value>, Refusal> {
        let mut state = self.state();
        let Some(named) = of else {
            let all = state.functions.iter();
            return all.map(|(name, function)| self.told(name, function, None)).collect();
        };
        let function = self.found(&mut state, named)?;
        let labels = function.published.keys().map(ToString::to_string);
        let labels: Vec<String> = ["$LATEST".to_owned()].into_iter().chain(labels).collect();
        labels.iter().map(|label| self.told(&named.name, function, Some(label))).collect()
    }

    /// The workers that a version is invoked with, what it is called, and a place among those
    /// that run at once.
    pub(super) fn crew_of(&self, named: &Named) -> Result<(String, Arc<Crew>, Place), Refusal> {
        let mut state = self.state();
        let function = self.found(&mut state, named)?;
        let arn = self.arn_of(named);
        let found = function.version(named.version.as_deref());
        let (label, version) = found.ok_or_else(|| Refusal::not_found(&arn))?;
        if version.stage == Stage::Pending {
            version.settled(&arn)?;
        }
        Ok((label, version.crew.clone(), function.concurrency.enter()?))
    }

    /// Lets a function run so often at once, in all of its versions; `None` lifts the limit.
    pub(super) fn reserve(&self, named: &Named, most: Option<usize>) -> Result<(), Refusal> {
        let mut state = self.state();
        let function = self.found(&mut state, named)?;
        function.concurrency.reserved = most;
        self.keep(&named.name, function)
    }

    /// How often a function may run at once, if that is limited.
    pub(super) fn reserved(&self, named: &Named) -> Result<Option<usize>, Refusal> {
        Ok(self.found(&mut self.state(), named)?.concurrency.reserved)
    }

    /// Ends the workers that nobody has needed for a while.
    pub(super) fn end_idle(&self) {
        for function in self.state().functions.values() {
            for version in function.published.values().chain([&function.latest]) {
                version.crew.end_idle();
            }
        }
    }

    fn found<'a>(&self, state: &'a mut State, named: &Named) -> Result<&'a mut Function, Refusal> {
        let found = state.functions.get_mut(&named.name);
        found.ok_or_else(|| Refusal::not_found(&self.arn_of(named)))
    }

    fn guard(&self, latest: &Version, guards: &Guards) -> Result<(), Refusal> {
        if guards.revision.as_ref().is_some_and(|revision| *revision != latest.revision) {
            return Err(Refusal::precondition());
        }
        let there = latest.code.sha256();
        match &guards.code_sha256 {
            Some(wanted) if *wanted != there => Err(Refusal::invalid(format!(
                "CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST \
                 ({there}). Please try again with the CodeSHA256 in $LATEST."
            ))),
            _ => Ok(()),
        }
    }

    /// Adds a version like `$LATEST`, and gives its name.
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
        version.revised();
        version.stage = Stage::Pending;
        version.crew = self.crew(name, &label, &version.settings, &version.code);
        function.published.insert(function.last_number, version);
        label
    }

    /// Lets what was changed take effect, after the moment that AWS takes too.
    fn settle_soon(self: &Arc<Self>, name: &str, function: &Function) {
        let versions = function.published.values().chain([&function.latest]);
        let unsettled = versions.filter(|version| version.stage != Stage::Settled);
        let revisions: Vec<String> = unsettled.map(|version| version.revision.clone()).collect();
        let (registry, name) = (Arc::downgrade(self), name.to_owned());
        let update_delay = self.ground.update_delay;
        tokio::spawn(async move {
            tokio::time::sleep(update_delay).await;
            if let Some(registry) = registry.upgrade() {
                registry.settle(&name, &revisions);
            }
        });
    }

    fn settle(&self, name: &str, revisions: &[String]) {
        let mut state = self.state();
        // It may have been deleted in the meantime, and even made again.
        let Some(function) = state.functions.get_mut(name) else { return };
        let versions = function.published.values_mut().chain([&mut function.latest]);
        for version in versions.filter(|version| revisions.contains(&version.revision)) {
            if version.stage == Stage::Updating {
                let crew = self.crew(name, "$LATEST", &version.settings, &version.code);
                std::mem::replace(&mut version.crew, crew).retire();
            }
            version.stage = Stage::Settled;
        }
    }

    fn crew(&self, name: &str, label: &str, settings: &Settings, code: &Arc<Code>) -> Arc<Crew> {
        Crew::new(self.ground.clone(), name, label, settings.clone(), code.clone())
    }

    fn keep(&self, name: &str, function: &Function) -> Result<(), Refusal> {
        self.shelf.keep(name, function).map_err(|e| unwritten(&e))
    }

    /// The configuration of a version, as callers are told it.
    fn told(&self, name: &str, function: &Function, label: Option<&str>) -> Result<Value, Refusal> {
        let arn = self.arn(name, label);
        let found = function.version(label);
        let (label, version) = found.ok_or_else(|| Refusal::not_found(&arn))?;
        Ok(version.configuration(&label, &arn, name))
    }

    fn arn(&self, name: &str, label: Option<&str>) -> String {
        let arn = ids::function_arn(&self.ground.region, name);
        label.map_or(arn.clone(), |label| format!("{arn}:{label}"))
    }

    fn arn_of(&self, named: &Named) -> String {
        self.arn(&named.name, named.version.as_deref())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn restored(found: Found, ground: &Arc<Ground>) -> Option<(String, Function)> {
    let Found { name, saved, codes } = found;
    let codes: Vec<Arc<Code>> = codes.into_iter().map(Arc::new).collect();
    let version = |label: &str, saved: Saved| {
        let code = codes.iter().find(|code| code.file_name() == saved.code)?.clone();
        let crew = Crew::new(ground.clone(), &name, label, saved.settings.clone(), code.clone());
        Some(Version {
            settings: saved.settings,
            code,
            revision: saved.revision,
            last_modified: saved.last_modified,
            // Whatever it was in the middle of is done by now.
            stage: Stage::Settled,
            crew,
        })
    };
    let mut published = BTreeMap::new();
    for (number, saved) in saved.published {
        published.insert(number, version(&number.to_string(), saved)?);
    }
    let latest = version("$LATEST", saved.latest)?;
    let (last_number, tags) = (saved.last_number, saved.tags);
    let concurrency = Concurrency::reserved(saved.reserved_concurrency);
    Some((name, Function { latest, published, last_number, tags, concurrency }))
}

fn unwritten(problem: &std::io::Error) -> Refusal {
    Refusal::service(format!("The local engine could not write the function down: {problem}"))
}
