//! Handlers that the packages of a platform mark: azure.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            "azure main",
            r#"
import logging
import azure.functions as func

def main(req: func.HttpRequest) -> func.HttpResponse:
    name = req.params.get("name")
    if not name:
        try:
            name = req.get_json().get("name")
        except ValueError:
            pass
    return func.HttpResponse(f"Hello, {name}.")
"#,
        ),
        (
            "azure app",
            r#"
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="hello")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("hello")

@app.function_name(name="timer")
@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
def main(timer: func.TimerRequest) -> None:
    print("tick")
"#,
        ),
        (
            "azure app",
            r#"
from azure import functions
from blueprint_one import bp

app = functions.FunctionApp()
app.register_functions(bp)
"#,
        ),
        (
            "azure bp",
            r#"
import azure.functions as func

bp = func.Blueprint()

@bp.route(route="items/{id}", methods=["GET"])
async def item(req: func.HttpRequest):
    return func.HttpResponse(req.route_params["id"])
"#,
        ),
        (
            "azure app",
            r#"
import azure.functions as func
from fastapi import FastAPI

fastapi_app = FastAPI()

@fastapi_app.get("/hello")
async def hello():
    return {"hello": "world"}

app = func.AsgiFunctionApp(app=fastapi_app, http_auth_level=func.AuthLevel.ANONYMOUS)
"#,
        ),
        (
            "azure main",
            r#"
import azure.functions as func
from flask import Flask

flask_app = Flask(__name__)

@flask_app.get("/")
def index():
    return "hi"

main = func.WsgiMiddleware(flask_app.wsgi_app).main
"#,
        ),
        (
            "azure main",
            r#"
import azure.functions as func
from FastapiApp import app

async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await func.AsgiMiddleware(app).handle_async(req, context)
"#,
        ),
        (
            "azure my_app",
            r#"
import azure.functions as func
import azure.durable_functions as df

my_app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@my_app.route(route="orchestrators/{name}")
@my_app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client):
    return client.create_check_status_response(req, await client.start_new("x"))
"#,
        ),
        (
            // Without types, as the oldest examples are.
            "azure main",
            "def main(req):\n    user = req.params.get('user')\n    return f'Hello, {user}!'\n",
        ),
        ("azure main", "def main(req):\n    return req.get_body().decode().upper()\n"),
        (
            "azure run",
            r#"
import azure.functions as func

def run(request: func.HttpRequest):
    return func.HttpResponse(request.method)
"#,
        ),
    ]);
}
