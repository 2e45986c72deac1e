//! Handlers that the packages of a platform mark: adapters of aws.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            "aws handler",
            r#"
from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()

@app.get("/")
def root():
    return {"message": "hi"}

handler = Mangum(app, lifespan="off")
"#,
        ),
        (
            "aws handler",
            r#"
import mangum
from starlette.applications import Starlette

application = Starlette()
asgi = mangum.Mangum(application)
handler = mangum.Mangum(application)
"#,
        ),
        (
            "aws lambda_handler",
            r#"
from apig_wsgi import make_lambda_handler
from mysite.wsgi import application

lambda_handler = make_lambda_handler(application, binary_support=True)
"#,
        ),
        (
            "aws handler",
            r#"
import serverless_wsgi
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    return "hi"

def handler(event, context):
    return serverless_wsgi.handle_request(app, event, context)
"#,
        ),
        (
            "aws handler",
            r#"
from fastapi import FastAPI

app = FastAPI()

def handler(event, context):
    from mangum import Mangum
    return Mangum(app)(event, context)
"#,
        ),
        (
            "aws app",
            r#"
from chalice import Chalice

app = Chalice(app_name="helloworld")

@app.route("/")
def index():
    return {"hello": "world"}
"#,
        ),
        (
            "aws lambda_handler",
            r#"
from ask_sdk_core.skill_builder import SkillBuilder

sb = SkillBuilder()

@sb.request_handler(can_handle_func=lambda given: True)
def launch(handler_input):
    return handler_input.response_builder.speak("hi").response

lambda_handler = sb.lambda_handler()
"#,
        ),
        (
            "aws lambda_handler",
            r#"
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

tracer, logger = Tracer(), Logger()
app = APIGatewayHttpResolver()

@app.get("/todos")
def todos():
    return {"todos": []}

@logger.inject_lambda_context
@tracer.capture_lambda_handler
def lambda_handler(event, context):
    return app.resolve(event, context)
"#,
        ),
        (
            "aws handler",
            r#"
from aws_lambda_powertools.utilities.data_classes import event_source, APIGatewayProxyEventV2

@event_source(data_class=APIGatewayProxyEventV2)
def handler(event: APIGatewayProxyEventV2, context):
    return {"statusCode": 200, "body": event.body}
"#,
        ),
    ]);
}
