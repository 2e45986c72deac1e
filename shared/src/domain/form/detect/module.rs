//! A module, with what is found out about it once.

use std::cell::OnceCell;
use std::collections::HashSet;

use ruff_python_ast::{Expr, Stmt};

use super::callable::Callable;
use super::platforms::has_aws;
use super::scope::{Scope, Value, is_script_only, method};
use super::walk::{Node, Walk};

/// A module.
pub(super) struct Module<'a> {
    body: &'a [Stmt],
    scope: Scope<'a>,
    has_aws: bool,
    mentions: OnceCell<Mentions<'a>>,
}

/// The names that the module's code mentions, apart from where they are defined.
#[derive(Default)]
struct Mentions<'a> {
    /// In functions and classes.
    definitions: HashSet<&'a str>,
    /// In what else runs here.
    here: HashSet<&'a str>,
    /// In the part that runs only where the file is started by itself.
    script: HashSet<&'a str>,
}

impl<'a> Module<'a> {
    pub(super) fn of(body: &'a [Stmt]) -> Self {
        let scope = Scope::of(body);
        let has_aws = has_aws(&scope);
        Self { body, scope, has_aws, mentions: OnceCell::new() }
    }

    pub(super) fn scope(&self) -> &Scope<'a> {
        &self.scope
    }

    pub(super) fn has_aws(&self) -> bool {
        self.has_aws
    }

    pub(super) fn has_flask(&self) -> bool {
        self.scope.imports("flask")
    }

    pub(super) fn has_google(&self) -> bool {
        self.scope.imports("functions_framework")
    }

    /// Whether other code of the module uses `name`, so that it is more of a helper than a handler.
    pub(super) fn is_used(&self, name: &str) -> bool {
        self.is_used_by_definitions(name) || self.mentions().here.contains(name)
    }

    /// Whether a function or class of the module uses `name`.
    pub(super) fn is_used_by_definitions(&self, name: &str) -> bool {
        self.mentions().definitions.contains(name)
    }

    /// Whether the module mentions `name` at all: a program calls its `main`.
    pub(super) fn is_mentioned(&self, name: &str) -> bool {
        self.is_used(name) || self.mentions().script.contains(name)
    }

    /// The names of the classes that others derive from.
    pub(super) fn bases(&self) -> HashSet<&'a str> {
        let places = self.scope.last_places();
        let classes = places.filter_map(|place| match self.scope.binding(place).value {
            Value::Class(class) => Some(class),
            _ => None,
        });
        let bases = classes.flat_map(|class| class.bases());
        bases.filter_map(|base| base.as_name_expr().map(|name| name.id.as_str())).collect()
    }

    /// Whether a class has the method `handle(self, scope, receive, send)`.
    pub(super) fn has_instance_handle(&self) -> bool {
        self.scope.last_places().any(|place| {
            let Value::Class(class) = self.scope.binding(place).value else { return false };
            method(class, "handle").is_some_and(|handle| Callable::method(handle).takes(3))
        })
    }

    fn mentions(&self) -> &Mentions<'a> {
        self.mentions.get_or_init(|| {
            let mut mentions = Mentions::default();
            for stmt in self.body {
                let (own, found) = match stmt {
                    Stmt::FunctionDef(function) => {
                        (function.name.as_str(), &mut mentions.definitions)
                    }
                    Stmt::ClassDef(class) => (class.name.as_str(), &mut mentions.definitions),
                    Stmt::If(stmt) if is_script_only(stmt) => ("", &mut mentions.script),
                    _ => ("", &mut mentions.here),
                };
                found.extend(loaded(stmt).filter(|name| *name != own));
            }
            mentions
        })
    }
}

/// The names that a statement reads.
fn loaded(stmt: &Stmt) -> impl Iterator<Item = &str> {
    Walk::of_body(std::slice::from_ref(stmt)).filter_map(|node| match node {
        Node::Expr(Expr::Name(name)) if name.ctx.is_load() => Some(name.id.as_str()),
        _ => None,
    })
}
