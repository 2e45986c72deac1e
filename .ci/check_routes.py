#!/usr/bin/env python3
"""Expands template.yaml as CloudFormation's SAM transform would, without AWS,
and checks the HTTP API that comes out of it."""

import copy
import os
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path

# The transform asks for a region; it calls nothing in it.
os.environ.setdefault("AWS_DEFAULT_REGION", "ap-northeast-2")

from samtranslator.model.exceptions import InvalidDocumentException  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"

API = "Api"
WORKSPACE = "/api/workspaces/{workspaceId}"
FUNCTION = f"{WORKSPACE}/functions/{{functionId}}"

# Every route with the Lambda that answers it. All of them take any method.
ROUTES = {
    "/api/workspaces": "WorkspacesFunction",
    WORKSPACE: "WorkspacesFunction",
    "/api/workspaces/{proxy+}": "WorkspacesFunction",
    f"{WORKSPACE}/functions": "FunctionsFunction",
    FUNCTION: "FunctionsFunction",
    f"{WORKSPACE}/functions/{{proxy+}}": "FunctionsFunction",
    f"{WORKSPACE}/logs": "LogsFunction",
    f"{WORKSPACE}/logs/{{proxy+}}": "LogsFunction",
    f"{FUNCTION}/logs": "LogsFunction",
    f"{FUNCTION}/logs/{{proxy+}}": "LogsFunction",
    f"{FUNCTION}/invoke": "InvocationsFunction",
    f"{FUNCTION}/invoke/{{proxy+}}": "InvocationsFunction",
    "/invoke/{workspaceId}/{functionId}": "InvocationsFunction",
    "/invoke/{workspaceId}/{functionId}/{proxy+}": "InvocationsFunction",
    "/": "DocsFunction",
    "/health": "DocsFunction",
    "/openapi.json": "DocsFunction",
    "/docs": "DocsFunction",
    "/docs/{file}": "DocsFunction",
    "/redoc": "DocsFunction",
    "$default": "DocsFunction",
}

CORS = {
    "allowCredentials": True,
    "allowMethods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    "allowHeaders": ["Content-Type", "Authorization", "Idempotency-Key", "If-Match", "If-None-Match"],
    "exposeHeaders": ["Location", "Link", "ETag", "Retry-After", "Allow", "X-Execution-Id"],
    "allowOrigins": ["http://localhost:3000", "http://localhost:5173"],
    "maxAge": 3600,
}

# The parameters of a deployment, and whether the template takes them.
DEPLOYMENTS = [
    ({"JwtIssuer": "", "JwtAudience": [""], "AllowAnonymous": "false"}, False),
    ({"JwtIssuer": "", "JwtAudience": [""], "AllowAnonymous": "true"}, True),
    ({"JwtIssuer": "https://id.test", "JwtAudience": [""], "AllowAnonymous": "false"}, False),
    ({"JwtIssuer": "https://id.test", "JwtAudience": [""], "AllowAnonymous": "true"}, False),
    ({"JwtIssuer": "https://id.test", "JwtAudience": ["console"], "AllowAnonymous": "false"}, True),
]

ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"


class NoManagedPolicies:
    """The transform may ask for AWS's managed policies; this template names none."""

    def load(self):
        return {}


def expand(template: dict) -> dict:
    template = copy.deepcopy(template)
    parameters = {}
    for name, parameter in template.get("Parameters", {}).items():
        if "Default" in parameter:
            value = parameter["Default"]
            # CloudFormation hands lists to the transform as lists.
            if parameter["Type"] == "CommaDelimitedList":
                value = [part.strip() for part in value.split(",")]
            parameters[name] = value
    # The transform wants uploaded code, as "sam deploy" leaves it.
    for section in [template.get("Globals", {}).get("Function", {})] + [
        resource.get("Properties", {}) for resource in template["Resources"].values()
    ]:
        if "CodeUri" in section:
            section["CodeUri"] = "s3://bucket/code.zip"
    return transform(template, parameters, NoManagedPolicies())


def lambda_of(integration: dict) -> str:
    """The logical id in an integration's URI, or what stands there instead."""
    uri = integration.get("uri")
    text = uri.get("Fn::Sub", "") if isinstance(uri, dict) else uri
    found = re.search(r"functions/\$\{(\w+)\.Arn\}/invocations$", text if isinstance(text, str) else "")
    return found.group(1) if found else repr(uri)


def callable_paths(resources: dict, function: str) -> list:
    """What API Gateway may call the Lambda for: patterns of stage, method and path."""
    patterns = []
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if (
            resource["Type"] == "AWS::Lambda::Permission"
            and properties.get("Principal") == "apigateway.amazonaws.com"
            and properties.get("FunctionName") == {"Ref": function}
        ):
            arn, names = properties["SourceArn"]["Fn::Sub"]
            if names.get("__ApiId__") == {"Ref": API}:
                pattern = arn.split("${__ApiId__}/")[-1]
                patterns.append(pattern.replace("${__Stage__}", names["__Stage__"]))
    return patterns


def evaluate(value, parameters: dict, conditions: dict):
    """The value with conditions and references to these parameters worked out."""
    if isinstance(value, list):
        items = [evaluate(item, parameters, conditions) for item in value]
        return [item for item in items if item is not None]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, operand),) = value.items()
        again = lambda item: evaluate(item, parameters, conditions)  # noqa: E731
        match name:
            case "Ref":
                return None if operand == "AWS::NoValue" else parameters.get(operand, value)
            case "Fn::If":
                condition, yes, no = operand
                return again(yes if again(conditions[condition]) else no)
            case "Fn::Equals":
                left, right = map(again, operand)
                return left == right
            case "Fn::Not":
                return not again(operand[0])
            case "Fn::Or":
                return any(map(again, operand))
            case "Fn::EachMemberIn":
                members, several = map(again, operand)
                return all(member in several for member in members)
        # What stays as it is. Anything else would pass for true.
        if name.startswith("Fn::") and name not in ("Fn::Sub", "Fn::GetAtt", "Fn::Join"):
            raise SystemExit(f"check_routes: {name} is a function that this check does not know")
    pairs = ((key, evaluate(item, parameters, conditions)) for key, item in value.items())
    return {key: item for key, item in pairs if item is not None}


def is_taken(template: dict, parameters: dict) -> bool:
    """Whether every rule of the template holds."""
    for rule in template["Rules"].values():
        rule = evaluate(rule, parameters, template["Conditions"])
        if rule.get("RuleCondition", True):
            if not all(assertion["Assert"] for assertion in rule["Assertions"]):
                return False
    return True


def faults_of_sign_in(template: dict, body: dict):
    """Who may come in: under every route of /api or none, and never by an empty field."""
    conditions = template["Conditions"]
    for parameters, expected in DEPLOYMENTS:
        if is_taken(template, parameters) != expected:
            yield f"a deployment with {parameters} should {'' if expected else 'not '}be taken"
        if not expected:
            continue
        issuer = parameters["JwtIssuer"]
        api = evaluate(body, parameters, conditions)
        schemes = api.get("components", {}).get("securitySchemes", {})
        tokens = {
            name: scheme["x-amazon-apigateway-authorizer"]["jwtConfiguration"]
            for name, scheme in schemes.items()
        }
        wanted = {"issuer": issuer, "audience": parameters["JwtAudience"]}
        if tokens != ({"Jwt": wanted} if issuer else {}):
            yield f"with {parameters} the authorizers are {tokens}"
        for path, methods in api["paths"].items():
            needed = [{"Jwt": []}] if issuer and path.startswith("/api/") else None
            found = {method: operation.get("security") for method, operation in methods.items()}
            if found.get(ANY) != needed or found.get("options"):
                yield f"{path} has security {found} with {parameters}"
        if "security" in api:
            yield f"{API} has security for all routes, those of functions too"


def faults_in(template: dict, expanded: dict):
    resources = expanded["Resources"]
    api = resources.get(API)
    if not api or api["Type"] != "AWS::ApiGatewayV2::Api":
        yield f"there is no HTTP API named {API}"
        return
    body = api["Properties"].get("Body", {})
    paths = body.get("paths", {})
    if not paths:
        yield f"{API} has no route at all"
        return

    yield from faults_of_sign_in(template, body)
    for path in paths.keys() - ROUTES.keys():
        yield f"{path} is a route that this check does not know"
    for path in paths:
        if path != "/" and path.endswith("/"):
            yield f"{path} ends in a slash, which API Gateway refuses"

    for path, function in ROUTES.items():
        methods = paths.get(path)
        if methods is None:
            yield f"{path} is missing"
            continue
        # An authorizer must not meet preflights, so they have a route of their own.
        expected = [ANY, "options"] if path.startswith("/api/") else [ANY]
        if sorted(methods) != sorted(expected):
            yield f"{path} takes {', '.join(methods)}, not {' and '.join(expected)}"
            continue
        operation = methods[ANY]
        integration = operation.get(INTEGRATION, {})
        if methods.get("options", operation)[INTEGRATION] != integration:
            yield f"{path} has preflights answered elsewhere"
        if integration.get("type") != "aws_proxy":
            yield f"{path} has no Lambda proxy integration"
        if lambda_of(integration) != function:
            yield f"{path} goes to {lambda_of(integration)}, not to {function}"
        if integration.get("payloadFormatVersion") != "2.0":
            yield f"{path} has payload format {integration.get('payloadFormatVersion')}, not 2.0"
        if (path == "$default") != operation.get("isDefaultRoute", False):
            yield f"{path} is wrong about being the default route"
        request = "$default/GET/" + re.sub(r"\{[^}]*\}", "x", path).lstrip("/")
        if not any(fnmatchcase(request, pattern) for pattern in callable_paths(resources, function)):
            yield f"API Gateway may not call {function} for {path}"

    for function in sorted(set(ROUTES.values())):
        resource = resources.get(function, {})
        if resource.get("Type") != "AWS::Lambda::Function":
            yield f"there is no Lambda named {function}"
        elif resource["Properties"].get("Timeout", 3) >= 30:
            yield f"{function} may run as long as API Gateway waits, so it could not answer in time"

    cors = body.get("x-amazon-apigateway-cors")
    if not cors:
        yield f"{API} has no CORS rules"
    else:
        for key in CORS.keys() | cors.keys():
            if cors.get(key) != CORS.get(key):
                yield f"CORS {key} is {cors.get(key)}, not {CORS.get(key)}"


def main() -> int:
    if not TEMPLATE.is_file():
        print("check_routes: there is no template.yaml", file=sys.stderr)
        return 1
    template = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    if not isinstance(template, dict) or not template.get("Resources"):
        print(f"check_routes: {TEMPLATE.name} holds no resources", file=sys.stderr)
        return 1
    try:
        expanded = expand(template)
    except InvalidDocumentException as error:
        print("check_routes: the SAM transform refuses template.yaml", file=sys.stderr)
        for cause in error.causes:
            print(f"  {cause.message}", file=sys.stderr)
        return 1
    faults = sorted(faults_in(template, expanded))
    for fault in faults:
        print(f"check_routes: {fault}", file=sys.stderr)
    if not faults:
        print(f"check_routes: {len(ROUTES)} routes, CORS rules and sign-in are as expected")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
