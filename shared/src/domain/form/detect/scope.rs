//! The names that a module, or a function, gives to things.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::{
    CmpOp, ExceptHandler, Expr, Stmt, StmtClassDef, StmtFunctionDef, StmtIf, StmtImport,
    StmtImportFrom,
};

/// The most parts of a dotted name that can mean something here.
const MAX_PARTS: usize = 8;

/// The most `from … import *` that are considered for a name that is bound by none of the others.
const MAX_STARS: usize = 8;

/// The most classes of a module between a class and one that it derives from, and the most bases of
/// each that are looked at.
const MAX_CLASSES: usize = 8;
const MAX_BASES: usize = 8;

/// What a name stands for.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Function(&'a StmtFunctionDef),
    Class(&'a StmtClassDef),
    Assigned(&'a Expr),
    /// Declared with a type, `app: Flask`, with or without a value.
    Annotated(&'a Expr, Option<&'a Expr>),
    Imported,
    /// Part of an unpacked value.
    Unknown,
}

/// A name, and what it stands for from there on.
pub(super) struct Binding<'a> {
    pub(super) name: &'a str,
    pub(super) value: Value<'a>,
}

/// The names of a module or of a function, those in its `if`, `try`, `with` and loops included, and
/// those inside its functions and classes not.
#[derive(Default)]
pub(super) struct Scope<'a> {
    bindings: Vec<Binding<'a>>,
    /// The places of a name in `bindings`, ascending.
    places: HashMap<&'a str, Vec<usize>>,
    /// The full name of what was imported under a name: `azure.functions` for `func`.
    imports: HashMap<&'a str, String>,
    stars: Vec<String>,
    /// All packages and modules that are imported, with one part and with two.
    modules: HashSet<String>,
    returns: Vec<&'a Expr>,
    outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(body: &'a [Stmt]) -> Self {
        let mut scope = Self::default();
        scope.add_block(body);
        scope
    }

    /// The names of a function's body. What it doesn't bind is looked for in `outer`.
    pub(super) fn within(body: &'a [Stmt], outer: &'a Scope<'a>) -> Self {
        Self { outer: Some(outer), ..Self::of(body) }
    }

    pub(super) fn outer(&self) -> Option<&'a Scope<'a>> {
        self.outer
    }

    /// The values that the function returns.
    pub(super) fn returns(&self) -> &[&'a Expr] {
        &self.returns
    }

    pub(super) fn binding(&self, place: usize) -> &Binding<'a> {
        &self.bindings[place]
    }

    /// Where `name` was bound last.
    pub(super) fn last(&self, name: &str) -> Option<usize> {
        self.places.get(name)?.last().copied()
    }

    /// Where `name` was bound last before the binding at `place`: what it means in that one's value.
    pub(super) fn last_before(&self, name: &str, place: usize) -> Option<usize> {
        let places = self.places.get(name)?;
        let earlier = places.partition_point(|other| *other < place);
        places[..earlier].last().copied()
    }

    /// The value that was assigned to `name` last.
    pub(super) fn assigned(&self, name: &str) -> Option<&'a Expr> {
        match self.bindings[self.last(name)?].value {
            Value::Assigned(value) | Value::Annotated(_, Some(value)) => Some(value),
            _ => None,
        }
    }

    /// Each name's last place, in the order of the source.
    pub(super) fn last_places(&self) -> impl Iterator<Item = usize> {
        (0..self.bindings.len())
            .filter(|place| self.last(self.bindings[*place].name) == Some(*place))
    }

    /// Whether a package, or a module in one, is imported: `azure.functions`.
    pub(super) fn imports(&self, module: &str) -> bool {
        self.modules.contains(module)
    }

    /// The first meaning of what an expression names, by its full name. For `func.HttpRequest` after
    /// `import azure.functions as func` that is `azure.functions.HttpRequest`.
    pub(super) fn meaning<T>(&self, expr: &Expr, meaning: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (root, rest) = dotted(expr)?;
        // An import counts even if another value replaces it: that is how people provide for a
        // package that may be missing.
        if let Some(full) = self.import_of(root) {
            return meaning(&(full.to_owned() + &rest));
        }
        if self.last(root).is_some() {
            return None;
        }
        self.stars().find_map(|module| meaning(&format!("{module}.{root}{rest}")))
    }

    /// The first meaning of a class from which the class at `place` derives, also through classes of
    /// the module.
    pub(super) fn inherited<T>(
        &self,
        place: usize,
        meaning: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let mut pending = vec![place];
        for _ in 0..MAX_CLASSES {
            let place = pending.pop()?;
            let Value::Class(class) = self.bindings[place].value else { continue };
            for base in class.bases().iter().take(MAX_BASES) {
                if let Some(found) = self.meaning(base, &meaning) {
                    return Some(found);
                }
                if let Expr::Name(name) = base {
                    pending.extend(self.last_before(&name.id, place));
                }
            }
        }
        None
    }

    /// The full name of what was imported as `name`.
    pub(super) fn import_of(&self, name: &str) -> Option<&str> {
        let outer = || self.outer.and_then(|outer| outer.import_of(name));
        self.imports.get(name).map(String::as_str).or_else(outer)
    }

    fn stars(&self) -> impl Iterator<Item = &String> {
        self.stars.iter().chain(self.outer.iter().flat_map(|outer| &outer.stars))
    }

    fn add_block(&mut self, body: &'a [Stmt]) {
        for stmt in body {
            self.add(stmt);
        }
    }

    fn add(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => self.bind(&function.name, Value::Function(function)),
            Stmt::ClassDef(class) => self.bind(&class.name, Value::Class(class)),
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    self.assign(target, Value::Assigned(&assign.value));
                }
            }
            Stmt::AnnAssign(assign) => {
                let value = Value::Annotated(&assign.annotation, assign.value.as_deref());
                self.assign(&assign.target, value);
            }
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Return(stmt) => self.returns.extend(stmt.value.as_deref()),
            _ => self.add_blocks_of(stmt),
        }
    }

    fn add_blocks_of(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::If(stmt) => {
                if !is_script_only(stmt) {
                    self.add_block(&stmt.body);
                }
                for clause in &stmt.elif_else_clauses {
                    self.add_block(&clause.body);
                }
            }
            Stmt::Try(stmt) => {
                self.add_block(&stmt.body);
                for ExceptHandler::ExceptHandler(handler) in &stmt.handlers {
                    self.add_block(&handler.body);
                }
                self.add_block(&stmt.orelse);
                self.add_block(&stmt.finalbody);
            }
            Stmt::With(stmt) => self.add_block(&stmt.body),
            Stmt::For(stmt) => {
                self.add_block(&stmt.body);
                self.add_block(&stmt.orelse);
            }
            Stmt::While(stmt) => {
                self.add_block(&stmt.body);
                self.add_block(&stmt.orelse);
            }
            Stmt::Match(stmt) => {
                for case in &stmt.cases {
                    self.add_block(&case.body);
                }
            }
            _ => {}
        }
    }

    fn assign(&mut self, target: &'a Expr, value: Value<'a>) {
        match target {
            Expr::Name(name) => self.bind(&name.id, value),
            Expr::Tuple(targets) => {
                let parts = match value {
                    Value::Assigned(Expr::Tuple(values)) => values.elts.as_slice(),
                    _ => &[],
                };
                for (place, target) in targets.elts.iter().enumerate() {
                    let Expr::Name(name) = target else { continue };
                    let part = parts.get(place).filter(|_| parts.len() == targets.elts.len());
                    self.bind(&name.id, part.map_or(Value::Unknown, Value::Assigned));
                }
            }
            _ => {}
        }
    }

    fn import(&mut self, import: &'a StmtImport) {
        for alias in &import.names {
            let full = alias.name.as_str();
            self.add_module(full);
            let (name, stands_for) = match &alias.asname {
                Some(name) => (name.as_str(), full),
                None => {
                    let package = full.split('.').next().unwrap_or(full);
                    (package, package)
                }
            };
            self.bind_import(name, stands_for.to_owned());
        }
    }

    fn import_from(&mut self, import: &'a StmtImportFrom) {
        // A leading dot, for the user's own files, keeps them apart from packages.
        let own = if import.level > 0 { "." } else { "" };
        let module = import.module.as_deref().unwrap_or_default();
        let module = format!("{own}{module}");
        self.add_module(&module);
        for alias in &import.names {
            let full = format!("{module}.{}", alias.name);
            if &alias.name == "*" {
                if self.stars.len() < MAX_STARS {
                    self.stars.push(module.clone());
                }
                continue;
            }
            self.add_module(&full);
            self.bind_import(alias.asname.as_ref().unwrap_or(&alias.name), full);
        }
    }

    fn bind_import(&mut self, name: &'a str, full: String) {
        // The first import is the one that is meant; a later one is what remains without it.
        self.imports.entry(name).or_insert(full);
        self.bind(name, Value::Imported);
    }

    fn add_module(&mut self, full: &str) {
        for (end, _) in full.match_indices('.').take(2).chain([(full.len(), "")]) {
            self.modules.insert(full[..end].to_owned());
        }
    }

    fn bind(&mut self, name: &'a str, value: Value<'a>) {
        self.places.entry(name).or_default().push(self.bindings.len());
        self.bindings.push(Binding { name, value });
    }
}

/// The first name of `a.b.c`, and the rest of it with its dots.
fn dotted(expr: &Expr) -> Option<(&str, String)> {
    let mut parts = Vec::new();
    let mut expr = expr;
    while let Expr::Attribute(attribute) = expr {
        if parts.len() == MAX_PARTS {
            return None;
        }
        parts.push(attribute.attr.as_str());
        expr = &attribute.value;
    }
    let Expr::Name(root) = expr else { return None };
    let rest = parts.iter().rev().flat_map(|part| [".", part]).collect();
    Some((&root.id, rest))
}

/// The text of a literal.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::StringLiteral(literal) => Some(literal.value.to_str()),
        _ => None,
    }
}

/// The method `name` of a class, if it is written in the class itself.
pub(super) fn method<'a>(class: &'a StmtClassDef, name: &str) -> Option<&'a StmtFunctionDef> {
    class.body.iter().rev().find_map(|stmt| match stmt {
        Stmt::FunctionDef(function) if &function.name == name => Some(function),
        _ => None,
    })
}

/// Whether this is `if __name__ == "__main__"`, which holds only where a file is started by itself.
pub(super) fn is_script_only(stmt: &StmtIf) -> bool {
    let Expr::Compare(compare) = &*stmt.test else { return false };
    if *compare.ops != [CmpOp::Eq] {
        return false;
    }
    let mut sides = [&compare.left].into_iter().map(|left| &**left).chain(&compare.comparators);
    sides.any(|side| text(side) == Some("__main__"))
}
