//! What the Lambdas' roles let them do: whatever a Lambda calls in a test is held against its
//! role in `template.yaml`, as AWS would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::required_permission::{required_if_missing, required_permissions};
use emulator::template::policy::{PolicyStatement, RequiredPermission};

tokio::task_local! {
    /// The Lambda whose code runs, by its binary's name.
    static ACTING: &'static str;
}

/// An HTTP client for the AWS SDK that lets a Lambda call only what its role allows, and takes
/// note of that. Whoever doesn't act as a Lambda may call everything.
///
/// A call that isn't allowed panics, naming Lambda, action and resource: in a test that is its
/// failure, and the sentence what is to be added to the template.
#[derive(Clone, Debug)]
pub struct Permissions {
    inner: SharedHttpClient,
    roles: Arc<BTreeMap<String, Vec<PolicyStatement>>>,
    used: Arc<Mutex<BTreeSet<Grant>>>,
    refusal: Arc<Mutex<Option<String>>>,
}

/// One action that a statement of a Lambda's role allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The Lambda.
    pub lambda: String,
    /// The statement's `Sid`.
    pub statement: String,
    /// The action: `dynamodb:GetItem`.
    pub action: String,
}

impl Permissions {
    /// A client that holds calls over `inner` against `roles`, by the Lambdas that have them.
    pub fn over(inner: SharedHttpClient, roles: BTreeMap<String, Vec<PolicyStatement>>) -> Self {
        Self { inner, roles: Arc::new(roles), used: Arc::default(), refusal: Arc::default() }
    }

    /// Everything that the roles allow.
    pub fn granted(&self) -> BTreeSet<Grant> {
        let all = self.roles.iter().flat_map(|(lambda, statements)| {
            statements.iter().flat_map(move |statement| {
                statement.actions.iter().map(|action| grant(lambda, statement, action))
            })
        });
        all.collect()
    }

    /// What of it was made use of until now.
    pub fn used(&self) -> BTreeSet<Grant> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Panics if a call was refused until now: whoever caught that panic has made an answer of it.
    ///
    /// # Panics
    /// Just so.
    pub fn assert_kept(&self) {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(refusal) = refusal {
            panic!("{refusal}")
        }
    }

    fn hold(&self, lambda: &str, required: &RequiredPermission) {
        let statements = self.roles.get(lambda).map(Vec::as_slice).unwrap_or_default();
        let allowing = statements.iter().find(|statement| statement.allows(required));
        let Some(statement) = allowing else {
            let refusal = format!(
                "the Lambda {lambda} asks for {} on {}, which its role in template.yaml does not \
                 allow",
                required.action, required.resource
            );
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal.clone());
            panic!("{refusal}")
        };
        let grant = grant(lambda, statement, &required.action);
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(grant);
    }
}

/// Runs `what` as the Lambda of this name.
pub async fn acting_as<F: Future>(lambda: &'static str, what: F) -> F::Output {
    ACTING.scope(lambda, what).await
}

fn grant(lambda: &str, statement: &PolicyStatement, action: &str) -> Grant {
    let (lambda, statement) = (lambda.to_owned(), statement.sid.clone());
    Grant { lambda, statement, action: action.to_owned() }
}

impl HttpClient for Permissions {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Holding {
            inner: self.inner.http_connector(settings, components),
            permissions: self.clone(),
        })
    }
}

#[derive(Debug)]
struct Holding {
    inner: SharedHttpConnector,
    permissions: Permissions,
}

impl HttpConnector for Holding {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Ok(lambda) = ACTING.try_with(|lambda| *lambda) else { return self.inner.call(request) };
        for required in required_permissions(&request) {
            self.permissions.hold(lambda, &required);
        }
        let if_missing = required_if_missing(&request);
        let (permissions, answer) = (self.permissions.clone(), self.inner.call(request));
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if answer.status().as_u16() == 404 {
                if_missing.iter().for_each(|required| permissions.hold(lambda, required));
            }
            Ok(answer)
        })
    }
}
