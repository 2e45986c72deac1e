//! Applications of WSGI and ASGI.

use super::check;

#[test]
fn frameworks() {
    check(&[
        (
            "wsgi app",
            r#"
from flask import Flask, request

app = Flask(__name__)

@app.route("/")
def main():
    return request.args.get("name", "you")

if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8080)
"#,
        ),
        (
            "wsgi app",
            r#"
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    return "hi"

def main():
    app.run()

if __name__ == "__main__":
    main()
"#,
        ),
        ("wsgi application", "import flask\napplication = flask.Flask('x')\n"),
        ("wsgi api", "from flask import Flask\napi = Flask(__name__)\n"),
        ("wsgi app", "from flask import Flask\napp = application = Flask(__name__)\n"),
        (
            "wsgi app",
            "from flask import Flask\nfrom flask_cors import CORS\n\napp, port = Flask(__name__), 80\nCORS(app)\n",
        ),
        (
            "asgi app",
            r#"
from typing import Optional
from fastapi import FastAPI

app: FastAPI = FastAPI(title="Items")

@app.get("/items/{item_id}")
async def read_item(item_id: int, q: Optional[str] = None):
    return {"item_id": item_id, "q": q}
"#,
        ),
        (
            "asgi app",
            r#"
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def handler(request):
    return PlainTextResponse("hi")

app = Starlette(routes=[Route("/", handler)])
"#,
        ),
        ("asgi app", "from quart import Quart\napp = Quart(__name__)\n"),
        (
            "asgi app",
            "from litestar import Litestar, get\n\n@get('/')\nasync def index() -> str:\n    return 'x'\n\napp = Litestar([index])\n",
        ),
        (
            "asgi app",
            "from sanic import Sanic\napp = Sanic('x')\n\n@app.get('/')\nasync def handler(request):\n    return None\n",
        ),
        ("asgi app", "import falcon.asgi\napp = falcon.asgi.App()\n"),
        ("wsgi app", "import falcon\napp = falcon.App()\n"),
        (
            "wsgi app",
            r#"
from bottle import route, run, default_app

@route("/")
def index():
    return "hi"

app = default_app()

if __name__ == "__main__":
    run(host="localhost")
"#,
        ),
        ("wsgi app", "from bottle import *\napp = Bottle()\n"),
        (
            "wsgi application",
            r#"
import os
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_wsgi_application()
"#,
        ),
        (
            "asgi application",
            r#"
from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

application = ProtocolTypeRouter({"http": get_asgi_application()})
"#,
        ),
        (
            "wsgi app",
            r#"
from pyramid.config import Configurator
from pyramid.response import Response

def hello(request):
    return Response("hi")

with Configurator() as config:
    config.add_route("hello", "/")
    config.add_view(hello, route_name="hello")
    app = config.make_wsgi_app()
"#,
        ),
        (
            "wsgi server",
            "from dash import Dash, html\n\napp = Dash(__name__)\nserver = app.server\napp.layout = html.Div()\n",
        ),
        (
            "asgi app",
            "from mcp.server.fastmcp import FastMCP\nmcp = FastMCP('x')\napp = mcp.streamable_http_app()\n",
        ),
        (
            "wsgi application",
            r#"
from werkzeug.wrappers import Request, Response

@Request.application
def application(request):
    return Response(f"Hello {request.args.get('name', 'World')}!")
"#,
        ),
        (
            "asgi app",
            r#"
from fastapi import APIRouter, FastAPI

router = APIRouter()

@router.get("/")
def handler(event: str, context: str):
    return event + context

app = FastAPI()
app.include_router(router)
"#,
        ),
        // Neither protocol: nothing that can be called with a request.
        ("native -", "from aiohttp import web\napp = web.Application()\n"),
        ("native -", "import tornado.web\napp = tornado.web.Application([])\n"),
    ]);
}

#[test]
fn without_a_framework() {
    check(&[
        (
            "wsgi application",
            r#"
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
"#,
        ),
        (
            "wsgi simple_app",
            r#"
from wsgiref.simple_server import make_server

def simple_app(environ, start_response):
    start_response("200 OK", [])
    return [b"hi"]

if __name__ == "__main__":
    with make_server("", 8000, simple_app) as httpd:
        httpd.serve_forever()
"#,
        ),
        (
            "wsgi handler",
            "def handler(environ, start_response):\n    start_response('200 OK', [])\n    return [b'x']\n",
        ),
        (
            "asgi app",
            r#"
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hi"})
"#,
        ),
        ("asgi app", "async def app(s, r, w):\n    await w({})\n"),
        (
            "asgi app",
            r#"
class App:
    def __init__(self, name):
        self.name = name

    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 204})

app = App("x")
"#,
        ),
        (
            // The second version of ASGI.
            "asgi application",
            r#"
class Application:
    def __init__(self, scope):
        self.scope = scope

    async def __call__(self, receive, send):
        await send({"type": "http.response.start", "status": 204})

application = Application
"#,
        ),
        (
            "asgi app",
            r#"
def app(scope):
    async def answer(receive, send):
        await send({"type": "http.response.start", "status": 204})
    return answer
"#,
        ),
        (
            "wsgi app",
            r#"
class Hello:
    def __call__(self, environ, start_response):
        start_response("200 OK", [])
        return [b"x"]

app = Hello()
"#,
        ),
        (
            "wsgi application",
            r#"
class application:
    def __init__(self, environ, start_response):
        self.start = start_response

    def __iter__(self):
        self.start("200 OK", [])
        yield b"hi"
"#,
        ),
    ]);
}

#[test]
fn wrappers_and_factories() {
    check(&[
        (
            "asgi app",
            r#"
from asgiref.wsgi import WsgiToAsgi
from flask import Flask

flask_app = Flask(__name__)
app = WsgiToAsgi(flask_app)
"#,
        ),
        (
            "asgi app",
            r#"
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

app = FastAPI()
app = CORSMiddleware(app, allow_origins=["*"])
"#,
        ),
        (
            "wsgi application",
            r#"
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
application = ProxyFix(app, x_for=1)
"#,
        ),
        (
            "wsgi app",
            "from flask import Flask\nfrom x import Fix\napp = Flask(__name__)\napp.wsgi_app = Fix(app.wsgi_app)\n",
        ),
        (
            "wsgi app",
            "from a2wsgi import ASGIMiddleware\nfrom fastapi import FastAPI\napi = FastAPI()\napp = ASGIMiddleware(api)\n",
        ),
        (
            "asgi app",
            "import socketio\nfrom fastapi import FastAPI\nsio = socketio.AsyncServer()\napi = FastAPI()\napp = socketio.ASGIApp(sio, other_asgi_app=api)\n",
        ),
        (
            "wsgi app",
            r#"
from flask import Flask

def create_app(config=None):
    app = Flask(__name__)
    if config:
        app.config.update(config)

    @app.route("/")
    def index():
        return "hi"

    return app

app = create_app()
"#,
        ),
        (
            "asgi app",
            r#"
def build():
    from fastapi import FastAPI
    api = FastAPI()
    return add_routes(api)

def add_routes(api):
    api.add_api_route("/", lambda: "x")
    return api

app = build()
"#,
        ),
        (
            "wsgi app",
            "from flask import Flask\n\nclass Shop(Flask):\n    pass\n\napp = Shop(__name__)\n",
        ),
        (
            "asgi app",
            "from fastapi import FastAPI\nimport os\napp = FastAPI(docs_url=None) if os.environ.get('X') else FastAPI()\n",
        ),
        (
            "wsgi app",
            r#"
try:
    from flask import Flask
except ImportError:
    raise SystemExit("flask is missing")
else:
    app = Flask(__name__)
"#,
        ),
        // The file's name says what it is.
        ("wsgi application", "from mysite.wsgi import application\n"),
        ("asgi app", "from mysite.asgi import application as app\n"),
        // Nothing says what these are.
        ("native -", "from server import app\n"),
        ("native -", "from server import make\napp = make()\n"),
        (
            // A factory that nobody calls is no application.
            "native -",
            "from flask import Flask\n\ndef create_app():\n    return Flask(__name__)\n",
        ),
        (
            // What is made inside a function, or only for a local start, isn't the module's.
            "native -",
            r#"
def serve():
    from flask import Flask
    app = Flask(__name__)
    app.run()

if __name__ == "__main__":
    from fastapi import FastAPI
    app = FastAPI()
    serve()
"#,
        ),
    ]);
}
