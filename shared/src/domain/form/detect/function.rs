//! What a function does with its parameters, and what it returns.

use ruff_python_ast::Expr;

use super::Form;
use super::Form::{Appwrite, Azure, Fission, Gcp, Knative};
use super::callable::Callable;
use super::module::Module;
use super::platforms::{is_aws, is_context, is_event};
use super::reads::{Body, Reads};
use super::scope::{Scope, text};
use super::walk::Node;

/// The forms that a function may have: none, one, or several that can't be told apart.
pub(super) type Forms = &'static [Form];

const NATIVE_KEYS: [&str; 5] = ["method", "query", "rawBody", "rawQuery", "sourceIp"];

/// Keys that the events of API Gateway and of other sources on AWS have.
const AWS_KEYS: [&str; 15] = [
    "Records",
    "detail-type",
    "httpMethod",
    "invokingEvent",
    "multiValueHeaders",
    "multiValueQueryStringParameters",
    "pathParameters",
    "queryStringParameters",
    "rawPath",
    "rawQueryString",
    "requestContext",
    "resource",
    "routeKey",
    "stageVariables",
    "triggerSource",
];

/// Keys that both have.
const SHARED_KEYS: [&str; 5] = ["body", "cookies", "headers", "isBase64Encoded", "path"];

/// Keys of the objects in the events of Cloud Storage and Pub/Sub.
const GOOGLE_KEYS: [&str; 6] =
    ["attributes", "bucket", "data", "metageneration", "oldValue", "timeCreated"];

const GOOGLE_CONTEXT: [&str; 4] = ["event_id", "event_type", "resource", "timestamp"];

const OPENWHISK_CONTEXT: [&str; 6] =
    ["activation_id", "api_host", "api_key", "deadline", "namespace", "request_id"];

/// Attributes of the event of OpenFaaS.
const OPENFAAS_EVENT: [&str; 5] = ["body", "headers", "method", "path", "query"];

/// Attributes that only Flask's request has.
const FLASK_REQUEST: [&str; 14] = [
    "args",
    "authorization",
    "content_type",
    "files",
    "form",
    "get_data",
    "is_json",
    "json",
    "mimetype",
    "query_string",
    "remote_addr",
    "stream",
    "url_root",
    "values",
];

/// Attributes that the requests of others have as well.
const ANY_REQUEST: [&str; 9] =
    ["cookies", "data", "endpoint", "get_json", "headers", "host", "method", "path", "url"];

/// Attributes that only the request of Azure has.
const AZURE_REQUEST: [&str; 3] = ["get_body", "params", "route_params"];

/// A function, and what its code does.
pub(super) struct Function<'m, 'a> {
    pub(super) module: &'m Module<'a>,
    pub(super) callable: &'m Callable<'a>,
    pub(super) reads: Reads<'a>,
}

/// What the code takes its first parameter for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Native,
    Aws,
    Both,
    Unclear,
}

impl<'m, 'a> Function<'m, 'a> {
    /// A function with what it reads itself.
    pub(super) fn alone(module: &'m Module<'a>, callable: &'m Callable<'a>) -> Self {
        Self { module, callable, reads: Reads::of(callable) }
    }

    /// A function with what it reads, also in functions of the module.
    pub(super) fn with_helpers(module: &'m Module<'a>, callable: &'m Callable<'a>) -> Self {
        Self { module, callable, reads: Reads::with_helpers(callable, module.scope()) }
    }

    /// The platform whose request the first parameter is, by its type or its attributes.
    pub(super) fn request(&self) -> Forms {
        let Some(first) = self.callable.positional().next() else { return &[] };
        let name = first.name.as_str();
        let annotated = first.annotation.as_deref();
        let by_type =
            annotated.and_then(|annotation| self.module.scope().meaning(annotation, request_of));
        if let Some(forms) = by_type {
            return forms;
        }
        let is_request = matches!(name, "req" | "request" | "_request" | "_req");
        if self.reads.is_dict() {
            return &[];
        }
        if self.reads.has_attribute(&["req", "res"])
            || (is_context(name) && self.reads.has_attribute(&["log", "error"]))
        {
            return &[Appwrite];
        }
        if is_context(name) && self.reads.has_attribute(&["request", "cloud_event"]) {
            return &[Knative];
        }
        if self.reads.has_attribute(&AZURE_REQUEST) && is_request {
            return &[Azure];
        }
        if self.reads.has_attribute(&FLASK_REQUEST) && is_request {
            return &[Gcp];
        }
        if is_request && !self.callable.takes(2) && self.reads.has_attribute(&ANY_REQUEST) {
            // Azure's examples say `req`, Google's `request`.
            return if name == "req" { &[Azure] } else { &[Gcp] };
        }
        &[]
    }

    /// Whether the keys, or the use of the body, are those of the native event or of AWS's.
    pub(super) fn event(&self) -> Event {
        let reads = &self.reads;
        match (reads.has_key(&NATIVE_KEYS), reads.has_key(&AWS_KEYS)) {
            (true, false) => return Event::Native,
            (false, true) => return Event::Aws,
            (true, true) => {
                return match (reads.needs_key(&NATIVE_KEYS), reads.needs_key(&AWS_KEYS)) {
                    (true, true) => Event::Both,
                    (false, true) => Event::Aws,
                    // It makes do without AWS's keys: as a native function it works today.
                    (_, false) => Event::Native,
                };
            }
            (false, false) => {}
        }
        match reads.body() {
            Body::Text => Event::Aws,
            Body::Parsed => Event::Native,
            Body::Unclear if self.has_aws() => Event::Aws,
            Body::Unclear => Event::Unclear,
        }
    }

    pub(super) fn has_aws(&self) -> bool {
        self.module.has_aws() || self.reads.imports.iter().any(|package| is_aws(package))
    }

    /// An event of one of AWS's helpers, which has attributes.
    pub(super) fn has_aws_object(&self) -> bool {
        self.has_aws() && self.reads.has_attribute(&OPENFAAS_EVENT)
    }

    pub(super) fn has_openfaas_event(&self) -> bool {
        !self.reads.is_dict() && self.reads.has_attribute(&OPENFAAS_EVENT)
    }

    /// Keys that OpenWhisk adds to the parameters, and DigitalOcean to those or to the context.
    pub(super) fn has_openwhisk_event(&self) -> bool {
        self.reads.has_key_beginning("__ow_")
            || self.reads.has_key(&["http"])
            || self.reads.second.iter().any(|read| OPENWHISK_CONTEXT.contains(read))
    }

    /// Keys of what happened to an object or a message on Google's platform.
    pub(super) fn has_google_object(&self) -> bool {
        self.reads.needs_key(&GOOGLE_KEYS)
    }

    pub(super) fn has_google_context(&self) -> bool {
        self.reads.second.iter().any(|read| GOOGLE_CONTEXT.contains(read))
    }

    /// Whether keys are read, and none of a request.
    pub(super) fn reads_others(&self) -> bool {
        self.reads.has_foreign_keys() && !self.reads.has_key(&SHARED_KEYS)
    }

    /// Whether the context comes first. Native keys that are read from it say that it is the event.
    pub(super) fn is_swapped(&self) -> bool {
        self.callable.takes(2)
            && is_context(self.callable.name(0))
            && is_event(self.callable.name(1))
            && !self.reads.has_key(&NATIVE_KEYS)
    }

    /// Whether a decorator or the type of a parameter shows that this isn't called with a request of
    /// the platforms.
    pub(super) fn is_other_code(&self) -> bool {
        let mut types = self.callable.positional().filter_map(|p| p.annotation.as_deref());
        let is_known = |of: &Expr| self.module.scope().meaning(of, request_of).is_some();
        self.callable.is_wrapped || types.any(|annotation| !is_known(annotation))
    }

    /// Whether the code uses Flask's global request, and isn't a part of an application.
    pub(super) fn uses_flask_request(&self) -> bool {
        let scope = self.module.scope();
        !self.callable.is_wrapped
            && self.module.has_flask()
            && self.callable.walk().any(|node| match node {
                Node::Expr(Expr::Name(name)) => scope.import_of(&name.id) == Some("flask.request"),
                _ => false,
            })
    }

    pub(super) fn returns_anything(&self) -> bool {
        !self.callable.returns(&self.scope()).is_empty()
    }

    pub(super) fn returns_dict(&self) -> bool {
        let scope = self.scope();
        self.callable.returns(&scope).into_iter().any(|value| dict(&scope, value).is_some())
    }

    pub(super) fn returns_dict_with(&self, key: &str) -> bool {
        let scope = self.scope();
        self.callable.returns(&scope).into_iter().any(|value| has_item(&scope, value, key))
    }

    fn scope(&self) -> Scope<'_> {
        self.callable.scope(self.module.scope())
    }
}

/// The form whose request has this type.
fn request_of(full: &str) -> Option<Forms> {
    match full {
        "flask.Request"
        | "flask.wrappers.Request"
        | "werkzeug.Request"
        | "werkzeug.wrappers.Request" => Some(&[Gcp]),
        "azure.functions.HttpRequest" => Some(&[Azure]),
        "parliament.Context" => Some(&[Knative]),
        // Fission's second environment for Python.
        "fastapi.Request" | "starlette.requests.Request" => Some(&[Fission]),
        _ => None,
    }
}

/// The `dict` that a value is, if the code writes it out.
fn dict<'a>(scope: &Scope<'a>, value: &'a Expr) -> Option<&'a Expr> {
    let value = match value {
        Expr::Name(name) => scope.assigned(&name.id)?,
        value => value,
    };
    match value {
        Expr::Dict(_) => Some(value),
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Name(name) if name.id == "dict").then_some(value)
        }
        _ => None,
    }
}

/// Whether a value is a `dict` with the key `key`.
fn has_item<'a>(scope: &Scope<'a>, value: &'a Expr, key: &str) -> bool {
    match dict(scope, value) {
        Some(Expr::Dict(dict)) => {
            dict.items.iter().any(|item| item.key.as_ref().and_then(text) == Some(key))
        }
        Some(Expr::Call(call)) => call.arguments.find_keyword(key).is_some(),
        _ => false,
    }
}
