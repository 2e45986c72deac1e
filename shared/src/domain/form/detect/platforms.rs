//! Handlers that a platform's own package marks as such.

use ruff_python_ast::Expr;

use super::Form;
use super::callable::{Callable, Target, target};
use super::scope::{Binding, Scope, Value, method};

/// Packages of AWS, and those that serve applications on Lambda.
const OF_AWS: [&str; 23] = [
    "aioboto3",
    "aiobotocore",
    "apig_wsgi",
    "ask_sdk",
    "ask_sdk_core",
    "aws_lambda_context",
    "aws_lambda_powertools",
    "aws_lambda_typing",
    "aws_lambda_wsgi",
    "aws_xray_sdk",
    "awsgi",
    "awsgi2",
    "awslambdaric",
    "boto3",
    "botocore",
    "cfnresponse",
    "chalice",
    "crhelper",
    "datadog_lambda",
    "mangum",
    "mypy_boto3",
    "serverless_wsgi",
    "types_aiobotocore",
];

/// What makes a Lambda handler when it is called.
const LAMBDA_HANDLERS: [&str; 6] = [
    "apig_wsgi.make_lambda_handler",
    "chalice.Chalice",
    "chalice.app.Chalice",
    "mangum.Mangum",
    "mangum.adapter.Mangum",
    "serverless_wsgi.handler",
];

/// The names that [`is_named_as_spin`] knows.
pub(super) const NAMES_OF_SPIN: [&str; 2] = ["IncomingHandler", "init_incoming_handler"];

/// How sure it is that a handler is the one that is meant, among several of a form. Lower is surer.
type Rank = u8;

/// Which platforms' packages a module imports.
pub(super) struct Platforms {
    has_spin: bool,
    has_azure: bool,
    has_nuclio: bool,
    has_parliament: bool,
}

/// A handler that a platform's package marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) form: Form,
    pub(super) rank: Rank,
}

impl Platforms {
    pub(super) fn of(scope: &Scope<'_>) -> Self {
        Self {
            has_spin: scope.imports("spin_sdk") || scope.imports("spin_http"),
            has_azure: scope.imports("azure.functions") || scope.imports("azure.durable_functions"),
            has_nuclio: scope.imports("nuclio_sdk") || scope.imports("nuclio"),
            has_parliament: scope.imports("parliament"),
        }
    }

    /// The form of the binding at `place`, if a platform's package says so.
    pub(super) fn marked(&self, scope: &Scope<'_>, place: usize) -> Option<Marked> {
        let Binding { name, value } = scope.binding(place);
        match value {
            Value::Class(_) => spin_class(scope, place),
            Value::Function(function) => {
                let function = Callable::function(function);
                self.entry_of_spin(name)
                    .or_else(|| decorated(scope, &function))
                    .or_else(|| self.function(scope, name, &function))
            }
            Value::Assigned(value) | Value::Annotated(_, Some(value)) => {
                let made = made(scope, name, value).or_else(|| self.entry_of_spin(name));
                made.or_else(|| match target(scope, place) {
                    // Under another name it would count twice.
                    Target::Callable(function) if matches!(*name, "main" | "handler") => {
                        self.function(scope, name, &function)
                    }
                    _ => None,
                })
            }
            _ => None,
        }
    }

    fn function(&self, scope: &Scope<'_>, name: &str, function: &Callable<'_>) -> Option<Marked> {
        self.azure_function(scope, name, function)
            .or_else(|| self.nuclio_function(name, function))
            .or_else(|| self.parliament_function(name, function))
    }

    /// The functions that the oldest SDK called, and the earlier backend.
    fn entry_of_spin(&self, name: &str) -> Option<Marked> {
        match name {
            _ if !self.has_spin => None,
            "init_incoming_handler" => marked(Form::Spin, 2),
            "handle_request" => marked(Form::Spin, 3),
            _ => None,
        }
    }

    fn azure_function(
        &self,
        scope: &Scope<'_>,
        name: &str,
        function: &Callable<'_>,
    ) -> Option<Marked> {
        if !self.has_azure {
            return None;
        }
        let is_request = |full: &str| full.ends_with(".HttpRequest").then_some(());
        let takes_request = function.positional().any(|parameter| {
            let annotation = parameter.annotation.as_deref();
            annotation.is_some_and(|annotation| scope.meaning(annotation, is_request).is_some())
        });
        match (name, takes_request) {
            ("main", _) => marked(Form::Azure, 1),
            (_, true) => marked(Form::Azure, 3),
            _ => None,
        }
    }

    fn nuclio_function(&self, name: &str, function: &Callable<'_>) -> Option<Marked> {
        let is_handler = self.has_nuclio && name != "init_context" && function.takes(2);
        (is_handler && is_context(function.name(0)) && is_event(function.name(1)))
            .then(|| Marked { form: Form::Nuclio, rank: u8::from(name != "handler") })
    }

    fn parliament_function(&self, name: &str, function: &Callable<'_>) -> Option<Marked> {
        let is_handler = self.has_parliament && name == "main" && function.takes(1);
        is_handler.then_some(Marked { form: Form::Knative, rank: 0 })
    }
}

/// Whether AWS, or a package of its users, is imported.
pub(super) fn has_aws(scope: &Scope<'_>) -> bool {
    OF_AWS.iter().any(|package| scope.imports(package))
}

/// Whether a package is AWS's, or of its users.
pub(super) fn is_aws(package: &str) -> bool {
    OF_AWS.contains(&package)
}

/// Whether a parameter's name is that of the platform's context.
pub(super) fn is_context(name: &str) -> bool {
    matches!(name, "context" | "ctx" | "_context" | "_ctx" | "lambda_context")
}

/// Whether a parameter's name is that of an event.
pub(super) fn is_event(name: &str) -> bool {
    matches!(name, "event" | "evt" | "_event" | "_evt" | "ev" | "e")
}

/// Whether the class at `place` is a handler of Python's own HTTP server.
pub(super) fn is_server(scope: &Scope<'_>, place: usize) -> bool {
    let is_base = |full: &str| {
        matches!(
            full,
            "http.server.BaseHTTPRequestHandler" | "http.server.SimpleHTTPRequestHandler"
        )
        .then_some(())
    };
    scope.inherited(place, is_base).is_some()
}

/// Whether a binding without Spin's package in it is one that the earlier backend took for a handler:
/// a class with the usual name, or a function that makes an object with `handle_request`.
pub(super) fn is_named_as_spin(scope: &Scope<'_>, place: usize) -> bool {
    let Binding { name, value } = scope.binding(place);
    match value {
        Value::Class(class) if *name == "IncomingHandler" => {
            method(class, "handle_request").is_some()
        }
        _ if *name == "init_incoming_handler" => {
            !matches!(target(scope, place), Target::NotCallable)
        }
        _ => false,
    }
}

fn marked(form: Form, rank: Rank) -> Option<Marked> {
    Some(Marked { form, rank })
}

fn spin_class(scope: &Scope<'_>, place: usize) -> Option<Marked> {
    let is_base = |full: &str| {
        let (package, class) = (full.split('.').next(), full.rsplit('.').next());
        let is_spin = matches!(package, Some("spin_sdk" | "spin_http"));
        (is_spin && matches!(class, Some("IncomingHandler" | "Handler"))).then_some(())
    };
    scope.inherited(place, is_base)?;
    marked(Form::Spin, u8::from(scope.binding(place).name != "IncomingHandler"))
}

/// A function that a decorator makes one of Google's.
fn decorated(scope: &Scope<'_>, function: &Callable<'_>) -> Option<Marked> {
    function.decorators.iter().find_map(|decorator| {
        let expr = match &decorator.expression {
            Expr::Call(call) => &call.func,
            other => other,
        };
        scope.meaning(expr, of_google).and_then(|rank| marked(Form::Gcp, rank))
    })
}

/// How sure it is that a function with this decorator answers requests.
fn of_google(full: &str) -> Option<Rank> {
    let (package, rest) = full.split_once('.')?;
    match (package, rest.strip_prefix("aio.").unwrap_or(rest)) {
        ("functions_framework", "http" | "typed") => Some(0),
        ("functions_framework", "cloud_event") => Some(1),
        ("firebase_functions", "https_fn.on_request") => Some(0),
        _ => None,
    }
}

/// An object of a platform's package.
fn made(scope: &Scope<'_>, name: &str, value: &Expr) -> Option<Marked> {
    match value {
        Expr::Call(call) => {
            let is_named = matches!(name, "handler" | "lambda_handler");
            // Alexa's builder has a method of that name.
            if is_named
                && matches!(&*call.func, Expr::Attribute(made) if &made.attr == "lambda_handler")
            {
                return marked(Form::Aws, 0);
            }
            scope.meaning(&call.func, |full| {
                if LAMBDA_HANDLERS.contains(&full) {
                    return marked(Form::Aws, u8::from(!is_named));
                }
                let azure = full.strip_prefix("azure.");
                match azure.and_then(|full| full.split_once('.')) {
                    Some((_, "FunctionApp" | "AsgiFunctionApp" | "WsgiFunctionApp" | "DFApp")) => {
                        marked(Form::Azure, 0)
                    }
                    Some((_, "Blueprint")) => marked(Form::Azure, 2),
                    _ => of_google(full).and_then(|rank| marked(Form::Gcp, rank)),
                }
            })
        }
        // `main = func.WsgiMiddleware(app).main`
        Expr::Attribute(attribute) if &attribute.attr == "main" => {
            let Expr::Call(call) = &*attribute.value else { return None };
            let is_middleware = |full: &str| {
                matches!(full, "azure.functions.WsgiMiddleware" | "azure.functions.AsgiMiddleware")
                    .then_some(())
            };
            scope.meaning(&call.func, is_middleware).and_then(|()| marked(Form::Azure, 1))
        }
        _ => None,
    }
}
