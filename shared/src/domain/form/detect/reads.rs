//! What a handler's code reads from its parameters.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::{CmpOp, Expr, ExprCall, ExprCompare, Pattern, Stmt};

use super::callable::{Callable, Target, target};
use super::scope::{Scope, text};
use super::walk::Node;

/// The most levels that are looked into for the body in an expression like `event.get("body") or {}`.
const MAX_LEVELS: usize = 8;

/// Methods that a `dict` has, and a list hasn't.
const OF_A_DICT: [&str; 6] = ["get", "items", "keys", "setdefault", "update", "values"];

/// What the code reads from the first parameter, and in functions of the module that it passes the
/// parameter to.
#[derive(Default)]
pub(super) struct Reads<'a> {
    /// Keys, and whether the code needs them: `event["a"]` does, `event.get("a")` doesn't.
    keys: HashMap<&'a str, bool>,
    /// Keys that the code asks for before it reads them.
    asked: HashSet<&'a str>,
    /// Keys that the code sets itself.
    written: HashSet<&'a str>,
    attributes: HashSet<&'a str>,
    /// Attributes of the second parameter.
    pub(super) second: HashSet<&'a str>,
    is_dict: bool,
    body: BodyUse,
    /// Packages that are imported in the code itself.
    pub(super) imports: HashSet<&'a str>,
}

/// How the code uses `event["body"]`.
#[derive(Default)]
struct BodyUse {
    is_loaded: bool,
    has_keys: bool,
    is_checked: bool,
}

/// What the body of the request is, as the code uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// JSON that the code has to read.
    Text,
    /// A value with keys.
    Parsed,
    /// Either, or unused.
    Unclear,
}

impl<'a> Reads<'a> {
    /// What `callable` reads itself.
    pub(super) fn of(callable: &Callable<'a>) -> Self {
        let mut reads = Self::default();
        reads.add(callable, 0);
        reads
    }

    /// What `callable` and the functions that it passes its parameter to read. Each is looked at once.
    pub(super) fn with_helpers(callable: &Callable<'a>, module: &Scope<'a>) -> Self {
        let mut reads = Self::default();
        let mut passed = reads.add(callable, 0);
        let mut seen = HashSet::from([callable.address()]);
        while let Some((helper, place)) = passed.pop() {
            let Some(Target::Callable(helper)) = module.last(helper).map(|at| target(module, at))
            else {
                continue;
            };
            if seen.insert(helper.address()) {
                passed.extend(reads.add(&helper, place));
            }
        }
        reads
    }

    /// Whether the code reads one of `keys`.
    pub(super) fn has_key(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.keys.contains_key(key) || self.asked.contains(key))
    }

    /// Whether the code fails without one of `keys`.
    pub(super) fn needs_key(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.keys.get(key) == Some(&true) && !self.asked.contains(key))
    }

    /// Whether the code reads a key that it doesn't set.
    pub(super) fn has_foreign_keys(&self) -> bool {
        self.keys.keys().any(|key| !self.written.contains(key))
    }

    /// Whether one of the keys begins with `start`.
    pub(super) fn has_key_beginning(&self, start: &str) -> bool {
        self.keys.keys().chain(&self.asked).any(|key| key.starts_with(start))
    }

    /// Whether the first parameter is used as a `dict`.
    pub(super) fn is_dict(&self) -> bool {
        self.is_dict || !self.asked.is_empty()
    }

    pub(super) fn has_attribute(&self, attributes: &[&str]) -> bool {
        attributes.iter().any(|attribute| self.attributes.contains(attribute))
    }

    pub(super) fn body(&self) -> Body {
        match self.body {
            BodyUse { is_checked: true, .. } => Body::Unclear,
            BodyUse { is_loaded: true, .. } => Body::Text,
            BodyUse { has_keys: true, .. } => Body::Parsed,
            _ => Body::Unclear,
        }
    }

    /// Adds what one function reads from its parameter at `place`. Returns the functions that it
    /// passes it to, each with the parameter's place there.
    fn add(&mut self, callable: &Callable<'a>, place: usize) -> Vec<(&'a str, usize)> {
        let first = callable.name(place);
        let second = if place == 0 { callable.name(1) } else { "" };
        let mut names = Names { event: HashSet::from([first]), body: HashSet::new() };
        names.event.remove("");
        let mut passed = Vec::new();
        for node in callable.walk() {
            match node {
                Node::Stmt(stmt) => self.add_stmt(stmt, &mut names),
                Node::Expr(expr) => {
                    self.add_expr(expr, &mut names);
                    match expr {
                        Expr::Call(call) => passed.extend(passes(call, &names)),
                        Expr::Attribute(attribute) if is_name(&attribute.value, second) => {
                            self.second.insert(&attribute.attr);
                        }
                        _ => {}
                    }
                }
            }
        }
        passed
    }

    fn add_stmt(&mut self, stmt: &'a Stmt, names: &mut Names<'a>) {
        match stmt {
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    names.assign(target, &assign.value);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    names.assign(&assign.target, value);
                }
            }
            Stmt::Match(stmt) if names.is_event(&stmt.subject) => {
                self.is_dict = true;
                for case in &stmt.cases {
                    if let Pattern::MatchMapping(mapping) = &case.pattern {
                        self.asked.extend(mapping.keys.iter().filter_map(text));
                    }
                }
            }
            Stmt::Import(import) => {
                let packages = import.names.iter().map(|alias| package(&alias.name));
                self.imports.extend(packages);
            }
            Stmt::ImportFrom(import) if import.level == 0 => {
                self.imports.extend(import.module.as_deref().map(package));
            }
            _ => {}
        }
    }

    fn add_expr(&mut self, expr: &'a Expr, names: &mut Names<'a>) {
        match expr {
            Expr::Named(named) => names.assign(&named.target, &named.value),
            Expr::Subscript(subscript) if names.is_event(&subscript.value) => {
                if let Some(key) = text(&subscript.slice) {
                    self.is_dict = true;
                    if subscript.ctx.is_load() {
                        self.keys.insert(key, true);
                    } else {
                        self.written.insert(key);
                    }
                }
            }
            Expr::Subscript(subscript) if subscript.ctx.is_load() => {
                self.body.has_keys |= names.is_body(&subscript.value);
            }
            Expr::Attribute(attribute) if names.is_event(&attribute.value) => {
                self.attributes.insert(&attribute.attr);
            }
            Expr::Call(call) => self.add_call(call, names),
            Expr::Compare(compare) => self.add_question(compare, names),
            _ => {}
        }
    }

    fn add_call(&mut self, call: &'a ExprCall, names: &Names<'a>) {
        let first = call.arguments.args.first();
        match &*call.func {
            Expr::Attribute(method) if OF_A_DICT.contains(&method.attr.as_str()) => {
                if names.is_event(&method.value) {
                    self.is_dict = true;
                    if let Some(key) = first.and_then(text) {
                        self.keys.entry(key).or_insert(false);
                    }
                } else if names.is_body(&method.value) {
                    self.body.has_keys = true;
                }
            }
            Expr::Attribute(method) if &method.attr == "loads" => {
                self.body.is_loaded |= first.is_some_and(|value| names.is_body(value));
            }
            Expr::Name(name) if name.id == "loads" => {
                self.body.is_loaded |= first.is_some_and(|value| names.is_body(value));
            }
            Expr::Name(name) if name.id == "isinstance" || name.id == "type" => {
                self.body.is_checked |= first.is_some_and(|value| names.is_body(value));
            }
            _ => {}
        }
    }

    /// `"key" in event`.
    fn add_question(&mut self, compare: &'a ExprCompare, names: &Names<'a>) {
        if let ([CmpOp::In | CmpOp::NotIn], [asked]) = (&*compare.ops, &*compare.comparators)
            && names.is_event(asked)
            && let Some(key) = text(&compare.left)
        {
            self.asked.insert(key);
        }
    }
}

/// The names of a function that stand for the event, and for its body.
struct Names<'a> {
    event: HashSet<&'a str>,
    body: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn assign(&mut self, target: &'a Expr, value: &Expr) {
        let Expr::Name(target) = target else { return };
        if self.is_event(value) {
            self.event.insert(&target.id);
        } else if self.is_body(value) {
            self.body.insert(&target.id);
        }
    }

    fn is_event(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Name(name) if self.event.contains(name.id.as_str()))
    }

    /// Whether this is the request's body, or another value in its place: `event["body"] or "{}"`.
    fn is_body(&self, expr: &Expr) -> bool {
        let mut expr = expr;
        for _ in 0..MAX_LEVELS {
            expr = match expr {
                Expr::Name(name) => return self.body.contains(name.id.as_str()),
                Expr::Subscript(subscript) => {
                    let is_key = text(&subscript.slice) == Some("body");
                    return is_key && self.is_event(&subscript.value);
                }
                Expr::Call(call) => {
                    let is_key = call.arguments.args.first().and_then(text) == Some("body");
                    let Expr::Attribute(get) = &*call.func else { return false };
                    return is_key && &get.attr == "get" && self.is_event(&get.value);
                }
                Expr::BoolOp(operation) => match operation.values.first() {
                    Some(first) => first,
                    None => return false,
                },
                Expr::If(choice) => &choice.body,
                Expr::Named(named) => &named.value,
                _ => return false,
            };
        }
        false
    }
}

/// The function of the module that a call passes the event to, with the place there.
fn passes<'a>(call: &'a ExprCall, names: &Names<'a>) -> Option<(&'a str, usize)> {
    let Expr::Name(function) = &*call.func else { return None };
    let place = call.arguments.args.iter().position(|value| names.is_event(value))?;
    Some((&function.id, place))
}

fn is_name(expr: &Expr, name: &str) -> bool {
    !name.is_empty() && matches!(expr, Expr::Name(found) if found.id == name)
}

/// The first part of a module's name.
fn package(module: &str) -> &str {
    module.split('.').next().unwrap_or(module)
}
