//! Detection with the name that a user gave.

use super::told;

/// Checks a table of an entry point, what is expected, and the source.
fn check(source: &str, table: &[(&str, &str)]) {
    for (entry_point, expected) in table {
        assert_eq!(told(source, Some(entry_point)), *expected, "{entry_point}: {source}");
    }
}

#[test]
fn only_the_name_that_is_given_counts() {
    check(
        r#"
import functions_framework
from flask import Flask
from http.server import BaseHTTPRequestHandler
from mangum import Mangum
from spin_sdk.http import IncomingHandler

app = Flask(__name__)
wrapped = Mangum(app)
number = 1

class Spin(IncomingHandler):
    pass

class Answers:
    def handle_request(self, request):
        return None

class Server(BaseHTTPRequestHandler):
    pass

@functions_framework.http
def first(request):
    return "1"

@functions_framework.http
def second(request):
    return "2"

def native(event, context):
    return event["method"]

def records(event, context):
    return event["Records"]

def both(event, context):
    return event["method"], event["httpMethod"]

def silent(event, context):
    return "x"

def swapped(context, event):
    return "x"

def action(params):
    return {"a": params["b"]}

def text(req):
    return req

def view(request):
    return request.args

def plain():
    return "x"

async def asgi(scope, receive, send):
    pass

def wsgi(environ, start_response):
    return []

def lambda_handler(event, context):
    return event["method"]

async def appwrite(context):
    return context.res.empty()
"#,
        &[
            ("app", "wsgi app"),
            ("wrapped", "aws wrapped"),
            ("Spin", "spin Spin"),
            ("Answers", "spin Answers"),
            ("Server", "vercel Server"),
            ("first", "gcp first"),
            ("second", "gcp second"),
            ("native", "native native"),
            ("records", "aws records"),
            ("both", "native both | aws both"),
            ("silent", "aws silent"),
            ("swapped", "nuclio swapped"),
            ("action", "openwhisk action"),
            ("text", "openfaas text"),
            ("view", "gcp view"),
            ("plain", "fission plain"),
            ("asgi", "asgi asgi"),
            ("wsgi", "wsgi wsgi"),
            ("lambda_handler", "aws lambda_handler"),
            ("appwrite", "appwrite appwrite"),
            // There, and unlike any handler.
            ("number", "native number"),
            ("Flask", "native Flask"),
        ],
    );
}

#[test]
fn a_name_that_is_made_while_the_source_runs_takes_the_form_of_the_rest() {
    let table: &[(&str, &str, &str)] = &[
        ("import boto3\n\ndef handler(event, context):\n    return 1\n", "made", "aws made"),
        (
            "import functions_framework as f\n\n@f.http\ndef a(r):\n    pass\n\n@f.http\ndef b(r):\n    pass\n",
            "made",
            "gcp made",
        ),
        ("globals()['made'] = print\n", "made", "native made"),
        (
            "from flask import Flask\napp = Flask('x')\n\ndef handler(event, context):\n    return 1\n",
            "made",
            "native made",
        ),
        // A name inside a function isn't the module's.
        (
            "def outer():\n    def made(environ, start_response):\n        pass\n",
            "made",
            "native made",
        ),
    ];
    for (source, entry_point, expected) in table {
        assert_eq!(told(source, Some(entry_point)), *expected, "{source}");
    }
}
