//! The API's description, merged from those of the Lambdas.

use std::collections::BTreeSet;

use emulator::project;
use emulator::route::Route;
use emulator::template::{DEFAULT_REGION, Template};
use serde_json::Value;
use shared::http::{ErrorBody, error_responses};
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, RefOr};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};

use super::scenario::Exchange;

/// The description, and its operations with an example.
pub(crate) struct Document {
    api: OpenApi,
    shown: BTreeSet<String>,
}

impl Document {
    /// The description without examples.
    pub(crate) fn of_the_routes() -> Self {
        let mut api = docs::Description::openapi();
        for part in [
            workspaces::Description::openapi(),
            functions::Description::openapi(),
            invocations::Description::openapi(),
            logs::Description::openapi(),
            builds::Description::openapi(),
        ] {
            assert_no_conflicts(&api, &part);
            api.merge(part);
        }
        let components = api.components.get_or_insert_default();
        components.schemas.insert(ErrorBody::name().into(), ErrorBody::schema());
        let errors = error_responses().map(|(name, response)| (name, response.into()));
        components.responses.extend(errors);
        let mut document = Self { api, shown: BTreeSet::new() };
        document.name_operations();
        document.require_tokens();
        document.link();
        document
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.api.paths.paths.keys().map(String::as_str)
    }

    /// The methods that `path` is described with.
    pub(crate) fn methods(&self, path: &str) -> BTreeSet<&'static str> {
        let item = &self.api.paths.paths[path];
        METHODS.iter().filter(|(_, of)| of(&mut item.clone()).is_some()).map(|(m, _)| *m).collect()
    }

    /// Adds a request and its response as examples.
    ///
    /// # Panics
    /// Where the operation isn't described, or not with the answer's status.
    pub(crate) fn show(&mut self, exchange: &Exchange) {
        let place = format!("{} {}", exchange.method, exchange.path);
        let template = self.paths().find(|template| fits(template, &exchange.path));
        let template = template.unwrap_or_else(|| panic!("{place} is not described")).to_owned();
        let operation = self.operation(&template, exchange.method);
        let operation = operation.unwrap_or_else(|| panic!("{place} is not described"));
        let id = operation.operation_id.clone().unwrap_or_default();
        if let (Some(RefOr::T(body)), Some(request)) =
            (&mut operation.request_body, &exchange.request)
            && exchange.status < 300
        {
            give_example(body.content.values_mut(), request);
        }
        let status = exchange.status.to_string();
        let responses = &mut operation.responses.responses;
        let key = if responses.contains_key(&status) { &status } else { "default" };
        let response = responses.get_mut(key);
        let response = response.unwrap_or_else(|| panic!("{place}: {status} is not described"));
        match (response, &exchange.response) {
            (RefOr::T(response), Some(body)) => give_example(response.content.values_mut(), body),
            (RefOr::T(_), None) => {}
            (RefOr::Ref(reference), body) => {
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default().to_owned();
                let components = self.api.components.get_or_insert_default();
                let Some(RefOr::T(error)) = components.responses.get_mut(&name) else {
                    panic!("{place}: there is no response {name}")
                };
                give_example(error.content.values_mut(), body.as_ref().expect("an error's body"));
            }
        }
        self.shown.insert(id);
    }

    /// Operations without a request, and missing examples, summaries and descriptions.
    pub(crate) fn gaps(&mut self) -> Vec<String> {
        let mut gaps = Vec::new();
        for (path, item) in &mut self.api.paths.paths {
            for (method, of) in METHODS {
                let Some(operation) = of(item) else { continue };
                let mut gap = |what: &str| gaps.push(format!("{method} {path}: {what}"));
                if operation.operation_id.as_ref().is_none_or(|id| !self.shown.contains(id)) {
                    gap("no example");
                }
                if operation.summary.is_none() || operation.description.is_none() {
                    gap("has no summary or no description");
                }
                for (status, response) in &operation.responses.responses {
                    if matches!(response, RefOr::T(response) if lacks_example(response.content.values()))
                    {
                        gap(&format!("no example of {status}"));
                    }
                }
                if matches!(&operation.request_body, Some(RefOr::T(body)) if lacks_example(body.content.values()))
                {
                    gap("no example of its body");
                }
            }
        }
        for (name, response) in &self.api.components.get_or_insert_default().responses {
            if matches!(response, RefOr::T(response) if lacks_example(response.content.values())) {
                gaps.push(format!("no example of {name}"));
            }
        }
        gaps
    }

    pub(crate) fn to_json(&self) -> String {
        self.api.to_pretty_json().expect("a description is JSON") + "\n"
    }

    /// Gives an operation of several methods, which is described once, an id for each.
    fn name_operations(&mut self) {
        for item in self.api.paths.paths.values_mut() {
            let id =
                |item: &mut PathItem, (_, of): &Method| of(item).as_ref()?.operation_id.clone();
            let ids: Vec<_> = METHODS.iter().map(|method| id(item, method)).collect();
            for (method, of) in METHODS {
                let Some(operation) = of(item) else { continue };
                if ids.iter().filter(|id| **id == operation.operation_id).count() > 1 {
                    let name = method[..1].to_owned() + &method[1..].to_ascii_lowercase();
                    let id = operation.operation_id.get_or_insert_default();
                    id.push_str(&format!("With{name}"));
                    if ["GET", "DELETE"].contains(&method) {
                        // It may have a body, but generators of clients don't expect one.
                        operation.request_body = None;
                    }
                }
            }
        }
    }

    /// Adds the token to operations whose routes have the template's authorizer.
    fn require_tokens(&mut self) {
        let path = project::source_root().join("template.yaml");
        let parameters = [("JwtIssuer", "https://id.test".into()), ("JwtAudience", "a".into())];
        let template = Template::read_with(&path, DEFAULT_REGION, &parameters).unwrap();
        let authorizer = template.authorizer.expect("an authorizer");
        for (path, item) in &mut self.api.paths.paths {
            if authorizer.guards(&Route::parse(&format!("ANY {path}")).expect("a route")) {
                for (_, of) in METHODS {
                    let Some(operation) = of(item) else { continue };
                    let token = SecurityRequirement::new::<_, [&str; 0], _>("Jwt", []);
                    operation.security = Some(vec![SecurityRequirement::default(), token]);
                }
            }
        }
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let scheme = scheme.description(Some(
            "Where the API is not open to everybody: a token from the issuer. A request \
             without a valid one is answered with 401.",
        ));
        let components = self.api.components.get_or_insert_default();
        components.add_security_scheme("Jwt", SecurityScheme::Http(scheme.build()));
        self.require_keys();
    }

    /// Adds the invocation key to calls of a function's URL.
    fn require_keys(&mut self) {
        let urls = self.api.paths.paths.iter_mut().filter(|(path, _)| path.starts_with("/invoke/"));
        for (_, item) in urls {
            for (_, of) in METHODS {
                let Some(operation) = of(item) else { continue };
                let key = SecurityRequirement::new::<_, [&str; 0], _>("InvocationKey", []);
                operation.security = Some(vec![SecurityRequirement::default(), key]);
            }
        }
        let text = "Where the function's `auth` is `key`: one of its invocation keys.";
        let header = ApiKeyValue::with_description("X-Api-Key", text);
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(header));
        let components = self.api.components.get_or_insert_default();
        components.add_security_scheme("InvocationKey", scheme);
    }

    /// Links the creation of a resource to all operations on it.
    fn link(&mut self) {
        for (created_at, path_parameters) in [
            ("/api/workspaces", &[("workspaceId", "$response.body#/id")][..]),
            (
                "/api/workspaces/{workspaceId}/functions",
                &[
                    ("workspaceId", "$response.body#/workspaceId"),
                    ("functionId", "$response.body#/id"),
                ][..],
            ),
        ] {
            let mut links = Vec::new();
            for (path, item) in &mut self.api.paths.paths {
                let wanted = path_parameters.iter().all(|(name, _)| path.contains(name));
                if !wanted || path.matches('{').count() != path_parameters.len() {
                    continue;
                }
                for id in
                    METHODS.iter().filter_map(|(_, of)| of(item).as_ref()?.operation_id.clone())
                {
                    let link = LinkBuilder::new().operation_id(&*id);
                    let link = path_parameters
                        .iter()
                        .fold(link, |link, (name, from)| link.parameter(*name, *from));
                    links.push((id, link.build().into()));
                }
            }
            let operation = self.operation(created_at, "POST").expect("creation is described");
            let made = operation.responses.responses.get_mut("201");
            let Some(RefOr::T(made)) = made else { panic!("{created_at} has no 201") };
            made.links.extend(links);
        }
    }

    fn operation(&mut self, path: &str, method: &str) -> Option<&mut Operation> {
        let item = self.api.paths.paths.get_mut(path)?;
        METHODS.iter().find(|(name, _)| *name == method).and_then(|(_, of)| of(item).as_mut())
    }
}

/// Merging drops one of two schemas with the same name, so they must be equal.
fn assert_no_conflicts(api: &OpenApi, part: &OpenApi) {
    let schemas = |api: &OpenApi| api.components.clone().unwrap_or_default().schemas;
    let there = schemas(api);
    for (name, schema) in schemas(part) {
        assert!(there.get(&name).is_none_or(|known| *known == schema), "two types named {name}");
    }
}

/// A method, and its operation in a path item.
type Method = (&'static str, fn(&mut PathItem) -> &mut Option<Operation>);

const METHODS: [Method; 5] = [
    ("GET", |item| &mut item.get),
    ("POST", |item| &mut item.post),
    ("PUT", |item| &mut item.put),
    ("PATCH", |item| &mut item.patch),
    ("DELETE", |item| &mut item.delete),
];

/// Whether `path` matches `template`.
fn fits(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(wanted, part)| wanted == part || wanted.starts_with('{'))
}

fn lacks_example<'a>(mut contents: impl Iterator<Item = &'a RefOr<Content>>) -> bool {
    contents.any(|content| matches!(content, RefOr::T(one) if one.example.is_none()))
}

/// Adds an example to contents without one.
fn give_example<'a>(contents: impl Iterator<Item = &'a mut RefOr<Content>>, example: &Value) {
    for content in contents {
        if let RefOr::T(content) = content {
            content.example.get_or_insert_with(|| example.clone());
        }
    }
}
