//! Who asks, as the gateway's authorizer found out.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use lambda_http::request::RequestContext;

use crate::domain::Owner;

impl<S: Sync> FromRequestParts<S> for Owner {
    type Rejection = Infallible;

    /// The subject of the token that API Gateway has checked; without one the API is
    /// open. What a client sends says nothing of this: only the gateway writes it.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let authorizer = match parts.extensions.get() {
            Some(RequestContext::ApiGatewayV2(context)) => context.authorizer.as_ref(),
            _ => None,
        };
        let token = authorizer.and_then(|authorizer| authorizer.jwt.as_ref());
        let subject = token.and_then(|token| token.claims.get("sub"));
        Ok(subject.map_or_else(Self::anonymous, |subject| Self::of_subject(subject)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    async fn owner(authorizer: Value) -> Owner {
        let context = json!({
            "requestId": "r", "stage": "$default", "timeEpoch": 0, "http": {"method": "GET"},
            "authorizer": authorizer,
        });
        let context = serde_json::from_value(context).unwrap();
        let mut request = http::Request::new(());
        request.extensions_mut().insert(RequestContext::ApiGatewayV2(context));
        let Ok(owner) = Owner::from_request_parts(&mut request.into_parts().0, &()).await;
        owner
    }

    #[tokio::test]
    async fn it_is_the_subject_of_the_checked_token() {
        let token = |claims: Value| json!({"jwt": {"claims": claims, "scopes": null}});
        let ada = owner(token(json!({"sub": "ada", "email": "x@example.com"}))).await;
        assert_eq!(ada.as_str(), "ada");
        assert_eq!(owner(Value::Null).await, Owner::anonymous());
        let namesake = owner(token(json!({"sub": "anonymous"}))).await;
        assert_ne!(namesake, Owner::anonymous(), "somebody of that name isn't nobody");
    }
}
