//! Applications in the protocols WSGI and ASGI.

use ruff_python_ast::{Expr, ExprCall, StmtClassDef};

use super::Form;
use super::callable::Callable;
use super::scope::{Binding, Scope, Value, method};

/// The most steps through names, wrappers and factories from a name to the application.
const MAX_STEPS: usize = 24;

/// The most functions whose code is searched for the application that they return.
const MAX_FACTORIES: usize = 2;

/// What makes a WSGI application when it is called.
const WSGI: [&str; 38] = [
    "a2wsgi.ASGIMiddleware",
    "apiflask.APIFlask",
    "ariadne.wsgi.GraphQL",
    "bottle.Bottle",
    "bottle.app",
    "bottle.default_app",
    "cherrypy.Application",
    "cherrypy.tree.mount",
    "connexion.FlaskApp",
    "django.core.handlers.wsgi.WSGIHandler",
    "django.core.wsgi.get_wsgi_application",
    "eve.Eve",
    "falcon.API",
    "falcon.App",
    "flask.Flask",
    "flask.app.Flask",
    "flask_api.FlaskAPI",
    "flask_openapi3.OpenAPI",
    "microdot.wsgi.Microdot",
    "microdot_wsgi.Microdot",
    "pecan.make_app",
    "socketio.Middleware",
    "socketio.WSGIApp",
    "spyne.server.wsgi.WsgiApplication",
    "webapp2.WSGIApplication",
    "webob.dec.wsgify",
    "werkzeug.contrib.fixers.ProxyFix",
    "werkzeug.middleware.dispatcher.DispatcherMiddleware",
    "werkzeug.middleware.profiler.ProfilerMiddleware",
    "werkzeug.middleware.proxy_fix.ProxyFix",
    "werkzeug.middleware.shared_data.SharedDataMiddleware",
    "werkzeug.wrappers.Request.application",
    "werkzeug.Request.application",
    "werkzeug.wsgi.DispatcherMiddleware",
    "werkzeug.wsgi.responder",
    "whitenoise.WhiteNoise",
    "wsgidav.wsgidav_app.WsgiDAVApp",
    "zeep.wsgi.SoapApplication",
];

/// What makes an ASGI application when it is called.
const ASGI: [&str; 43] = [
    "a2wsgi.WSGIMiddleware",
    "ariadne.asgi.GraphQL",
    "asgiref.wsgi.WsgiToAsgi",
    "blacksheep.Application",
    "blacksheep.server.Application",
    "channels.routing.ProtocolTypeRouter",
    "channels.routing.URLRouter",
    "connexion.App",
    "connexion.AsyncApp",
    "django.core.asgi.get_asgi_application",
    "django.core.handlers.asgi.ASGIHandler",
    "emmett.App",
    "engineio.ASGIApp",
    "esmerald.Esmerald",
    "falcon.asgi.App",
    "fastapi.FastAPI",
    "fastapi.applications.FastAPI",
    "fastapi.middleware.wsgi.WSGIMiddleware",
    "fastapi_offline.FastAPIOffline",
    "gradio.mount_gradio_app",
    "hypercorn.middleware.AsyncioWSGIMiddleware",
    "hypercorn.middleware.DispatcherMiddleware",
    "lilya.apps.Lilya",
    "litestar.Litestar",
    "litestar.app.Litestar",
    "microdot.asgi.Microdot",
    "microdot_asgi.Microdot",
    "muffin.Application",
    "quart.Quart",
    "quart.app.Quart",
    "ravyn.Ravyn",
    "responder.API",
    "sanic.Sanic",
    "sanic.app.Sanic",
    "socketio.ASGIApp",
    "starlette.applications.Starlette",
    "starlette.middleware.wsgi.WSGIMiddleware",
    "starlette.routing.Router",
    "starlite.Starlite",
    "starlite.app.Starlite",
    "strawberry.asgi.GraphQL",
    "uvicorn.middleware.proxy_headers.ProxyHeadersMiddleware",
    "uvicorn.middleware.wsgi.WSGIMiddleware",
];

/// Methods that make an application, whatever they belong to.
const METHODS: [(&str, Form); 5] = [
    ("http_app", Form::Asgi),
    ("make_wsgi_app", Form::Wsgi),
    ("sse_app", Form::Asgi),
    ("streamable_http_app", Form::Asgi),
    ("wsgifunc", Form::Wsgi),
];

/// Attributes that hold the application: Flask's own, and the Flask application of Dash.
const ATTRIBUTES: [&str; 2] = ["asgi_app", "wsgi_app"];

/// An application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct App {
    pub(super) form: Form,
    /// Whether a framework makes it, and not the source alone.
    pub(super) has_framework: bool,
}

/// How far the search for an application goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Through factories, classes and wrappers. It may take as long as the source is large.
    Deep,
    /// Only what the binding itself shows.
    Shallow,
}

/// The application that is bound at `place` of a module.
pub(super) fn app(scope: &Scope<'_>, place: usize, depth: Depth) -> Option<App> {
    let mut trace = Trace { depth, steps: 0, factories: 0, has_framework: false };
    let form = trace.of_binding(scope, place)?;
    Some(App { form, has_framework: trace.has_framework })
}

/// The protocol that a callable's parameters belong to.
pub(super) fn protocol(callable: &Callable<'_>) -> Option<Form> {
    match [callable.name(0), callable.name(1), callable.name(2)] {
        ["environ" | "env" | "environment", "start_response" | "start", _]
        | [_, "start_response", _]
            if callable.takes(2) =>
        {
            Some(Form::Wsgi)
        }
        ["scope", "receive" | "recv" | "_receive", _] if callable.takes(3) => Some(Form::Asgi),
        _ => None,
    }
}

struct Trace {
    depth: Depth,
    steps: usize,
    factories: usize,
    has_framework: bool,
}

impl Trace {
    fn of_binding(&mut self, scope: &Scope<'_>, place: usize) -> Option<Form> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return None;
        }
        let Binding { name, value } = scope.binding(place);
        match *value {
            // Knative calls a function of this name.
            Value::Function(_) if *name == "handle" => None,
            Value::Function(function) => {
                let callable = Callable::function(function);
                let mut decorators = function.decorator_list.iter();
                let decorated = || decorators.find_map(|d| self.of_framework(scope, &d.expression));
                protocol(&callable).or_else(|| by_name(&callable, name)).or_else(decorated)
            }
            Value::Class(class) => of_class(class),
            Value::Assigned(value) => self.of_value(scope, value, place),
            Value::Annotated(annotation, value) => value
                .and_then(|value| self.of_value(scope, value, place))
                .or_else(|| self.of_framework(scope, annotation)),
            // A module may import many things from a file of that name.
            Value::Imported if self.depth == Depth::Deep => self.of_import(scope, name),
            Value::Imported => None,
            Value::Unknown => None,
        }
    }

    /// The application that `value` is, in the binding at `place`.
    fn of_value(&mut self, scope: &Scope<'_>, value: &Expr, place: usize) -> Option<Form> {
        let mut value = value;
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return None;
            }
            value = match value {
                Expr::Name(name) => return self.of_name(scope, &name.id, place),
                Expr::Call(call) => return self.of_call(scope, call, place),
                Expr::If(choice) => match self.of_value(scope, &choice.body, place) {
                    None => &choice.orelse,
                    found => return found,
                },
                Expr::Await(awaited) => &awaited.value,
                Expr::Named(named) => &named.value,
                Expr::Attribute(attribute) if ATTRIBUTES.contains(&attribute.attr.as_str()) => {
                    &attribute.value
                }
                Expr::Attribute(attribute) if &attribute.attr == "server" => {
                    return self.of_dash(scope, &attribute.value);
                }
                _ => return None,
            };
        }
    }

    fn of_name(&mut self, scope: &Scope<'_>, name: &str, place: usize) -> Option<Form> {
        if let Some(earlier) = scope.last_before(name, place) {
            return self.of_binding(scope, earlier);
        }
        let outer = scope.outer()?;
        self.of_binding(outer, outer.last(name)?)
    }

    fn of_call(&mut self, scope: &Scope<'_>, call: &ExprCall, place: usize) -> Option<Form> {
        if let Some(form) = self.of_framework(scope, &call.func) {
            return Some(form);
        }
        if let Expr::Attribute(method) = &*call.func
            && let Some((_, form)) = METHODS.iter().find(|(name, _)| &method.attr == *name)
        {
            self.has_framework = true;
            return Some(*form);
        }
        if self.depth == Depth::Shallow {
            return None;
        }
        self.of_own_call(scope, &call.func, place).or_else(|| {
            // A wrapper that isn't known keeps the protocol, as middleware does.
            let wrapped = call.arguments.find_argument_value("app", 0)?;
            self.of_value(scope, wrapped, place)
        })
    }

    /// What a class or function of the module makes when it is called.
    fn of_own_call(&mut self, scope: &Scope<'_>, called: &Expr, place: usize) -> Option<Form> {
        let Expr::Name(name) = called else { return None };
        let (scope, place) = match (scope.last_before(&name.id, place), scope.outer()) {
            (Some(place), _) => (scope, place),
            (None, Some(outer)) => (outer, outer.last(&name.id)?),
            (None, None) => return None,
        };
        match scope.binding(place).value {
            Value::Class(class) => {
                let call = method(class, "__call__");
                let own = call.and_then(|call| protocol(&Callable::method(call)));
                own.or_else(|| {
                    let form = scope.inherited(place, of_name)?;
                    self.has_framework = true;
                    Some(form)
                })
            }
            Value::Function(function) if self.factories < MAX_FACTORIES => {
                self.factories += 1;
                let inner = Callable::function(function).scope(scope);
                inner.returns().iter().find_map(|value| self.of_value(&inner, value, usize::MAX))
            }
            _ => None,
        }
    }

    /// What a framework makes, by the name of its class or function.
    fn of_framework(&mut self, scope: &Scope<'_>, called: &Expr) -> Option<Form> {
        let form = scope.meaning(called, of_name)?;
        self.has_framework = true;
        Some(form)
    }

    /// Dash isn't an application itself: it has one, `server`.
    fn of_dash(&mut self, scope: &Scope<'_>, dash: &Expr) -> Option<Form> {
        let Expr::Name(name) = dash else { return None };
        let (Value::Assigned(Expr::Call(call)) | Value::Annotated(_, Some(Expr::Call(call)))) =
            scope.binding(scope.last(&name.id)?).value
        else {
            return None;
        };
        scope.meaning(&call.func, |full| (full == "dash.Dash").then_some(()))?;
        self.has_framework = true;
        Some(Form::Wsgi)
    }

    /// An application of one of the user's own files, where the file's name says what it is:
    /// `from shop.wsgi import application`.
    fn of_import(&mut self, scope: &Scope<'_>, name: &str) -> Option<Form> {
        let form = scope.import_of(name).and_then(|full| {
            let module = full.rsplit('.').nth(1)?;
            match module {
                "wsgi" => Some(Form::Wsgi),
                "asgi" => Some(Form::Asgi),
                _ => None,
            }
        })?;
        self.has_framework = true;
        Some(form)
    }
}

/// The protocol of what a framework's class or function makes, by its full name.
fn of_name(full: &str) -> Option<Form> {
    if WSGI.contains(&full) {
        Some(Form::Wsgi)
    } else if ASGI.contains(&full) {
        Some(Form::Asgi)
    } else {
        None
    }
}

/// The protocol of `async def app` with three parameters, whatever their names, and of ASGI 2's
/// `def app(scope)`.
fn by_name(function: &Callable<'_>, name: &str) -> Option<Form> {
    let has_three = function.takes(3) && function.positional().count() == 3;
    let is_asgi = if function.is_async { has_three } else { function.name(0) == "scope" };
    (is_asgi && matches!(name, "app" | "application")).then_some(Form::Asgi)
}

/// A class whose objects are each for one request: PEP 3333 shows one, and ASGI 2 had them.
fn of_class(class: &StmtClassDef) -> Option<Form> {
    let init = Callable::method(method(class, "__init__")?);
    if init.name(0) == "scope" {
        let call = Callable::method(method(class, "__call__")?);
        return (init.takes(1) && call.name(0) == "receive").then_some(Form::Asgi);
    }
    protocol(&init).filter(|form| *form == Form::Wsgi)
}
