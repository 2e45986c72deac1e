//! Handlers that are known by their name, their parameters, and what they read from those.

use super::Form;
use super::Form::OpenWhisk;
use super::Form::{Appwrite, Asgi, Aws, Azure, Fission, Gcp, Knative, Native, Nuclio, OpenFaas};
use super::apps;
use super::callable::Callable;
use super::function::{Event, Forms, Function};
use super::module::Module;
use super::platforms::{is_context, is_event};

/// The forms that the function `name` may have.
pub(super) fn forms<'a>(module: &Module<'a>, name: &str, function: &Callable<'a>) -> Forms {
    match apps::protocol(function) {
        Some(Asgi) if name == "handle" => return &[Knative],
        Some(Asgi) => return &[Asgi],
        Some(_) => return &[Form::Wsgi],
        None => {}
    }
    let function = Function::with_helpers(module, function);
    match name {
        "lambda_handler" => &[Aws],
        "handler" => function.as_handler(),
        "main" => function.as_main(),
        "handle" => function.as_handle(),
        "new" => function.as_new(),
        _ => function.as_other(),
    }
}

/// Whether a handler takes the native event, by the keys that it reads.
pub(super) fn takes_native_event<'a>(module: &Module<'a>, handler: &Callable<'a>) -> bool {
    handler.takes(2) && Function::with_helpers(module, handler).event() == Event::Native
}

/// The forms that a function may have whose name says nothing. Only clear cases count, and what it
/// passes its parameters to is not looked at: there may be thousands of such functions.
pub(super) fn forms_without_name<'a>(module: &Module<'a>, function: &Callable<'a>) -> Forms {
    let (first, second) = (function.name(0), function.name(1));
    let takes_event = is_event(first) && (is_context(second) || second.starts_with('_'));
    let function = Function::alone(module, function);
    match function.request() {
        forms @ ([Gcp] | [Azure]) if !function.is_other_code() => forms,
        _ if takes_event || function.is_swapped() => function.as_other(),
        _ if first.is_empty() && function.uses_flask_request() => &[Fission],
        // Google's framework can be started with a function that it doesn't decorate.
        [] if first == "request" && module.has_google() && !function.is_other_code() => &[Gcp],
        _ => &[],
    }
}

impl Function<'_, '_> {
    fn as_handler(&self) -> Forms {
        if self.is_swapped() {
            return &[Nuclio];
        }
        if self.callable.takes(2) {
            return match self.event() {
                _ if self.has_aws_object() => &[Aws],
                Event::Aws => &[Aws],
                Event::Both => &[Native, Aws],
                // A decorator may have made another event of it.
                Event::Unclear if self.callable.is_wrapped => &[Native],
                // AWS's functions read the names of the JSON body itself from the event.
                Event::Unclear if self.reads_others() => &[Aws],
                Event::Unclear if self.has_openfaas_event() => &[OpenFaas],
                Event::Native | Event::Unclear => &[Native],
            };
        }
        if self.callable.is_wrapped {
            // The wrapper may take the two.
            return &[Native];
        }
        self.request()
    }

    fn as_handle(&self) -> Forms {
        if self.is_swapped() {
            return &[Nuclio];
        }
        if self.callable.takes(2) {
            return match self.event() {
                _ if self.has_openfaas_event() => &[OpenFaas],
                Event::Native => &[Native],
                Event::Both => &[Native, Aws],
                Event::Aws => &[Aws],
                // Scaleway's events are those of API Gateway.
                Event::Unclear if self.reads.is_dict() => &[Aws],
                Event::Unclear => &[OpenFaas],
            };
        }
        if !self.callable.takes(1) {
            return &[];
        }
        match self.request() {
            forms @ ([Gcp] | [Azure] | [Appwrite]) => forms,
            _ => &[OpenFaas],
        }
    }

    fn as_main(&self) -> Forms {
        if self.is_swapped() {
            return &[Nuclio];
        }
        let request = self.request();
        if !request.is_empty() {
            return request;
        }
        if self.callable.takes(0) && self.callable.name(0).is_empty() {
            return self.main_without_parameters();
        }
        if self.callable.takes(2) { self.main_of_two() } else { self.main_of_one() }
    }

    fn main_without_parameters(&self) -> Forms {
        if self.module.has_flask() || self.reads.imports.contains("flask") {
            return &[Fission];
        }
        if !self.returns_anything() || self.module.is_mentioned("main") {
            return &[];
        }
        // DigitalOcean's parameters are optional.
        if self.returns_dict_with("body") { &[OpenWhisk] } else { &[Fission] }
    }

    fn main_of_one(&self) -> Forms {
        if !self.callable.takes(1) {
            return &[];
        }
        if self.reads.is_dict() || self.returns_dict() {
            return &[OpenWhisk];
        }
        // A program of the command line may take its arguments.
        let is_program = self.module.is_mentioned("main") || self.callable.takes(0);
        if is_program || !self.returns_anything() {
            return &[];
        }
        match self.callable.name(0) {
            name if is_context(name) => &[Appwrite],
            "req" => &[Azure],
            "request" => &[Gcp],
            _ => &[OpenWhisk],
        }
    }

    fn main_of_two(&self) -> Forms {
        if matches!([self.callable.name(0), self.callable.name(1)], ["req", "res"]) {
            return &[Appwrite];
        }
        if self.has_openwhisk_event() {
            return &[OpenWhisk];
        }
        if self.has_google_context() {
            return &[Gcp];
        }
        if matches!(self.event(), Event::Aws | Event::Both) {
            return &[Aws];
        }
        let takes_event = is_event(self.callable.name(0)) && is_context(self.callable.name(1));
        let is_action = takes_event && self.returns_anything() && !self.callable.takes(0);
        if is_action || self.returns_dict() || (!takes_event && self.reads.is_dict()) {
            return &[OpenWhisk];
        }
        if takes_event && !self.module.is_mentioned("main") {
            return &[OpenWhisk, Gcp];
        }
        &[]
    }

    /// A function that makes an object with `handle(scope, receive, send)`.
    fn as_new(&self) -> Forms {
        if self.callable.takes(0) && self.module.has_instance_handle() { &[Knative] } else { &[] }
    }

    fn as_other(&self) -> Forms {
        if self.is_swapped() {
            return &[Nuclio];
        }
        let request = self.request();
        if !request.is_empty() {
            return request;
        }
        if self.callable.takes(2) {
            return match self.event() {
                _ if self.has_google_context() => &[Gcp],
                Event::Native => &[Native],
                Event::Aws => &[Aws],
                Event::Both => &[Native, Aws],
                Event::Unclear if self.has_google_object() => &[Gcp],
                Event::Unclear if self.has_openfaas_event() => &[OpenFaas],
                Event::Unclear => &[Aws],
            };
        }
        if self.callable.takes(1) {
            return match self.callable.name(0) {
                _ if self.reads.is_dict() || self.returns_dict() => &[OpenWhisk],
                "request" => &[Gcp],
                "req" => &[OpenFaas],
                name if is_context(name) => &[Appwrite],
                _ => &[],
            };
        }
        let without = self.callable.takes(0) && self.module.has_flask();
        if without { &[Fission] } else { &[] }
    }
}
