//! The order in which a module is searched for its handler.

use ruff_python_ast::Expr;

use super::apps::{App, Depth, app};
use super::callable::{Callable, Target, target};
use super::function::Forms;
use super::module::Module;
use super::platforms::{self, Marked, Platforms};
use super::scope::{Value, method};
use super::signatures;
use super::walk;
use super::{Candidate, Detection, Form};

/// The most candidates that an ambiguous source names: they are for a sentence.
const MAX_CANDIDATES: usize = 10;

/// A form of the binding at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    form: Form,
    place: usize,
}

/// The search of a module.
pub(super) struct Search<'m, 'a> {
    module: &'m Module<'a>,
    platforms: Platforms,
}

impl<'m, 'a> Search<'m, 'a> {
    pub(super) fn of(module: &'m Module<'a>) -> Self {
        Self { module, platforms: Platforms::of(module.scope()) }
    }

    /// The form of the name that the user gave.
    pub(super) fn named(&self, name: &str) -> Detection {
        let scope = self.module.scope();
        let Some(place) = scope.last(name) else { return self.elsewhere(name) };
        let marked = self.platforms.marked(scope, place).map(|marked| marked.form);
        let certain = marked
            .or((name == "lambda_handler").then_some(Form::Aws))
            .or_else(|| app(scope, place, Depth::Deep).map(|app| app.form));
        let forms = match certain {
            Some(form) => vec![form],
            None if has_method_of_spin(scope.binding(place).value) => vec![Form::Spin],
            None => self.forms_by_name(name, place).to_vec(),
        };
        let found: Vec<Found> = forms.into_iter().map(|form| Found { form, place }).collect();
        if found.is_empty() {
            return self.answer(&[Found { form: Form::Native, place }]);
        }
        self.answer(&found)
    }

    /// The form for a name that the source doesn't show: it may be made while the source runs.
    fn elsewhere(&self, name: &str) -> Detection {
        let form = match self.handler() {
            Detection::Found { form, .. } => form,
            Detection::Ambiguous { candidates } => {
                let first = candidates[0].form;
                let agree = candidates.iter().all(|candidate| candidate.form == first);
                if agree { first } else { Form::Native }
            }
        };
        Detection::Found { form, entry_point: Some(name.to_owned()) }
    }

    /// The handler, where no name is given.
    pub(super) fn handler(&self) -> Detection {
        let steps: [fn(&Self) -> Vec<Found>; 7] = [
            Self::of_platforms,
            Self::of_lambda,
            Self::of_apps,
            Self::of_handler,
            Self::of_spin,
            Self::of_names,
            Self::of_others,
        ];
        match steps.iter().map(|step| step(self)).find(|found| !found.is_empty()) {
            Some(found) => self.answer(&found),
            None => self.native(),
        }
    }

    /// Handlers that a platform's own package marks: for each platform those that are surest.
    fn of_platforms(&self) -> Vec<Found> {
        let scope = self.module.scope();
        let marked: Vec<(usize, Marked)> = scope
            .last_places()
            .filter_map(|place| Some((place, self.platforms.marked(scope, place)?)))
            .collect();
        let bases = self.module.bases();
        let surest = |form| {
            let of_form = marked.iter().filter(|(_, found)| found.form == form);
            of_form.map(|(_, found)| found.rank).min()
        };
        let surest: Vec<_> = Form::ALL.into_iter().map(surest).collect();
        marked
            .iter()
            .filter(|(_, found)| surest[found.form as usize] == Some(found.rank))
            .filter(|(place, _)| marked.len() == 1 || !bases.contains(scope.binding(*place).name))
            .map(|(place, found)| Found { form: found.form, place: *place })
            .collect()
    }

    /// `lambda_handler`, unless the module has a native handler as well.
    fn of_lambda(&self) -> Vec<Found> {
        let scope = self.module.scope();
        let Some(place) = scope.last("lambda_handler") else { return Vec::new() };
        let mut found = vec![Found { form: Form::Aws, place }];
        let is_alone = |handler: &Callable<'_>| match target(scope, place) {
            Target::Callable(lambda) => {
                lambda.address() != handler.address() && !lambda.mentions("handler")
            }
            _ => true,
        };
        if let Some(place) = scope.last("handler")
            && let Target::Callable(handler) = target(scope, place)
            && signatures::takes_native_event(self.module, &handler)
            && is_alone(&handler)
        {
            found.push(Found { form: Form::Native, place });
        }
        found
    }

    /// Applications. One beside a handler that has nothing to do with it is not surer than that.
    fn of_apps(&self) -> Vec<Found> {
        let apps = self.apps();
        let mut found: Vec<Found> = apps.iter().map(|(_, found)| *found).collect();
        let (Some((app, first)), Some(handler)) = (apps.first(), self.handler_beside(&found))
        else {
            return found;
        };
        let name = self.module.scope().binding(first.place).name;
        if !app.has_framework {
            // The handler works today.
            return Vec::new();
        }
        if self.mentions(handler, name) {
            return self.adapter(handler).into_iter().collect();
        }
        found.extend(self.of_handler());
        found
    }

    /// A handler that calls a framework's application. Adapters know the events of AWS: only a handler
    /// that reads the native event itself isn't AWS's.
    fn adapter(&self, place: usize) -> Option<Found> {
        let is_native = match target(self.module.scope(), place) {
            Target::Callable(handler) => signatures::takes_native_event(self.module, &handler),
            _ => false,
        };
        (!is_native).then_some(Found { form: Form::Aws, place })
    }

    /// The module's applications: `app` and `application`, else all others.
    fn apps(&self) -> Vec<(App, Found)> {
        let scope = self.module.scope();
        let found = |place, depth| {
            let app = app(scope, place, depth)?;
            Some((app, Found { form: app.form, place }))
        };
        let usual = |name| found(scope.last(name)?, Depth::Deep);
        match (usual("app"), usual("application")) {
            (Some(app), Some(application)) if app.1.form == application.1.form => {
                let is_outer = self.wraps(application.1.place, "app");
                vec![if is_outer { application } else { app }]
            }
            (Some(app), Some(application)) => {
                let (in_app, in_application) = (
                    self.wraps(app.1.place, "application"),
                    self.wraps(application.1.place, "app"),
                );
                match (in_app, in_application) {
                    (true, _) => vec![app],
                    (_, true) => vec![application],
                    _ => vec![app, application],
                }
            }
            (Some(app), None) | (None, Some(app)) => vec![app],
            (None, None) => {
                let others = scope.last_places().filter(|place| !self.is_helper(*place));
                others.filter_map(|place| found(place, Depth::Shallow)).collect()
            }
        }
    }

    /// Where `handler` is, if it takes an event and isn't a part of an application.
    fn handler_beside(&self, apps: &[Found]) -> Option<usize> {
        let scope = self.module.scope();
        let place = scope.last("handler")?;
        if apps.iter().any(|app| app.place == place) || self.module.is_used("handler") {
            return None;
        }
        match target(scope, place) {
            Target::Callable(handler) => {
                (handler.takes(2) && !self.is_view(&handler)).then_some(place)
            }
            Target::Unknown => Some(place),
            Target::NotCallable => None,
        }
    }

    /// Whether an object of the module decorates a function, as applications and routers do. The helpers
    /// of AWS have such objects too.
    fn is_view(&self, function: &Callable<'_>) -> bool {
        let scope = self.module.scope();
        let is_object = |name| {
            let value = scope.last(name).map(|place| scope.binding(place).value);
            matches!(value, Some(Value::Assigned(_) | Value::Annotated(..)))
        };
        let mut decorators = function.decorators.iter();
        !self.module.has_aws() && decorators.any(|d| root(&d.expression).is_some_and(is_object))
    }

    /// `handler`, the name that native functions have. Whatever may be called with an event counts,
    /// since it works today.
    fn of_handler(&self) -> Vec<Found> {
        self.by_name("handler")
    }

    /// What the earlier backend took for a handler of Spin, without its package.
    fn of_spin(&self) -> Vec<Found> {
        let scope = self.module.scope();
        let place = platforms::NAMES_OF_SPIN.iter().find_map(|name| {
            scope.last(name).filter(|place| platforms::is_named_as_spin(scope, *place))
        });
        place.map(|place| Found { form: Form::Spin, place }).into_iter().collect()
    }

    /// The other names that platforms call. A function that another uses is a part of that one.
    fn of_names(&self) -> Vec<Found> {
        let found: Vec<Found> = ["main", "handle", "new", "Handler"]
            .into_iter()
            .flat_map(|name| self.by_name(name))
            .collect();
        let is_used = |found: &Found| match self.module.scope().binding(found.place).name {
            // A program calls its `main` itself.
            "main" => self.module.is_used_by_definitions("main"),
            name => self.module.is_used(name),
        };
        let (used, others): (Vec<Found>, Vec<Found>) = found.into_iter().partition(is_used);
        if others.is_empty() { used } else { others }
    }

    /// Functions of any name that take a platform's request or event, else servers of any name.
    fn of_others(&self) -> Vec<Found> {
        let scope = self.module.scope();
        let places = || scope.last_places().filter(|place| !self.is_helper(*place));
        let functions = places().flat_map(|place| {
            let forms = match scope.binding(place).value {
                Value::Function(function) => {
                    signatures::forms_without_name(self.module, &Callable::function(function))
                }
                _ => &[],
            };
            forms.iter().map(move |form| Found { form: *form, place })
        });
        let functions: Vec<Found> = functions.collect();
        if !functions.is_empty() {
            return functions;
        }
        let bases = self.module.bases();
        let is_base = |place: &usize| bases.contains(scope.binding(*place).name);
        places().filter(|place| !is_base(place)).filter_map(|place| self.server(place)).collect()
    }

    /// The handler that `name` is by its parameters.
    fn by_name(&self, name: &str) -> Vec<Found> {
        let Some(place) = self.module.scope().last(name) else { return Vec::new() };
        let forms = self.forms_by_name(name, place);
        forms.iter().map(|form| Found { form: *form, place }).collect()
    }

    fn forms_by_name(&self, name: &str, place: usize) -> Forms {
        let scope = self.module.scope();
        if self.server(place).is_some() {
            return &[Form::Vercel];
        }
        if platforms::is_named_as_spin(scope, place) {
            return &[Form::Spin];
        }
        match target(scope, place) {
            Target::Callable(function) => signatures::forms(self.module, name, &function),
            Target::Unknown if name == "handler" => &[Form::Native],
            Target::Unknown | Target::NotCallable => &[],
        }
    }

    fn server(&self, place: usize) -> Option<Found> {
        platforms::is_server(self.module.scope(), place)
            .then_some(Found { form: Form::Vercel, place })
    }

    /// Whether a binding is rather a part of another than a handler.
    fn is_helper(&self, place: usize) -> bool {
        let Value::Function(_) = self.module.scope().binding(place).value else { return false };
        let name = self.module.scope().binding(place).name;
        name.starts_with('_') || self.module.is_used(name)
    }

    /// Whether the binding at `place` is a call with `name` in it.
    fn wraps(&self, place: usize, name: &str) -> bool {
        match self.module.scope().binding(place).value {
            Value::Assigned(Expr::Call(call)) => call
                .arguments
                .find_argument_value("app", 0)
                .is_some_and(|value| root(value) == Some(name)),
            _ => false,
        }
    }

    /// Whether what is bound at `place` mentions `name`.
    fn mentions(&self, place: usize, name: &str) -> bool {
        let scope = self.module.scope();
        match (target(scope, place), scope.binding(place).value) {
            (Target::Callable(function), _) => function.mentions(name),
            (_, Value::Assigned(value)) => walk::mentions(value, name),
            _ => false,
        }
    }

    fn answer(&self, found: &[Found]) -> Detection {
        let name = |found: &Found| self.module.scope().binding(found.place).name.to_owned();
        match found {
            [only] => Detection::Found { form: only.form, entry_point: Some(name(only)) },
            _ => {
                let mut found = found.to_vec();
                found.sort_by_key(|found| found.place);
                let candidate =
                    |found: &Found| Candidate { form: found.form, entry_point: name(found) };
                let candidates = found.iter().take(MAX_CANDIDATES).map(candidate).collect();
                Detection::Ambiguous { candidates }
            }
        }
    }

    fn native(&self) -> Detection {
        let scope = self.module.scope();
        let is_bound = scope
            .last("handler")
            .is_some_and(|place| !matches!(target(scope, place), Target::NotCallable));
        let entry_point = is_bound.then(|| "handler".to_owned());
        Detection::Found { form: Form::Native, entry_point }
    }
}

/// Whether this is a class that answers requests as Spin's do.
fn has_method_of_spin(value: Value<'_>) -> bool {
    matches!(value, Value::Class(class) if method(class, "handle_request").is_some())
}

/// The first name of `a.b(…).c`.
fn root(expr: &Expr) -> Option<&str> {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::Name(name) => return Some(&name.id),
            Expr::Attribute(attribute) => &attribute.value,
            Expr::Call(call) => &call.func,
            _ => return None,
        };
    }
}
