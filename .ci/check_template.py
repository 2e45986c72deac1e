#!/usr/bin/env python3
"""Expands template.yaml as CloudFormation's SAM transform would, without AWS, for
every combination of what its conditions ask, and checks what comes out: that it
hangs together, that its HTTP API is the one that the code and openapi.json
describe, and that every alarm is told and explained. Leaves two of the combinations in target/template, to be scanned."""

import contextlib
import copy
import io
import json
import logging
import os
import re
import sys
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import product
from pathlib import Path

# The transform asks for a region; it calls nothing in it.
os.environ.setdefault("AWS_DEFAULT_REGION", "ap-northeast-2")

from samtranslator.model.exceptions import InvalidDocumentException  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
DESCRIPTION = ROOT / "openapi.json"
RUNBOOK = ROOT / "docs" / "runbook.md"
EXPANDED = ROOT / "target" / "template"

API = "Api"
STAGE = "ApiApiGatewayDefaultStage"
ALIAS = "live"
WORKSPACE = "/api/workspaces/{workspaceId}"
FUNCTION = f"{WORKSPACE}/functions/{{functionId}}"

# Every route with the Lambda that answers it. All of them take any method.
ROUTES = {
    "/api/workspaces": "WorkspacesFunction",
    WORKSPACE: "WorkspacesFunction",
    "/api/workspaces/{proxy+}": "WorkspacesFunction",
    f"{WORKSPACE}/functions": "FunctionsFunction",
    FUNCTION: "FunctionsFunction",
    f"{FUNCTION}/keys": "FunctionsFunction",
    f"{FUNCTION}/keys/{{keyId}}": "FunctionsFunction",
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

# Routes that openapi.json leaves out, and why. Greedy ones need no reason: they
# take what is below another, and slashes at the end.
UNDESCRIBED = {
    "/openapi.json": "it is the description",
    "/docs": "a page to read it",
    "/docs/{file}": "a file of that page",
    "/redoc": "another page to read it",
    "$default": "whatever is not there",
}

CORS = {
    "allowCredentials": True,
    "allowMethods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    "allowHeaders": ["Content-Type", "Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "X-Api-Key"],
    "exposeHeaders": ["Location", "Link", "ETag", "Idempotency-Replayed", "Retry-After", "Allow", "X-Execution-Id", "WWW-Authenticate"],
    "allowOrigins": ["http://localhost:3000", "http://localhost:5173"],
    "maxAge": 3600,
}

OPEN = {"JwtIssuer": "", "JwtAudience": [""], "AllowAnonymous": "true"}
SIGN_IN = {"JwtIssuer": "https://id.test", "JwtAudience": ["console"], "AllowAnonymous": "false"}

# Who may come in, that the template must not take: nobody opens the API by leaving
# a field empty.
REFUSED = [
    OPEN | {"AllowAnonymous": "false"},
    SIGN_IN | {"JwtAudience": [""]},
    SIGN_IN | {"JwtAudience": [""], "AllowAnonymous": "true"},
]

# What else a deployment may differ in, as far as the template's conditions ask. The
# first of each is the default.
OPTIONS = {
    "KmsKeyArn": ["", "arn:aws:kms:ap-northeast-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
    "Tracing": ["false", "true"],
    "AlarmEmail": ["", "operations@example.com"],
    "MonthlyBudgetUsd": [0, 100],
    "DeploymentPreference": ["AllAtOnce", "Canary10Percent10Minutes"],
}

# The combinations that are left to be scanned.
SCANNED = {
    "least": OPEN | {name: values[0] for name, values in OPTIONS.items()},
    "most": SIGN_IN | {name: values[-1] for name, values in OPTIONS.items()},
}

ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"


class NoManagedPolicies:
    """The transform may ask for AWS's managed policies; this template names none."""

    def load(self):
        return {}


def defaults(template: dict) -> dict:
    """The template's parameters as CloudFormation hands them on, lists as lists."""
    parameters = {}
    for name, parameter in template["Parameters"].items():
        value = parameter["Default"]
        if parameter["Type"] == "CommaDelimitedList":
            value = [part.strip() for part in value.split(",")]
        parameters[name] = value
    return parameters


def expand(template: dict, parameters: dict) -> dict:
    """What the transform makes of the template, with its conditions still in it."""
    template = copy.deepcopy(template)
    # It wants uploaded code, as "sam deploy" leaves it.
    for section in [template.get("Globals", {}).get("Function", {})] + [
        resource.get("Properties", {}) for resource in template["Resources"].values()
    ]:
        if "CodeUri" in section:
            section["CodeUri"] = "s3://bucket/code.zip"
    # It has much to say about itself.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return transform(template, dict(parameters), NoManagedPolicies())


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
            # A statement of a policy has conditions too, which aren't names.
            case "Condition" if isinstance(operand, str):
                return again(conditions[operand])
            case "Fn::If":
                condition, yes, no = operand
                return again(yes if again(conditions[condition]) else no)
            case "Fn::Equals":
                left, right = map(again, operand)
                return left == right if isinstance(left, list) else str(left) == str(right)
            case "Fn::Not":
                return not again(operand[0])
            case "Fn::Or":
                return any(map(again, operand))
            case "Fn::And":
                return all(map(again, operand))
            case "Fn::EachMemberIn":
                members, several = map(again, operand)
                return all(member in several for member in members)
        # What stays as it is. Anything else would pass for true.
        if name.startswith("Fn::") and name not in ("Fn::Sub", "Fn::GetAtt", "Fn::Join"):
            raise SystemExit(f"check_template: {name} is a function that this check does not know")
    pairs = ((key, evaluate(item, parameters, conditions)) for key, item in value.items())
    return {key: item for key, item in pairs if item is not None}


def deployed(template: dict, parameters: dict) -> dict:
    """What is deployed with these parameters: resources and outputs whose condition holds."""
    expanded = expand(template, parameters)
    conditions = expanded.get("Conditions", {})
    parts = {"AWSTemplateFormatVersion": expanded["AWSTemplateFormatVersion"]}
    for section in ("Resources", "Outputs"):
        parts[section] = {}
        for name, part in expanded[section].items():
            condition = {"Condition": part["Condition"]} if "Condition" in part else True
            if evaluate(condition, parameters, conditions):
                part = {key: item for key, item in part.items() if key != "Condition"}
                parts[section][name] = evaluate(part, parameters, conditions)
    return parts


def is_taken(template: dict, parameters: dict) -> bool:
    """Whether every rule of the template holds."""
    for rule in template["Rules"].values():
        rule = evaluate(rule, parameters, template["Conditions"])
        if rule.get("RuleCondition", True):
            if not all(assertion["Assert"] for assertion in rule["Assertions"]):
                return False
    return True


def names_in(value):
    """Every name that a value refers to, in whichever way."""
    if isinstance(value, list):
        for item in value:
            yield from names_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            match key:
                case "Ref":
                    yield item
                case "Fn::GetAtt":
                    yield item.split(".")[0] if isinstance(item, str) else item[0]
                case "Fn::Sub":
                    text, own = item if isinstance(item, list) else (item, {})
                    for name in re.findall(r"\$\{([^!}][^}]*)\}", text):
                        if name not in own:
                            yield name.split(".")[0]
                    yield from names_in(own)
                case _:
                    yield from names_in(item)


def faults_of_names(parts: dict, parameters: dict):
    """Nothing refers to what isn't there, and nothing to itself in a circle."""
    resources = parts["Resources"]
    needs = {}
    for section in ("Resources", "Outputs"):
        for name, part in parts[section].items():
            wanted = part.get("DependsOn", [])
            wanted = {wanted} if isinstance(wanted, str) else set(wanted)
            wanted |= set(names_in({key: item for key, item in part.items() if key != "DependsOn"}))
            wanted = {other for other in wanted if not other.startswith("AWS::")} - parameters.keys()
            for other in sorted(wanted - resources.keys()):
                yield f"{name} refers to {other}, which is not there"
            if section == "Resources":
                needs[name] = wanted & resources.keys()
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield f"these resources need each other: {' > '.join(error.args[1])}"


def faults_of_dashboards(resources: dict):
    for name, resource in resources.items():
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            try:
                json.loads(re.sub(r"\$\{!", "${", resource["Properties"]["DashboardBody"]["Fn::Sub"]))
            except ValueError as error:
                yield f"{name} is not JSON: {error}"


def faults_of_alarms(resources: dict, sections: set):
    """Whether somebody is told of every alarm, and of its end, and where to read on."""
    for name, resource in resources.items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            properties = resource["Properties"]
            found = re.search(r"See docs/runbook\.md, (.+)\.$", properties.get("AlarmDescription", ""))
            if not found or found.group(1) not in sections:
                yield f"{name} names no section of {RUNBOOK.name}"
            for actions in ("AlarmActions", "OKActions"):
                if properties.get(actions) != [{"Ref": "AlarmTopic"}]:
                    yield f"{name} has {actions} {properties.get(actions)}"


def lambda_of(integration: dict) -> str:
    """The logical id in an integration's URI, or what stands there instead."""
    uri = integration.get("uri")
    text = uri.get("Fn::Sub", "") if isinstance(uri, dict) else uri
    found = re.search(r"functions/\$\{(\w+)\}/invocations$", text if isinstance(text, str) else "")
    return found.group(1) if found else repr(uri)


def callable_paths(resources: dict, target: str) -> list:
    """What API Gateway may call the alias for: patterns of stage, method and path."""
    patterns = []
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if (
            resource["Type"] == "AWS::Lambda::Permission"
            and properties.get("Principal") == "apigateway.amazonaws.com"
            and properties.get("FunctionName") == {"Ref": target}
        ):
            arn, names = properties["SourceArn"]["Fn::Sub"]
            if names.get("__ApiId__") == {"Ref": API}:
                pattern = arn.split("${__ApiId__}/")[-1]
                patterns.append(pattern.replace("${__Stage__}", names["__Stage__"]))
    return patterns


def faults_of_sign_in(body: dict, parameters: dict):
    """Whether every route of /api asks for a token, or none does, and no other ever."""
    issuer = parameters["JwtIssuer"]
    schemes = body.get("components", {}).get("securitySchemes", {})
    tokens = {
        name: scheme["x-amazon-apigateway-authorizer"]["jwtConfiguration"]
        for name, scheme in schemes.items()
    }
    wanted = {"issuer": issuer, "audience": parameters["JwtAudience"]}
    if tokens != ({"Jwt": wanted} if issuer else {}):
        yield f"the authorizers are {tokens}"
    for path, methods in body["paths"].items():
        needed = [{"Jwt": []}] if issuer and path.startswith("/api/") else None
        found = {method: operation.get("security") for method, operation in methods.items()}
        if found.get(ANY) != needed or found.get("options"):
            yield f"{path} has security {found}"
    if "security" in body:
        yield f"{API} has security for all routes, those of functions too"


def faults_of_routes(resources: dict, paths: dict):
    """Whether every route leads to its Lambda, which may be called for it."""
    for path in paths.keys() - ROUTES.keys():
        yield f"{path} is a route that this check does not know"
    for path in paths:
        if path != "/" and path.endswith("/"):
            yield f"{path} ends in a slash, which API Gateway refuses"

    for path, function in ROUTES.items():
        target = f"{function}Alias{ALIAS}"
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
        if lambda_of(integration) != target:
            yield f"{path} goes to {lambda_of(integration)}, not to {target}"
        if integration.get("payloadFormatVersion") != "2.0":
            yield f"{path} has payload format {integration.get('payloadFormatVersion')}, not 2.0"
        if (path == "$default") != operation.get("isDefaultRoute", False):
            yield f"{path} is wrong about being the default route"
        request = "$default/GET/" + re.sub(r"\{[^}]*\}", "x", path).lstrip("/")
        if not any(fnmatchcase(request, pattern) for pattern in callable_paths(resources, target)):
            yield f"API Gateway may not call {target} for {path}"

    limited = resources.get(STAGE, {}).get("Properties", {}).get("RouteSettings", {})
    for route in limited.keys() - {f"ANY {path}" for path in paths}:
        yield f"{route} has limits, but is no route"


def faults_of_lambdas(resources: dict):
    """Whether what is called are aliases, in time, and whether streams lead to them."""
    for function in sorted(set(ROUTES.values())):
        resource = resources.get(function, {})
        if resource.get("Type") != "AWS::Lambda::Function":
            yield f"there is no Lambda named {function}"
        elif resource["Properties"].get("Timeout", 3) >= 30:
            yield f"{function} may run as long as API Gateway waits, so it could not answer in time"
    fed = set()
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function" and f"{name}Alias{ALIAS}" not in resources:
            yield f"{name} has no alias {ALIAS}"
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            function = properties["FunctionName"].get("Ref", "")
            if resources.get(function, {}).get("Type") != "AWS::Lambda::Alias":
                yield f"{name} feeds {properties['FunctionName']}, which is no alias"
            # AWS refuses the second: a stream feeds a function once.
            both = json.dumps([properties["EventSourceArn"], properties["FunctionName"]])
            if both in fed:
                yield f"{name} feeds a function that the same stream feeds already"
            fed.add(both)


def faults_of_cors(body: dict):
    cors = body.get("x-amazon-apigateway-cors")
    if not cors:
        yield f"{API} has no CORS rules"
        return
    for key in CORS.keys() | cors.keys():
        if cors.get(key) != CORS.get(key):
            yield f"CORS {key} is {cors.get(key)}, not {CORS.get(key)}"


def faults_of_description(paths: dict, described: dict):
    """Whether the description, which is made of the code's routes, tells of these."""
    for path in described.keys() - paths.keys():
        yield f"{path} is described in {DESCRIPTION.name}, but is no route"
    for path in paths.keys() - described.keys() - UNDESCRIBED.keys():
        if not path.endswith("{proxy+}"):
            yield f"{path} is a route, but is not described in {DESCRIPTION.name}"
    for path in UNDESCRIBED.keys() & described.keys():
        yield f"{path} is described in {DESCRIPTION.name}, against what this check says"


def faults_in(parts: dict, parameters: dict, described: dict, sections: set):
    """Everything that is wrong with one deployment."""
    resources = parts["Resources"]
    yield from faults_of_names(parts, parameters)
    yield from faults_of_dashboards(resources)
    yield from faults_of_alarms(resources, sections)
    api = resources.get(API)
    if not api or api["Type"] != "AWS::ApiGatewayV2::Api":
        yield f"there is no HTTP API named {API}"
        return
    body = api["Properties"].get("Body", {})
    paths = body.get("paths", {})
    if not paths:
        yield f"{API} has no route at all"
        return
    yield from faults_of_sign_in(body, parameters)
    yield from faults_of_routes(resources, paths)
    yield from faults_of_lambdas(resources)
    yield from faults_of_cors(body)
    yield from faults_of_description(paths, described)


def faults_of_conditions(template: dict, deployments: list):
    """Whether each condition was seen to hold, and not to."""
    for name, condition in template["Conditions"].items():
        seen = {evaluate(condition, parameters, template["Conditions"]) for parameters in deployments}
        if seen != {True, False}:
            yield f"the condition {name} is {seen.pop()} in every deployment that this check makes"


def check(template: dict, described: dict, sections: set) -> tuple:
    """How many deployments there are, and what is wrong, with the parameters of the
    first that it is wrong in."""
    given = defaults(template)
    for refused in REFUSED:
        if is_taken(template, given | refused):
            return 0, {f"a deployment with {refused} should not be taken": {}}
    combinations = [dict(zip(OPTIONS, values)) for values in product(*OPTIONS.values())]
    deployments = [given | who | others for who in (OPEN, SIGN_IN) for others in combinations]
    faults = {fault: {} for fault in faults_of_conditions(template, deployments)}
    for parameters in deployments:
        differs = {name: value for name, value in parameters.items() if value != given[name]}
        if not is_taken(template, parameters):
            faults.setdefault("the template does not take a deployment", differs)
            continue
        parts = deployed(template, parameters)
        for fault in faults_in(parts, parameters, described, sections):
            faults.setdefault(fault, differs)
        for name, scanned in SCANNED.items():
            if parameters == given | scanned:
                EXPANDED.mkdir(parents=True, exist_ok=True)
                text = json.dumps(parts, indent=1, ensure_ascii=False)
                (EXPANDED / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return len(deployments), faults


def main() -> int:
    logging.disable()
    template = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    if not isinstance(template, dict) or not template.get("Resources"):
        print(f"check_template: {TEMPLATE.name} holds no resources", file=sys.stderr)
        return 1
    described = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    sections = set(re.findall(r"^## (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE))
    try:
        deployments, faults = check(template, described, sections)
    except InvalidDocumentException as error:
        print("check_template: the SAM transform refuses template.yaml", file=sys.stderr)
        for cause in error.causes:
            print(f"  {cause.message}", file=sys.stderr)
        return 1
    for fault, parameters in sorted(faults.items()):
        print(f"check_template: {fault}; with {parameters or 'any parameters'}", file=sys.stderr)
    if not faults:
        print(f"check_template: {len(ROUTES)} routes are as expected in {deployments} deployments")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
