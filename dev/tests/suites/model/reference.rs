//! The model of the API: maps, without storage, engine or concurrency.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::operation::{IfMatch, RAISES, TEAPOT};

/// The quotas.
pub(crate) const MOST_WORKSPACES: usize = 3;
pub(crate) const MOST_FUNCTIONS: usize = 3;
const MOST_KEYS: usize = 10;

/// All resources, deleted ones too, in creation order.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) workspaces: Vec<Workspace>,
    pub(crate) functions: Vec<Function>,
    pub(crate) keys: Vec<Key>,
}

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: String,
    pub(crate) is_there: bool,
    pub(crate) version: u64,
    /// The fields that clients set.
    pub(crate) fields: Map<String, Value>,
}

#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) id: String,
    pub(crate) workspace: usize,
    is_deleted: bool,
    pub(crate) version: u64,
    /// The fields that clients set.
    pub(crate) fields: Map<String, Value>,
    /// The deployed source in base64.
    pub(crate) deployed: Option<String>,
    /// The fields of [`DEPLOYED`] that are deployed.
    deployed_as: Option<Vec<Option<Value>>>,
    /// The status codes of its executions, oldest first.
    pub(crate) executions: Vec<u16>,
    /// The counted executions and errors.
    pub(crate) counted: (u64, u64),
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) function: usize,
    pub(crate) is_revoked: bool,
}

impl Function {
    fn to_deploy(&self) -> Vec<Option<Value>> {
        DEPLOYED.iter().map(|name| self.fields.get(*name).cloned()).collect()
    }

    /// Whether it is deployed as it is now.
    fn is_current(&self) -> bool {
        self.deployed_as.as_ref() == Some(&self.to_deploy())
    }
}

/// An expected response.
#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    Status(u16),
    Error(u16, &'static str),
}

use Expected::{Error, Status};

const INVALID: Expected = Error(422, "VALIDATION_ERROR");
const NOT_FOUND: Expected = Error(404, "NOT_FOUND");
const CONFLICT: Expected = Error(409, "CONFLICT");

impl Model {
    /// The index that a number stands for; `None` where there is no resource.
    pub(crate) fn pick(number: usize, of: usize) -> Option<usize> {
        (of > 0).then(|| number % of)
    }

    pub(crate) fn workspace_is_there(&self, workspace: Option<usize>) -> bool {
        workspace.is_some_and(|at| self.workspaces[at].is_there)
    }

    pub(crate) fn function_is_there(&self, function: Option<usize>) -> bool {
        function.is_some_and(|at| {
            let function = &self.functions[at];
            !function.is_deleted && self.workspaces[function.workspace].is_there
        })
    }

    pub(crate) fn functions_of(&self, workspace: usize) -> impl Iterator<Item = &Function> {
        let of_it = self.functions.iter().enumerate();
        of_it
            .filter(move |(at, function)| {
                function.workspace == workspace && self.function_is_there(Some(*at))
            })
            .map(|(_, function)| function)
    }

    pub(crate) fn keys_of(&self, function: usize) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.function == function && !key.is_revoked)
    }

    pub(crate) fn create_workspace(&self, body: &Map<String, Value>) -> Expected {
        if fields_of(body, &["name"], WORKSPACE).is_none() {
            return INVALID;
        }
        let existing = self.workspaces.iter().filter(|workspace| workspace.is_there).count();
        if existing < MOST_WORKSPACES { Status(201) } else { CONFLICT }
    }

    pub(crate) fn workspace_created(&mut self, id: &str, body: &Map<String, Value>) {
        let mut fields = Map::from_iter([("description".to_owned(), json!(""))]);
        fields.extend(fields_of(body, &["name"], WORKSPACE).expect("it was valid"));
        let id = id.to_owned();
        self.workspaces.push(Workspace { id, is_there: true, version: 1, fields });
    }

    /// Applies a PATCH.
    pub(crate) fn patch_workspace(
        &mut self,
        at: Option<usize>,
        if_match: IfMatch,
        body: &Map<String, Value>,
    ) -> Expected {
        let Some(changes) = fields_of(body, &[], WORKSPACE) else { return INVALID };
        let Some(at) = at.filter(|at| self.workspaces[*at].is_there) else { return NOT_FOUND };
        let workspace = &mut self.workspaces[at];
        patch(&mut workspace.fields, &mut workspace.version, if_match, changes)
    }

    pub(crate) fn delete_workspace(&mut self, at: Option<usize>, if_match: IfMatch) -> Expected {
        let Some(at) = at.filter(|at| self.workspaces[*at].is_there) else { return NOT_FOUND };
        if matches!(if_match, IfMatch::Older) {
            return Error(412, "PRECONDITION_FAILED");
        }
        self.workspaces[at].is_there = false;
        Status(204)
    }

    pub(crate) fn create_function(
        &self,
        workspace: Option<usize>,
        body: &Map<String, Value>,
    ) -> Expected {
        let mut body = body.clone();
        // POST ignores the status: a new function is active.
        body.remove("status");
        if fields_of(&body, &["name", "code"], FUNCTION).is_none() {
            return INVALID;
        }
        match workspace.filter(|at| self.workspaces[*at].is_there) {
            None => NOT_FOUND,
            Some(at) if self.functions_of(at).count() >= MOST_FUNCTIONS => CONFLICT,
            Some(_) => Status(201),
        }
    }

    pub(crate) fn function_created(
        &mut self,
        id: &str,
        workspace: usize,
        body: &Map<String, Value>,
    ) {
        let defaults = json!({
            "description": "", "runtime": "Python 3.12", "memory": 256, "timeout": 30,
            "httpMethods": ["GET"], "auth": "none", "environmentVariables": {},
            "requirements": null, "files": {},
        });
        let mut fields = defaults.as_object().expect("an object").clone();
        fields.extend(fields_of(body, &[], FUNCTION).unwrap_or_else(|| {
            // Only the status may be invalid, which POST ignores.
            let mut body = body.clone();
            body.remove("status");
            fields_of(&body, &[], FUNCTION).expect("it was valid")
        }));
        fields.insert("status".into(), json!("active"));
        self.workspaces[workspace].version += 1;
        self.functions.push(Function {
            id: id.to_owned(),
            workspace,
            is_deleted: false,
            version: 1,
            fields,
            deployed: None,
            deployed_as: None,
            executions: Vec::new(),
            counted: (0, 0),
        });
    }

    pub(crate) fn patch_function(
        &mut self,
        at: Option<usize>,
        if_match: IfMatch,
        body: &Map<String, Value>,
    ) -> Expected {
        let Some(changes) = fields_of(body, &[], FUNCTION) else { return INVALID };
        let Some(at) = at.filter(|at| self.function_is_there(Some(*at))) else { return NOT_FOUND };
        let function = &mut self.functions[at];
        patch(&mut function.fields, &mut function.version, if_match, changes)
    }

    pub(crate) fn delete_function(&mut self, at: Option<usize>, if_match: IfMatch) -> Expected {
        let Some(at) = at.filter(|at| self.function_is_there(Some(*at))) else { return NOT_FOUND };
        if matches!(if_match, IfMatch::Older) {
            return Error(412, "PRECONDITION_FAILED");
        }
        self.functions[at].is_deleted = true;
        let workspace = self.functions[at].workspace;
        self.workspaces[workspace].version += 1;
        Status(204)
    }

    pub(crate) fn create_key(&self, at: Option<usize>, body: &Map<String, Value>) -> Expected {
        let mut name = body.clone();
        name.remove("description");
        if fields_of(&name, &["name"], WORKSPACE).is_none() {
            return INVALID;
        }
        match at.filter(|at| self.function_is_there(Some(*at))) {
            None => NOT_FOUND,
            Some(at) if self.keys_of(at).count() >= MOST_KEYS => CONFLICT,
            Some(_) => Status(201),
        }
    }

    pub(crate) fn key_created(&mut self, id: &str, secret: String, function: usize) {
        self.keys.push(Key { id: id.to_owned(), secret, function, is_revoked: false });
    }

    pub(crate) fn revoke_key(&mut self, at: usize) -> Expected {
        let function = self.keys[at].function;
        if !self.function_is_there(Some(function)) || self.keys[at].is_revoked {
            return NOT_FOUND;
        }
        self.keys[at].is_revoked = true;
        Status(204)
    }

    /// The stream is processed: functions are deployed, and executions counted.
    pub(crate) fn settle(&mut self) {
        for at in 0..self.functions.len() {
            if !self.function_is_there(Some(at)) {
                continue;
            }
            let function = &mut self.functions[at];
            function.deployed = function.fields["code"].as_str().map(str::to_owned);
            function.deployed_as = Some(function.to_deploy());
            let failed = function.executions.iter().filter(|status| **status >= 500).count();
            function.counted = (function.executions.len() as u64, failed as u64);
        }
    }

    /// A test run in the console: the status code in the log, or an error.
    pub(crate) fn try_out(&self, at: Option<usize>) -> Result<u16, Expected> {
        let Some(at) = at.filter(|at| self.function_is_there(Some(*at))) else {
            return Err(NOT_FOUND);
        };
        match self.run(at) {
            Ok(_) if !self.functions[at].is_current() => Err(Error(503, "SERVICE_UNAVAILABLE")),
            run => run,
        }
    }

    /// A call of a function's URL: the response's status code, or an error.
    pub(crate) fn call(
        &self,
        at: Option<usize>,
        method: &str,
        key: Option<usize>,
    ) -> Result<u16, Expected> {
        let Some(at) = at.filter(|at| self.function_is_there(Some(*at))) else {
            return Err(NOT_FOUND);
        };
        let fields = &self.functions[at].fields;
        let opens = |key: usize| self.keys[key].function == at && !self.keys[key].is_revoked;
        if fields["auth"] == "key" && !key.is_some_and(opens) {
            return Err(Error(401, "UNAUTHORIZED"));
        }
        let methods = fields["httpMethods"].as_array().expect("a list");
        if !methods.iter().any(|allowed| allowed == method) {
            return Err(Error(405, "METHOD_NOT_ALLOWED"));
        }
        self.run(at)
    }

    fn run(&self, at: usize) -> Result<u16, Expected> {
        let function = &self.functions[at];
        if function.fields["status"] == "disabled" {
            return Err(CONFLICT);
        }
        let Some(deployed) = &function.deployed else {
            return Err(Error(503, "SERVICE_UNAVAILABLE"));
        };
        let is = |source: &str| *deployed == super::encoded(source);
        Ok(if is(RAISES) {
            500
        } else if is(TEAPOT) {
            418
        } else {
            200
        })
    }
}

fn patch(
    fields: &mut Map<String, Value>,
    version: &mut u64,
    if_match: IfMatch,
    changes: Map<String, Value>,
) -> Expected {
    let differs = changes.iter().any(|(name, value)| fields.get(name) != Some(value));
    // A patch without a change succeeds, whatever `If-Match` says. An empty patch checks it.
    if matches!(if_match, IfMatch::Older) && (differs || changes.is_empty()) {
        return Error(412, "PRECONDITION_FAILED");
    }
    if differs {
        fields.extend(changes);
        *version += 1;
    }
    Status(200)
}

/// A field's name, and its normalization; `None` for an invalid value.
type Field = (&'static str, fn(&Value) -> Option<Value>);

/// The fields of a function whose change is deployed.
const DEPLOYED: [&str; 6] = ["code", "runtime", "memory", "timeout", "requirements", "files"];

const WORKSPACE: &[Field] = &[("name", name), ("description", description)];
const FUNCTION: &[Field] = &[
    ("name", name),
    ("description", description),
    ("code", code),
    ("runtime", |value| one_of(value, &["Python 3.11", "Python 3.12", "Python 3.13"])),
    ("memory", |value| within(value, 128, 1024)),
    ("timeout", |value| within(value, 1, 900)),
    ("httpMethods", methods),
    ("auth", |value| one_of(value, &["none", "key"])),
    ("requirements", requirements),
    ("files", files),
    ("status", |value| one_of(value, &["active", "disabled"])),
];

/// The normalized fields of a body; `None` where one is invalid, unknown or missing.
fn fields_of(
    body: &Map<String, Value>,
    required: &[&str],
    known: &[Field],
) -> Option<Map<String, Value>> {
    if required.iter().any(|name| !body.contains_key(*name)) {
        return None;
    }
    let known: BTreeMap<_, _> = known.iter().copied().collect();
    let mut fields = Map::new();
    for (name, value) in body {
        fields.insert(name.clone(), known.get(name.as_str())?(value)?);
    }
    Some(fields)
}

fn name(value: &Value) -> Option<Value> {
    let trimmed = value.as_str()?.trim();
    (1..=100).contains(&trimmed.chars().count()).then(|| json!(trimmed))
}

fn description(value: &Value) -> Option<Value> {
    if value.is_null() { Some(json!("")) } else { value.as_str().map(|text| json!(text)) }
}

fn code(value: &Value) -> Option<Value> {
    (value.as_str()? != super::encoded("def (")).then(|| value.clone())
}

fn requirements(value: &Value) -> Option<Value> {
    let is_valid = value.is_null() || value.as_str()?.chars().all(|c| c.is_ascii_lowercase());
    is_valid.then(|| value.clone())
}

fn files(value: &Value) -> Option<Value> {
    let leads_out = value.as_object()?.keys().any(|path| path.contains(".."));
    (!leads_out).then(|| value.clone())
}

fn one_of(value: &Value, allowed: &[&str]) -> Option<Value> {
    allowed.contains(&value.as_str()?).then(|| value.clone())
}

fn within(value: &Value, least: u64, most: u64) -> Option<Value> {
    (least..=most).contains(&value.as_u64()?).then(|| value.clone())
}

fn methods(value: &Value) -> Option<Value> {
    let mut kept: Vec<String> = Vec::new();
    for method in value.as_array()? {
        let method = method.as_str()?.to_uppercase();
        if !kept.contains(&method) {
            kept.push(method);
        }
    }
    (!kept.is_empty()).then(|| json!(kept))
}
