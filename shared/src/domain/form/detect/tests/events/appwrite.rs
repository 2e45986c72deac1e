//! Handlers that are known by their parameters and what they read: appwrite.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            "appwrite main",
            r#"
from appwrite.client import Client
import os

def main(context):
    client = Client().set_key(context.req.headers["x-appwrite-key"])
    context.log("hi")
    if context.req.path == "/ping":
        return context.res.text("Pong")
    return context.res.json({"client": str(client)})
"#,
        ),
        ("appwrite main", "async def main(context):\n    return context.res.empty()\n"),
        (
            "appwrite main",
            "def answer(ctx):\n    return ctx.res.text(ctx.req.body)\n\ndef main(ctx):\n    return answer(ctx)\n",
        ),
        ("appwrite main", "def main(req, res):\n    return res.json({'payload': req.payload})\n"),
    ]);
}
