//! The owner that a request acts for.

use axum::extract::FromRequestParts;
use http::Extensions;
use http::request::Parts;
use lambda_http::request::RequestContext;

use crate::domain::Owner;
use crate::error::Error;

/// An extension of every request: whether callers must sign in.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignIn(pub(super) bool);

/// The owner, from the authorizer's claims. Without sign-in, everybody is [`Owner::anonymous`].
pub(super) fn owner_of(extensions: &Extensions) -> Option<Owner> {
    let authorizer = match extensions.get() {
        Some(RequestContext::ApiGatewayV2(context)) => context.authorizer.as_ref(),
        _ => None,
    };
    let token = authorizer.and_then(|authorizer| authorizer.jwt.as_ref());
    let subject = token.and_then(|token| token.claims.get("sub")).filter(|sub| !sub.is_empty());
    match (subject, extensions.get()) {
        (Some(subject), _) => Some(Owner::of_subject(subject)),
        (None, Some(SignIn(false))) => Some(Owner::anonymous()),
        (None, _) => None,
    }
}

impl<S: Sync> FromRequestParts<S> for Owner {
    type Rejection = Error;

    /// The subject of the token that API Gateway has verified. Clients cannot set the request context.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        // The route has no authorizer, or the token no subject.
        owner_of(&parts.extensions).ok_or_else(|| {
            Error::internal("the request has no subject, and the API requires sign-in")
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    async fn owner(sign_in: bool, authorizer: Value) -> Result<Owner, Error> {
        let context = json!({
            "requestId": "r", "stage": "$default", "timeEpoch": 0, "http": {"method": "GET"},
            "authorizer": authorizer,
        });
        let context = serde_json::from_value(context).unwrap();
        let mut request = http::Request::new(());
        request.extensions_mut().insert(RequestContext::ApiGatewayV2(context));
        request.extensions_mut().insert(SignIn(sign_in));
        Owner::from_request_parts(&mut request.into_parts().0, &()).await
    }

    #[tokio::test]
    async fn the_owner_is_the_subject_of_the_token() {
        let token = |claims: Value| json!({"jwt": {"claims": claims, "scopes": null}});
        for sign_in in [false, true] {
            let ada = token(json!({"sub": "ada", "email": "x@example.com"}));
            assert_eq!(owner(sign_in, ada).await.unwrap().as_str(), "ada");
            let namesake = owner(sign_in, token(json!({"sub": "anonymous"}))).await.unwrap();
            assert_ne!(
                namesake,
                Owner::anonymous(),
                "a subject may be spelled like the anonymous owner"
            );
        }
        assert_eq!(owner(false, Value::Null).await.unwrap(), Owner::anonymous());
    }

    #[tokio::test]
    async fn a_request_without_a_subject_fails_where_sign_in_is_required() {
        let without = json!({"jwt": {"claims": {"email": "x@example.com"}, "scopes": null}});
        let empty = json!({"jwt": {"claims": {"sub": ""}, "scopes": null}});
        for authorizer in [Value::Null, without, empty] {
            assert!(matches!(owner(true, authorizer).await, Err(Error::Internal(_))));
        }
    }
}
