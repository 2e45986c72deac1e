//! Clients that ask one workspace at once, and what their answers say, as steps.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use serde_json::{Value, json};
use testkit::{Answer, Event};

use super::Created;
use super::checker::{Entry, drawn};
use super::plan::{Ask, SOURCES, What};
use super::spec::{Found, Item, Patch, State, Step, Workspace};

const OF_WORKSPACE: &[&str] = &["name"];
const OF_FUNCTION: &[&str] = &["name", "status", "code"];

/// What the clients of one workspace know together.
pub(crate) struct Race<'a> {
    api: &'a Deployment,
    seed: u64,
    /// The path of the workspace.
    pub(crate) path: String,
    /// How many functions were there, and deployed, before the race.
    deployed: usize,
    /// The functions, by when a request for one was answered; none where none was made.
    functions: RefCell<Vec<Option<String>>>,
    clock: Cell<usize>,
    pub(crate) history: RefCell<Vec<Entry<Workspace>>>,
    /// The function and the log of each execution.
    pub(crate) executed: RefCell<Vec<(String, String)>>,
}

impl<'a> Race<'a> {
    /// A race in a workspace that was just made and followed.
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

    /// What happened, and how to let it happen once more.
    pub(crate) fn story(&self) -> String {
        let drawn = drawn(&self.history.borrow());
        format!("\nRACE_SEED={} RACE_CASES=1 asks the same again.\n{drawn}", self.seed)
    }

    /// The workspace as it is read now, where nobody else asks.
    pub(crate) async fn state(&self) -> State {
        let workspace = self.api.ask("GET", &self.path, None).await;
        let known = self.functions.borrow().clone();
        let mut functions = Vec::new();
        for id in known.iter().flatten() {
            let path = format!("{}/functions/{id}", self.path);
            let function = self.api.ask("GET", &path, None).await;
            functions.push(Some(item(&function, OF_FUNCTION)));
        }
        State { is_there: true, workspace: item(&workspace, OF_WORKSPACE), functions }
    }

    /// `state` with a place for each function that was asked for since.
    pub(crate) fn with_places(&self, mut state: State) -> State {
        state.functions.resize(self.functions.borrow().len(), None);
        state
    }

    /// Asks all of this, one after the other.
    pub(crate) async fn client(&self, number: usize, asks: &[Ask]) {
        let mut tags = HashMap::new();
        for ask in asks {
            for _ in 0..ask.pause {
                tokio::task::yield_now().await;
            }
            self.ask(number, ask, &mut tags).await;
        }
    }

    /// Reads everything that there may be, as a client that comes last.
    pub(crate) async fn read_all(&self, number: usize) {
        let functions = 0..self.functions.borrow().iter().flatten().count();
        let all = functions.map(What::ReadFunction).chain([What::ReadWorkspace]);
        let asks: Vec<_> = all.map(|what| Ask { what, is_conditional: false, pause: 0 }).collect();
        self.client(number, &asks).await;
    }

    async fn ask(&self, client: usize, ask: &Ask, tags: &mut HashMap<String, String>) {
        let at = self.function_of(&ask.what);
        let id = at.and_then(|at| self.functions.borrow()[at].clone());
        let of_workspace = &self.path;
        let of_function = format!("{of_workspace}/functions/{}", id.as_deref().unwrap_or_default());
        let (method, path, body) = match ask.what {
            What::ReadWorkspace => ("GET", of_workspace.clone(), None),
            What::PatchWorkspace(name) => {
                ("PATCH", of_workspace.clone(), Some(json!({ "name": name })))
            }
            What::DeleteWorkspace => ("DELETE", of_workspace.clone(), None),
            What::CreateFunction(name) => {
                let body = json!({"name": name, "code": STANDARD.encode(SOURCES[0])});
                ("POST", format!("{of_workspace}/functions"), Some(body))
            }
            What::ReadFunction(_) => ("GET", of_function, None),
            What::PatchFunction(_, "code", source) => {
                ("PATCH", of_function, Some(json!({"code": STANDARD.encode(source)})))
            }
            What::PatchFunction(_, field, value) => {
                ("PATCH", of_function, Some(json!({ field: value })))
            }
            What::DeleteFunction(_) => ("DELETE", of_function, None),
            What::Execute(_) => ("POST", format!("{of_function}/invoke"), None),
        };
        let can_be = ask.is_conditional && matches!(method, "PATCH" | "DELETE");
        let tag = tags.get(&path).filter(|_| can_be).cloned();
        let if_match = tag.as_deref().map(version);
        let called = self.tick();
        let event = Event::new(method, &path).header("if-match", tag.as_deref());
        let event = body.iter().fold(event, |event, body| event.json(body));
        let answer = self.api.send(event).await;
        let answered = self.tick();
        if matches!(method, "GET" | "PATCH") && answer.status == 200 {
            tags.insert(path, answer.header("etag").to_owned());
        }
        let at = at.unwrap_or_else(|| self.place_of_new(&ask.what, &answer));
        let step = step(&ask.what, at, if_match);
        if answer.status == 503 && !matches!(ask.what, What::Execute(_)) {
            // It may have changed something, now or later; nothing was learned.
            self.note(client, step, called, None);
            return;
        }
        let found = self.found(&ask.what, id.as_deref(), &answer);
        if !matches!(ask.what, What::ReadFunction(_) | What::PatchFunction(..) | What::Execute(_)) {
            self.note(client, step, called, Some((found, answered)));
        } else if found == Found::NoWorkspace {
            self.note(client, Step::FindWorkspace, called, Some((found, answered)));
            // A PATCH without a source asks for the workspace and changes the function at once.
            if matches!(ask.what, What::PatchFunction(_, field, _) if field != "code") {
                self.note(client, step, called, None);
            }
        } else {
            self.note(client, Step::FindWorkspace, called, Some((Found::Done, answered)));
            self.note(client, step, called, Some((found, answered)));
        }
    }

    /// Which of the functions that are known now a request is about.
    fn function_of(&self, what: &What) -> Option<usize> {
        let functions = self.functions.borrow();
        let known: Vec<_> = (0..functions.len()).filter(|at| functions[*at].is_some()).collect();
        match what {
            What::ReadFunction(number)
            | What::PatchFunction(number, ..)
            | What::DeleteFunction(number) => Some(known[number % known.len()]),
            // Whether others are deployed already, nobody promises.
            What::Execute(number) => Some(number % self.deployed),
            _ => None,
        }
    }

    /// The place of the function that a request has made, or may make later.
    fn place_of_new(&self, what: &What, answer: &Answer) -> usize {
        let mut functions = self.functions.borrow_mut();
        if matches!(what, What::CreateFunction(_)) {
            let id = (answer.status == 201).then(|| text(&answer.json(), "id"));
            functions.push(id);
        }
        functions.len() - 1
    }

    /// What an answer says; where it is none that there may be, that is the test's failure.
    fn found(&self, what: &What, id: Option<&str>, answer: &Answer) -> Found {
        match (answer.status, what) {
            (200, What::ReadWorkspace | What::PatchWorkspace(_)) => {
                let functions = answer.json()["functionCount"].as_u64().unwrap() as usize;
                Found::Workspace { item: item(answer, OF_WORKSPACE), functions }
            }
            (200, What::ReadFunction(_) | What::PatchFunction(..)) => {
                Found::Function(item(answer, OF_FUNCTION))
            }
            (200, What::Execute(_)) => {
                let log = answer.json();
                assert_eq!(log["statusCode"], 200, "{log}{}", self.story());
                let of = (text(&log, "functionId"), text(&log, "id"));
                assert_eq!(Some(of.0.as_str()), id, "{log}");
                self.executed.borrow_mut().push(of);
                Found::Done
            }
            (201, What::CreateFunction(name)) => {
                assert_eq!(item(answer, OF_FUNCTION), new_function(name));
                Found::Done
            }
            (204, What::DeleteWorkspace | What::DeleteFunction(_)) => Found::Done,
            (404, _) => {
                let message = answer.assert_error(404, "NOT_FOUND");
                // It names what isn't there.
                let is_function = id.is_some_and(|id| message.contains(id));
                if is_function { Found::NoFunction } else { Found::NoWorkspace }
            }
            (409, What::CreateFunction(_)) => {
                answer.assert_error(409, "CONFLICT");
                Found::Conflict
            }
            (409, What::Execute(_)) => {
                let message = answer.assert_error(409, "CONFLICT");
                assert!(message.contains("disabled"), "{message}{}", self.story());
                Found::Conflict
            }
            (412, _) => {
                answer.assert_error(412, "PRECONDITION_FAILED");
                Found::Changed
            }
            (status, what) => panic!("{what:?}: {status} {}{}", answer.body, self.story()),
        }
    }

    fn note(&self, client: usize, step: Step, called: usize, answered: Option<(Found, usize)>) {
        self.history.borrow_mut().push(Entry { client, step, called, answered });
    }

    fn tick(&self) -> usize {
        self.clock.replace(self.clock.get() + 1)
    }
}

fn step(what: &What, at: usize, if_match: Option<u64>) -> Step {
    let patch = |field, value: &str| Patch { field, value: value.to_owned(), if_match };
    match *what {
        What::ReadWorkspace => Step::ReadWorkspace,
        What::PatchWorkspace(name) => Step::PatchWorkspace(patch("name", name)),
        What::DeleteWorkspace => Step::DeleteWorkspace { if_match },
        What::CreateFunction(name) => Step::CreateFunction(at, new_function(name)),
        What::ReadFunction(_) => Step::ReadFunction(at),
        What::PatchFunction(_, field, value) => Step::PatchFunction(at, patch(field, value)),
        What::DeleteFunction(_) => Step::DeleteFunction { at, if_match },
        What::Execute(_) => Step::Execute(at),
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
        // So that a history can be read.
        *code = String::from_utf8(STANDARD.decode(&*code).unwrap()).unwrap();
    }
    read
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap().to_owned()
}

/// The version in an `ETag`: what stands before a `-`, if there is one.
fn version(tag: &str) -> u64 {
    tag.trim_matches('"').split('-').next().unwrap().parse().unwrap()
}
