//! What can be called as a handler, with its parameters.

use ruff_python_ast::{
    Decorator, Expr, Parameter, ParameterWithDefault, Parameters, Stmt, StmtFunctionDef,
};

use super::scope::{Scope, Value, method};
use super::walk::{Node, Walk};

/// The most assignments and wrappers between a name and the function behind it.
const MAX_STEPS: usize = 16;

/// What is behind a name.
pub(super) enum Target<'a> {
    Callable(Callable<'a>),
    /// Something of which the source doesn't show whether it can be called.
    Unknown,
    NotCallable,
}

/// The code behind a callable.
#[derive(Clone, Copy)]
enum Code<'a> {
    Body(&'a [Stmt]),
    Value(&'a Expr),
}

/// A function, a method of an object, or a lambda.
#[derive(Clone, Copy)]
pub(super) struct Callable<'a> {
    parameters: Option<&'a Parameters>,
    /// Parameters that the caller doesn't give: `self`.
    bound: usize,
    code: Code<'a>,
    pub(super) decorators: &'a [Decorator],
    pub(super) is_async: bool,
    /// Whether something else is called in its place, as it were: its parameters may be others.
    pub(super) is_wrapped: bool,
}

impl<'a> Callable<'a> {
    pub(super) fn function(function: &'a StmtFunctionDef) -> Self {
        Self {
            parameters: Some(&function.parameters),
            bound: 0,
            code: Code::Body(&function.body),
            decorators: &function.decorator_list,
            is_async: function.is_async,
            is_wrapped: !function.decorator_list.is_empty(),
        }
    }

    pub(super) fn method(function: &'a StmtFunctionDef) -> Self {
        Self { bound: 1, ..Self::function(function) }
    }

    fn lambda(parameters: Option<&'a Parameters>, value: &'a Expr) -> Self {
        Self {
            parameters,
            bound: 0,
            code: Code::Value(value),
            decorators: &[],
            is_async: false,
            is_wrapped: false,
        }
    }

    fn behind(self, wrapper: bool) -> Target<'a> {
        Target::Callable(Self { is_wrapped: self.is_wrapped || wrapper, ..self })
    }

    /// The parameters that may be given by position.
    pub(super) fn positional(&self) -> impl Iterator<Item = &'a Parameter> + use<'a> {
        let all = self.parameters.map(|all| all.posonlyargs.iter().chain(&all.args));
        all.into_iter().flatten().map(|with_default| &with_default.parameter).skip(self.bound)
    }

    /// The name of the parameter at a place; empty if there is none.
    pub(super) fn name(&self, place: usize) -> &'a str {
        self.positional().nth(place).map_or("", |parameter| parameter.name.as_str())
    }

    /// Whether it can be called with `count` positional values and no others.
    pub(super) fn takes(&self, count: usize) -> bool {
        let Some(all) = self.parameters else { return count == 0 };
        let optional = |p: &&ParameterWithDefault| p.default.is_some();
        let most = self.positional().count();
        let optional = all.posonlyargs.iter().chain(&all.args).filter(optional).count();
        let enough = count + optional >= most && all.kwonlyargs.iter().all(|p| p.default.is_some());
        enough && (count <= most || all.vararg.is_some())
    }

    /// Where its code is in memory: the same for all names of a function.
    pub(super) fn address(&self) -> usize {
        match self.code {
            Code::Body(body) => body.as_ptr().addr(),
            Code::Value(value) => std::ptr::from_ref(value).addr(),
        }
    }

    /// The nodes of its code.
    pub(super) fn walk(&self) -> Walk<'a> {
        match self.code {
            Code::Body(body) => Walk::of_body(body),
            Code::Value(value) => Walk::of([Node::Expr(value)].into_iter()),
        }
    }

    /// The names that its code binds.
    pub(super) fn scope(&self, module: &'a Scope<'a>) -> Scope<'a> {
        match self.code {
            Code::Body(body) => Scope::within(body, module),
            Code::Value(_) => Scope::within(&[], module),
        }
    }

    /// The values that it returns.
    pub(super) fn returns(&self, scope: &Scope<'a>) -> Vec<&'a Expr> {
        match self.code {
            Code::Body(_) => scope.returns().to_vec(),
            Code::Value(value) => vec![value],
        }
    }

    /// Whether its code mentions `name`.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.walk().any(|node| matches!(node, Node::Expr(Expr::Name(found)) if found.id == name))
    }
}

/// What is behind the binding at `place`: through other names, `partial` and decorators that are
/// called by hand.
pub(super) fn target<'a>(scope: &Scope<'a>, place: usize) -> Target<'a> {
    let (mut place, mut is_wrapped) = (place, false);
    for _ in 0..MAX_STEPS {
        let value = match scope.binding(place).value {
            Value::Function(function) => {
                return Callable::function(function).behind(is_wrapped);
            }
            Value::Assigned(value) | Value::Annotated(_, Some(value)) => value,
            Value::Class(_) | Value::Annotated(_, None) if !is_wrapped => {
                return Target::NotCallable;
            }
            _ => return Target::Unknown,
        };
        let inner = match value {
            Expr::Name(name) => &name.id,
            Expr::Lambda(lambda) => {
                let callable = Callable::lambda(lambda.parameters.as_deref(), &lambda.body);
                return callable.behind(is_wrapped);
            }
            Expr::Call(call) => {
                if let Some(target) = called_class(scope, &call.func, place) {
                    return target;
                }
                if is_log_handler(scope, &call.func) {
                    return Target::NotCallable;
                }
                let Some(Expr::Name(name)) = call.arguments.args.first() else {
                    return Target::Unknown;
                };
                is_wrapped = true;
                &name.id
            }
            Expr::Attribute(_) | Expr::Subscript(_) | Expr::If(_) | Expr::Await(_) => {
                return Target::Unknown;
            }
            _ if is_wrapped => return Target::Unknown,
            _ => return Target::NotCallable,
        };
        match scope.last_before(inner, place) {
            Some(earlier) => place = earlier,
            None => return Target::Unknown,
        }
    }
    Target::Unknown
}

/// What an object of a class of the module is, as a callable.
fn called_class<'a>(scope: &Scope<'a>, class: &Expr, place: usize) -> Option<Target<'a>> {
    let Expr::Name(name) = class else { return None };
    let place = scope.last_before(&name.id, place)?;
    let Value::Class(class) = scope.binding(place).value else { return None };
    Some(match method(class, "__call__") {
        Some(call) => Target::Callable(Callable::method(call)),
        None if class.bases().is_empty() => Target::NotCallable,
        // It may inherit one.
        None => Target::Unknown,
    })
}

/// Whether this makes a handler of log records, or another object of a class `…Handler`.
fn is_log_handler(scope: &Scope<'_>, class: &Expr) -> bool {
    let is_class = |name: &str| {
        name.ends_with("Handler") && name.starts_with(|first: char| first.is_ascii_uppercase())
    };
    match class {
        Expr::Name(name) if is_class(&name.id) => true,
        Expr::Attribute(attribute) if is_class(&attribute.attr) => true,
        _ => scope.meaning(class, |full| full.starts_with("logging.").then_some(())).is_some(),
    }
}
