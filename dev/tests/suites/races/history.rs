//! Concurrent clients of one workspace, and their responses as operations of the model.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use serde_json::{Value, json};
use testkit::{Answer, Event};

use super::Created;
use super::checker::{Operation, drawn};
use super::model::{Input, Item, Output, Patch, State, Workspace};
use super::plan::{Request, RequestKind, SOURCES};

const WORKSPACE_FIELDS: &[&str] = &["name"];
const FUNCTION_FIELDS: &[&str] = &["name", "status", "code"];

/// The shared state of the clients.
pub(crate) struct Race<'a> {
    api: &'a Deployment,
    seed: u64,
    /// The path of the workspace.
    pub(crate) path: String,
    /// How many functions were deployed before the race.
    deployed: usize,
    /// Functions in the order of the responses to their creation; `None` for a failed creation.
    functions: RefCell<Vec<Option<String>>>,
    clock: Cell<usize>,
    pub(crate) history: RefCell<Vec<Operation<Workspace>>>,
    /// The function and the log of each execution.
    pub(crate) executed: RefCell<Vec<(String, String)>>,
}

impl<'a> Race<'a> {
    /// A race in a new workspace with deployed functions.
    pub(crate) fn new(api: &'a Deployment, seed: u64, made: Created) -> Self {
        Self {
            api,
            seed,
            path: made.path,
            deployed: made.functions.len(),
            functions: RefCell::new(made.functions.into_iter().map(Some).collect()),
            clock: Cell::default(),
            history: RefCell::default(),
            executed: RefCell::default(),
        }
    }

    /// The history, and the seed to repeat it.
    pub(crate) fn report(&self) -> String {
        let drawn = drawn(&self.history.borrow());
        format!("\nRACE_SEED={} RACE_CASES=1 repeats the requests.\n{drawn}", self.seed)
    }

    /// The workspace as read now, without concurrent requests.
    pub(crate) async fn state(&self) -> State {
        let workspace = self.api.ask("GET", &self.path, None).await;
        let known = self.functions.borrow().clone();
        let mut functions = Vec::new();
        for id in known.iter().flatten() {
            let path = format!("{}/functions/{id}", self.path);
            let function = self.api.ask("GET", &path, None).await;
            functions.push(Some(item(&function, FUNCTION_FIELDS)));
        }
        State { is_there: true, workspace: item(&workspace, WORKSPACE_FIELDS), functions }
    }

    /// `state` with a slot for each function created since.
    pub(crate) fn with_slots(&self, mut state: State) -> State {
        state.functions.resize(self.functions.borrow().len(), None);
        state
    }

    /// Sends the requests of a client.
    pub(crate) async fn client(&self, number: usize, requests: &[Request]) {
        let mut tags = HashMap::new();
        for request in requests {
            for _ in 0..request.pause {
                tokio::task::yield_now().await;
            }
            self.send(number, request, &mut tags).await;
        }
    }

    /// Reads everything, as one more client after all others.
    pub(crate) async fn read_all(&self, number: usize) {
        let functions = 0..self.functions.borrow().iter().flatten().count();
        let kinds = functions.map(RequestKind::ReadFunction).chain([RequestKind::ReadWorkspace]);
        let requests = kinds.map(|kind| Request { kind, is_conditional: false, pause: 0 });
        self.client(number, &requests.collect::<Vec<_>>()).await;
    }

    async fn send(&self, client: usize, request: &Request, tags: &mut HashMap<String, String>) {
        let at = self.function_of(&request.kind);
        let id = at.and_then(|at| self.functions.borrow()[at].clone());
        let workspace = &self.path;
        let function = format!("{workspace}/functions/{}", id.as_deref().unwrap_or_default());
        let (method, path, body) = match request.kind {
            RequestKind::ReadWorkspace => ("GET", workspace.clone(), None),
            RequestKind::PatchWorkspace(name) => {
                ("PATCH", workspace.clone(), Some(json!({ "name": name })))
            }
            RequestKind::DeleteWorkspace => ("DELETE", workspace.clone(), None),
            RequestKind::CreateFunction(name) => {
                let body = json!({"name": name, "code": STANDARD.encode(SOURCES[0])});
                ("POST", format!("{workspace}/functions"), Some(body))
            }
            RequestKind::ReadFunction(_) => ("GET", function, None),
            RequestKind::PatchFunction(_, "code", source) => {
                ("PATCH", function, Some(json!({"code": STANDARD.encode(source)})))
            }
            RequestKind::PatchFunction(_, field, value) => {
                ("PATCH", function, Some(json!({ field: value })))
            }
            RequestKind::DeleteFunction(_) => ("DELETE", function, None),
            RequestKind::Execute(_) => ("POST", format!("{function}/invoke"), None),
        };
        let is_conditional = request.is_conditional && matches!(method, "PATCH" | "DELETE");
        let tag = tags.get(&path).filter(|_| is_conditional).cloned();
        let if_match = tag.as_deref().map(version);
        let called = self.tick();
        let event = Event::new(method, &path).header("if-match", tag.as_deref());
        let event = body.iter().fold(event, |event, body| event.json(body));
        let answer = self.api.send(event).await;
        let returned = self.tick();
        if matches!(method, "GET" | "PATCH") && answer.status == 200 {
            tags.insert(path, answer.header("etag").to_owned());
        }
        let kind = &request.kind;
        let at = at.unwrap_or_else(|| self.slot_of_new(kind, &answer));
        let input = input(kind, at, if_match);
        if answer.status == 503 && !matches!(kind, RequestKind::Execute(_)) {
            // The outcome is unknown: it may take effect now, later or never.
            self.record(client, input, called, None);
            return;
        }
        let output = self.output(kind, id.as_deref(), &answer);
        if !matches!(
            kind,
            RequestKind::ReadFunction(_) | RequestKind::PatchFunction(..) | RequestKind::Execute(_)
        ) {
            self.record(client, input, called, Some((output, returned)));
        } else if output == Output::NoWorkspace {
            self.record(client, Input::FindWorkspace, called, Some((output, returned)));
            // A PATCH without a source checks the workspace and changes the function concurrently.
            if matches!(kind, RequestKind::PatchFunction(_, field, _) if *field != "code") {
                self.record(client, input, called, None);
            }
        } else {
            self.record(client, Input::FindWorkspace, called, Some((Output::Done, returned)));
            self.record(client, input, called, Some((output, returned)));
        }
    }

    /// The known function that a request is about.
    fn function_of(&self, kind: &RequestKind) -> Option<usize> {
        let functions = self.functions.borrow();
        let known: Vec<_> = (0..functions.len()).filter(|at| functions[*at].is_some()).collect();
        match kind {
            RequestKind::ReadFunction(number)
            | RequestKind::PatchFunction(number, ..)
            | RequestKind::DeleteFunction(number) => Some(known[number % known.len()]),
            // Functions created in the race may not be deployed yet.
            RequestKind::Execute(number) => Some(number % self.deployed),
            _ => None,
        }
    }

    /// The slot of the function that a request has created, or may create later.
    fn slot_of_new(&self, kind: &RequestKind, answer: &Answer) -> usize {
        let mut functions = self.functions.borrow_mut();
        if matches!(kind, RequestKind::CreateFunction(_)) {
            let id = (answer.status == 201).then(|| text(&answer.json(), "id"));
            functions.push(id);
        }
        functions.len() - 1
    }

    /// The output that a response stands for. An undocumented response is a failure.
    fn output(&self, kind: &RequestKind, id: Option<&str>, answer: &Answer) -> Output {
        match (answer.status, kind) {
            (200, RequestKind::ReadWorkspace | RequestKind::PatchWorkspace(_)) => {
                let functions = answer.json()["functionCount"].as_u64().unwrap() as usize;
                Output::Workspace { item: item(answer, WORKSPACE_FIELDS), functions }
            }
            (200, RequestKind::ReadFunction(_) | RequestKind::PatchFunction(..)) => {
                Output::Function(item(answer, FUNCTION_FIELDS))
            }
            (200, RequestKind::Execute(_)) => {
                let log = answer.json();
                assert_eq!(log["statusCode"], 200, "{log}{}", self.report());
                let of = (text(&log, "functionId"), text(&log, "id"));
                assert_eq!(Some(of.0.as_str()), id, "{log}");
                self.executed.borrow_mut().push(of);
                Output::Done
            }
            (201, RequestKind::CreateFunction(name)) => {
                assert_eq!(item(answer, FUNCTION_FIELDS), new_function(name));
                Output::Done
            }
            (204, RequestKind::DeleteWorkspace | RequestKind::DeleteFunction(_)) => Output::Done,
            (404, _) => {
                let message = answer.assert_error(404, "NOT_FOUND");
                // The message names the missing resource.
                let is_function = id.is_some_and(|id| message.contains(id));
                if is_function { Output::NoFunction } else { Output::NoWorkspace }
            }
            (409, RequestKind::CreateFunction(_)) => {
                answer.assert_error(409, "CONFLICT");
                Output::Conflict
            }
            (409, RequestKind::Execute(_)) => {
                let message = answer.assert_error(409, "CONFLICT");
                assert!(message.contains("disabled"), "{message}{}", self.report());
                Output::Conflict
            }
            (503, RequestKind::Execute(_)) => {
                let message = answer.assert_error(503, "SERVICE_UNAVAILABLE");
                assert!(message.contains("not deployed yet"), "{message}{}", self.report());
                Output::NotDeployed
            }
            (412, _) => {
                answer.assert_error(412, "PRECONDITION_FAILED");
                Output::Changed
            }
            (status, kind) => panic!("{kind:?}: {status} {}{}", answer.body, self.report()),
        }
    }

    fn record(
        &self,
        client: usize,
        input: Input,
        called: usize,
        returned: Option<(Output, usize)>,
    ) {
        self.history.borrow_mut().push(Operation { client, input, called, returned });
    }

    fn tick(&self) -> usize {
        self.clock.replace(self.clock.get() + 1)
    }
}

fn input(kind: &RequestKind, at: usize, if_match: Option<u64>) -> Input {
    let patch = |field, value: &str| Patch { field, value: value.to_owned(), if_match };
    match *kind {
        RequestKind::ReadWorkspace => Input::ReadWorkspace,
        RequestKind::PatchWorkspace(name) => Input::PatchWorkspace(patch("name", name)),
        RequestKind::DeleteWorkspace => Input::DeleteWorkspace { if_match },
        RequestKind::CreateFunction(name) => Input::CreateFunction(at, new_function(name)),
        RequestKind::ReadFunction(_) => Input::ReadFunction(at),
        RequestKind::PatchFunction(_, field, value) => {
            Input::PatchFunction(at, patch(field, value))
        }
        RequestKind::DeleteFunction(_) => Input::DeleteFunction { at, if_match },
        RequestKind::Execute(_) => Input::Execute(at),
    }
}

fn new_function(name: &str) -> Item {
    let fields = [("name", name), ("status", "active"), ("code", SOURCES[0])];
    Item { version: 1, fields: fields.map(|(name, value)| (name, value.to_owned())).into() }
}

fn item(answer: &Answer, fields: &[&'static str]) -> Item {
    assert_eq!(answer.status / 100, 2, "{}", answer.body);
    let body = answer.json();
    let mut read = Item { version: version(answer.header("etag")), fields: [].into() };
    for &name in fields {
        read.fields.insert(name, text(&body, name));
    }
    if let Some(code) = read.fields.get_mut("code") {
        // Decoded, for a readable history.
        *code = String::from_utf8(STANDARD.decode(&*code).unwrap()).unwrap();
    }
    read
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap().to_owned()
}

/// The version in an `ETag`: the part before `-`.
fn version(tag: &str) -> u64 {
    tag.trim_matches('"').split('-').next().unwrap().parse().unwrap()
}
