//! Handlers that the packages of a platform mark: nuclio.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            "nuclio handler",
            r#"
import nuclio_sdk

def handler(context: nuclio_sdk.Context, event: nuclio_sdk.Event):
    context.logger.info_with("Invoked", method=event.method)
    return "Hello"
"#,
        ),
        (
            "nuclio handler",
            r#"
def init_context(context):
    setattr(context.user_data, "model", object())

def handler(context, event):
    body = event.body
    return context.Response(body=body, headers={}, content_type="text/plain", status_code=200)
"#,
        ),
        ("nuclio handler", "async def handler(context, event):\n    return 'ok'\n"),
        (
            "nuclio encrypt",
            r#"
import nuclio_sdk
import os

def helper(context, key):
    return key

def encrypt(context, event):
    return helper(context, event.body)
"#,
        ),
        ("nuclio predict", "def predict(context, event):\n    return event.body.decode()[::-1]\n"),
    ]);
}
