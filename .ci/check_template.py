#!/usr/bin/env python3
"""Expands template.yaml as CloudFormation's SAM transform would, without AWS, for every
combination of values that its conditions distinguish, and checks each result:

- every reference resolves, and no resources depend on each other in a circle;
- the HTTP API's routes agree with openapi.json, which comes from the code, and with the watch
  router in Cargo.toml: nothing is missing, and each route leads to its Lambda;
- every route of /api asks for a token where people sign in, and has a preflight route;
- the CORS rules cover the methods and headers that openapi.json describes;
- every alarm notifies somebody, and names its section of docs/operating.md.

No route is written down here, so a new one needs no change. Two of the combinations are left
in target/template, for the scanner."""

import contextlib
import copy
import io
import json
import logging
import os
import re
import sys
import tomllib
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
MANIFEST = ROOT / "Cargo.toml"
GUIDE = ROOT / "docs" / "operating.md"
EXPANDED = ROOT / "target" / "template"

API = "Api"
STAGE = "ApiApiGatewayDefaultStage"
ALIAS = "live"
DEFAULT = "$default"
# Below this, callers are people, who may have to sign in.
PEOPLE = "/api/"

# The Lambda whose routes openapi.json may leave out: the description, and pages to read it.
DOCS = "docs"

# What a page may read of any response, whatever CORS rules say.
ALWAYS_EXPOSED = {
    "cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma",
}

OPEN = {"JwtIssuer": "", "JwtAudience": [""], "AllowAnonymous": "true"}
SIGN_IN = {"JwtIssuer": "https://id.test", "JwtAudience": ["console"], "AllowAnonymous": "false"}

# What the template must reject: nobody opens the API by leaving a field empty.
REJECTED = [
    OPEN | {"AllowAnonymous": "false"},
    SIGN_IN | {"JwtAudience": [""]},
    SIGN_IN | {"JwtAudience": [""], "AllowAnonymous": "true"},
]

# The other parameters that conditions depend on, with a value for either side. The first of
# each is the default.
OPTIONS = {
    "KmsKeyArn": ["", "arn:aws:kms:ap-northeast-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
    "Tracing": ["false", "true"],
    "AlarmEmail": ["", "operations@example.com"],
    "MonthlyBudgetUsd": [0, 100],
    "DeploymentPreference": ["AllAtOnce", "Canary10Percent10Minutes"],
    "MaxBuilds": [10, 0],
    "PackageIndexSecret": ["", "package-index"],
}

# The combinations that are left for the scanner.
SCANNED = {
    "least": OPEN | {name: values[0] for name, values in OPTIONS.items()},
    "most": SIGN_IN | {name: values[-1] for name, values in OPTIONS.items()},
}

ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"


class NoManagedPolicies:
    """Stands in for AWS's managed policies, of which this template names none."""

    def load(self):
        return {}


def defaults(template: dict) -> dict:
    """The default of each parameter, lists as lists."""
    parameters = {}
    for name, parameter in template["Parameters"].items():
        value = parameter["Default"]
        if parameter["Type"] == "CommaDelimitedList":
            value = [part.strip() for part in value.split(",")]
        parameters[name] = value
    return parameters


def expand(template: dict, parameters: dict) -> dict:
    """The transformed template, with its conditions unevaluated."""
    template = copy.deepcopy(template)
    # The transform needs uploaded code, which "sam deploy" names.
    for section in [template.get("Globals", {}).get("Function", {})] + [
        resource.get("Properties", {}) for resource in template["Resources"].values()
    ]:
        if "CodeUri" in section:
            section["CodeUri"] = "s3://bucket/code.zip"
    # Its log lines are of no use here.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return transform(template, dict(parameters), NoManagedPolicies())


def evaluate(value, parameters: dict, conditions: dict):
    """The value, with conditions and references to parameters resolved."""
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
            # The condition of a policy statement is an object, not a name.
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
        # These remain. Any other would count as true.
        if name.startswith("Fn::") and name not in ("Fn::Sub", "Fn::GetAtt", "Fn::Join"):
            raise SystemExit(f"check_template: {name} is an intrinsic function that this check does not know")
    pairs = ((key, evaluate(item, parameters, conditions)) for key, item in value.items())
    return {key: item for key, item in pairs if item is not None}


def deployed(template: dict, parameters: dict) -> dict:
    """The resources and outputs whose condition holds with these parameters."""
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


def is_accepted(template: dict, parameters: dict) -> bool:
    """Whether these parameters satisfy the rules of the template."""
    for rule in template["Rules"].values():
        rule = evaluate(rule, parameters, template["Conditions"])
        if rule.get("RuleCondition", True):
            if not all(assertion["Assert"] for assertion in rule["Assertions"]):
                return False
    return True


def names_in(value):
    """The logical ids and parameters that a value refers to."""
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


def reference_problems(parts: dict, parameters: dict):
    """References to what does not exist, and circles."""
    resources = parts["Resources"]
    needs = {}
    for section in ("Resources", "Outputs"):
        for name, part in parts[section].items():
            wanted = part.get("DependsOn", [])
            wanted = {wanted} if isinstance(wanted, str) else set(wanted)
            wanted |= set(names_in({key: item for key, item in part.items() if key != "DependsOn"}))
            wanted = {other for other in wanted if not other.startswith("AWS::")} - parameters.keys()
            for other in sorted(wanted - resources.keys()):
                yield f"{name} refers to {other}, which does not exist"
            if section == "Resources":
                needs[name] = wanted & resources.keys()
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield f"these resources depend on each other: {' > '.join(error.args[1])}"


def dashboard_problems(resources: dict):
    for name, resource in resources.items():
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            try:
                json.loads(re.sub(r"\$\{!", "${", resource["Properties"]["DashboardBody"]["Fn::Sub"]))
            except ValueError as error:
                yield f"{name} is not JSON: {error}"


def alarm_problems(resources: dict, sections: set):
    """Alarms that notify nobody of their start or end, or name no section of the guide."""
    for name, resource in resources.items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            properties = resource["Properties"]
            found = re.search(r"See docs/operating\.md, (.+)\.$", properties.get("AlarmDescription", ""))
            if not found or found.group(1) not in sections:
                yield f"{name} names no section of {GUIDE.name}"
            for actions in ("AlarmActions", "OKActions"):
                if properties.get(actions) != [{"Ref": "AlarmTopic"}]:
                    yield f"{name} has {actions} {properties.get(actions)}"


def target_of(integration: dict) -> str:
    """The logical id in an integration's URI, or the URI itself if it has another form."""
    uri = integration.get("uri")
    text = uri.get("Fn::Sub", "") if isinstance(uri, dict) else uri
    found = re.search(r"functions/\$\{(\w+)\}/invocations$", text if isinstance(text, str) else "")
    return found.group(1) if found else repr(uri)


def callable_paths(resources: dict, target: str) -> list:
    """What API Gateway may invoke the alias for, as patterns of stage, method and path."""
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


def sign_in_problems(body: dict, parameters: dict, description: dict):
    """Routes that ask for a token and should not, or the other way round."""
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
        expected = [{"Jwt": []}] if issuer and path.startswith(PEOPLE) else None
        found = {method: operation.get("security") for method, operation in methods.items()}
        if found.get(ANY) != expected:
            yield f"{path} has the authorizer {found.get(ANY)}, not {expected}"
        if found.get("options"):
            yield f"{path} has an authorizer for preflights, which carry no token"
    if "security" in body:
        yield f"{API} has an authorizer for all routes, those of users' functions too"
    for path, operations in description["paths"].items():
        takes_token = any({"Jwt": []} in operation.get("security", []) for operation in operations.values())
        if takes_token != path.startswith(PEOPLE):
            yield f"{path} takes {'a' if takes_token else 'no'} token in {DESCRIPTION.name}"


def function_of(methods: dict) -> str:
    """The logical id of the Lambda that a route leads to, if it leads to an alias of one."""
    target = target_of(methods.get(ANY, {}).get(INTEGRATION, {}))
    return target.removesuffix(f"Alias{ALIAS}")


def is_greedy(path: str) -> bool:
    return path.endswith("+}")


def slash_route(path: str, paths: dict) -> str:
    """The route that API Gateway selects for the path with a slash at its end: the longest
    greedy one whose beginning matches."""
    segments = path.strip("/").split("/")
    matching = [DEFAULT]
    for route in filter(is_greedy, paths):
        prefix = route.strip("/").split("/")[:-1]
        if len(prefix) <= len(segments) and all(
            mine.startswith("{") or mine == other for mine, other in zip(prefix, segments)
        ):
            matching.append(route)
    return max(matching, key=lambda route: route.count("/"))


def route_problems(resources: dict, paths: dict, binaries: dict, router: dict):
    """Routes that are missing, lead elsewhere, or may not invoke their Lambda."""
    if DEFAULT not in paths:
        yield f"{DEFAULT} is missing, so unknown paths get API Gateway's own 404"
    for path in router.keys() - paths.keys():
        yield f"{path} is in the watch router of {MANIFEST.name}, but is no route"
    for path, methods in paths.items():
        if path != "/" and path.endswith("/"):
            yield f"{path} ends in a slash, which API Gateway refuses"
        # An authorizer must not see preflights, so they have a route of their own.
        expected = [ANY, "options"] if path.startswith(PEOPLE) else [ANY]
        if sorted(methods) != sorted(expected):
            yield f"{path} takes {', '.join(sorted(methods))}, not {' and '.join(expected)}"
            continue
        operation = methods[ANY]
        integration = operation.get(INTEGRATION, {})
        if methods.get("options", operation).get(INTEGRATION) != integration:
            yield f"{path} has preflights that another Lambda answers"
        if integration.get("type") != "aws_proxy":
            yield f"{path} has no Lambda proxy integration"
        if integration.get("payloadFormatVersion") != "2.0":
            yield f"{path} has payload format {integration.get('payloadFormatVersion')}, not 2.0"
        if (path == DEFAULT) != operation.get("isDefaultRoute", False):
            yield f"{path} is marked wrongly as the default route or not"
        target, function = target_of(integration), function_of(methods)
        if target != f"{function}Alias{ALIAS}" or function not in binaries:
            yield f"{path} leads to {target}, which is no alias {ALIAS} of a Lambda"
            continue
        request = "$default/GET/" + re.sub(r"\{[^}]*\}", "x", path).lstrip("/")
        if not any(fnmatchcase(request, pattern) for pattern in callable_paths(resources, target)):
            yield f"API Gateway may not invoke {target} for {path}"

        binary = binaries[function]
        if is_greedy(path):
            beside = path.rsplit("/", 1)[0]
            below = [other for other in paths if other.startswith(f"{beside}/") and other != path]
            if beside not in paths and not below:
                yield f"{path} stands beside no route {beside}, and none is below"
            elif beside in paths and function_of(paths[beside]) != function:
                yield f"{path} leads to {binary}, unlike {beside} beside it"
            elif beside not in paths and any(function_of(paths[other]) != function for other in below):
                yield f"{path} leads to {binary}, unlike routes below it"
        elif path != DEFAULT:
            if router.get(path) != binary:
                yield f"{path} leads to {binary}, but to {router.get(path)} in the watch router of {MANIFEST.name}"
            other = slash_route(path, paths)
            if function_of(paths.get(other, {})) != function:
                yield f"{path} with a slash at its end gets to {other}, which leads to another Lambda"

    limited = resources.get(STAGE, {}).get("Properties", {}).get("RouteSettings", {})
    for route in limited.keys() - {f"ANY {path}" for path in paths}:
        yield f"{route} has limits, but is no route"


def lambda_problems(resources: dict, paths: dict):
    """Lambdas that answer too late or have no alias, and streams that lead elsewhere."""
    for function in sorted({function_of(methods) for methods in paths.values()}):
        properties = resources.get(function, {}).get("Properties", {})
        if properties.get("Timeout", 3) >= 30:
            yield f"{function} may run as long as API Gateway waits, so it could not answer in time"
    fed = set()
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function" and f"{name}Alias{ALIAS}" not in resources:
            yield f"{name} has no alias {ALIAS}"
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            function = properties["FunctionName"].get("Ref", "")
            if resources.get(function, {}).get("Type") != "AWS::Lambda::Alias":
                yield f"{name} invokes {properties['FunctionName']}, which is no alias"
            # AWS refuses a second mapping of a stream to a function.
            both = json.dumps([properties["EventSourceArn"], properties["FunctionName"]])
            if both in fed:
                yield f"{name} is a second mapping of the same stream to the same function"
            fed.add(both)


def described_headers(description: dict) -> tuple:
    """The request headers and the response headers that the description names."""

    def resolve(value: dict) -> dict:
        while "$ref" in value:
            pointer, value = value["$ref"], description
            for part in pointer.removeprefix("#/").split("/"):
                value = value[part]
        return value

    sent, received = set(), set()
    operations = [item for path in description["paths"].values() for item in path.values()]
    for operation in operations:
        parameters = map(resolve, operation.get("parameters", []))
        sent |= {parameter["name"] for parameter in parameters if parameter["in"] == "header"}
        sent |= {"Content-Type"} if "requestBody" in operation else set()
        for response in map(resolve, operation["responses"].values()):
            received |= set(response.get("headers", {}))
    for scheme in description["components"]["securitySchemes"].values():
        sent.add(scheme["name"] if scheme.get("in") == "header" else "Authorization")
    return sent, received


def cors_problems(body: dict, description: dict):
    """CORS rules that would keep a page from calling the API as it is described. A test of the
    routes compares the rules with those in the code."""
    rules = body.get("x-amazon-apigateway-cors", {})
    allowed = {key: {item.lower() for item in rules.get(key, [])} for key in ("allowMethods", "allowHeaders", "exposeHeaders")}
    methods = {method for operations in description["paths"].values() for method in operations}
    sent, received = described_headers(description)
    for key, needed in (
        ("allowMethods", methods | {"options"}),
        ("allowHeaders", sent),
        ("exposeHeaders", received),
    ):
        missing = {item for item in needed if item.lower() not in allowed[key]}
        if key == "exposeHeaders":
            missing = {item for item in missing if item.lower() not in ALWAYS_EXPOSED}
        if missing:
            yield f"CORS {key} lacks {', '.join(sorted(missing))}, which {DESCRIPTION.name} describes"
    if not rules.get("allowOrigins") or "*" in rules["allowOrigins"] or not rules.get("allowCredentials"):
        yield "CORS allows no origin with credentials"


def description_problems(paths: dict, binaries: dict, described: dict):
    """Routes that the description leaves out, and those that it makes up."""
    for path in described.keys() - paths.keys():
        yield f"{path} is described in {DESCRIPTION.name}, but is no route"
    for path in paths.keys() - described.keys() - {DEFAULT}:
        if not is_greedy(path) and binaries.get(function_of(paths[path])) != DOCS:
            yield f"{path} is a route, but is not described in {DESCRIPTION.name}"


def deployment_problems(parts: dict, parameters: dict, sources: dict):
    """Everything that is wrong with one deployment."""
    resources = parts["Resources"]
    yield from reference_problems(parts, parameters)
    yield from dashboard_problems(resources)
    yield from alarm_problems(resources, sources["sections"])
    api = resources.get(API)
    if not api or api["Type"] != "AWS::ApiGatewayV2::Api":
        yield f"there is no HTTP API named {API}"
        return
    body = api["Properties"].get("Body", {})
    paths = body.get("paths", {})
    if not paths:
        yield f"{API} has no route at all"
        return
    description, binaries = sources["description"], sources["binaries"]
    yield from sign_in_problems(body, parameters, description)
    yield from route_problems(resources, paths, binaries, sources["router"])
    yield from lambda_problems(resources, paths)
    yield from cors_problems(body, description)
    yield from description_problems(paths, binaries, description["paths"])


def condition_problems(template: dict, deployments: list):
    """Conditions that are the same in every deployment."""
    for name, condition in template["Conditions"].items():
        seen = {evaluate(condition, parameters, template["Conditions"]) for parameters in deployments}
        if seen != {True, False}:
            yield f"the condition {name} is {seen.pop()} in every deployment that this check makes"


def check(template: dict, sources: dict) -> tuple:
    """The number of deployments, and each problem with the parameters of the first deployment
    that has it."""
    given = defaults(template)
    for rejected in REJECTED:
        if is_accepted(template, given | rejected):
            return 0, {f"a deployment with {rejected} should be rejected": {}}
    combinations = [dict(zip(OPTIONS, values)) for values in product(*OPTIONS.values())]
    deployments = [given | who | others for who in (OPEN, SIGN_IN) for others in combinations]
    problems = {problem: {} for problem in condition_problems(template, deployments)}
    for parameters in deployments:
        differs = {name: value for name, value in parameters.items() if value != given[name]}
        if not is_accepted(template, parameters):
            problems.setdefault("the template rejects a deployment", differs)
            continue
        parts = deployed(template, parameters)
        for problem in deployment_problems(parts, parameters, sources):
            problems.setdefault(problem, differs)
        for name, scanned in SCANNED.items():
            if parameters == given | scanned:
                EXPANDED.mkdir(parents=True, exist_ok=True)
                text = json.dumps(parts, indent=1, ensure_ascii=False)
                (EXPANDED / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return len(deployments), problems


def read_sources(template: dict) -> dict:
    """What the template has to agree with, and which binary each of its Lambdas runs."""
    manifest = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
    return {
        "description": json.loads(DESCRIPTION.read_text(encoding="utf-8")),
        "router": manifest["workspace"]["metadata"]["lambda"]["watch"]["router"],
        "sections": set(re.findall(r"^## (.+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)),
        "binaries": {
            name: resource["Metadata"]["BuildProperties"]["Binary"]
            for name, resource in template["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
        },
    }


def main() -> int:
    logging.disable()
    template = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    if not isinstance(template, dict) or not template.get("Resources"):
        print(f"check_template: {TEMPLATE.name} holds no resources", file=sys.stderr)
        return 1
    sources = read_sources(template)
    try:
        deployments, problems = check(template, sources)
    except InvalidDocumentException as error:
        print("check_template: the SAM transform refuses template.yaml", file=sys.stderr)
        for cause in error.causes:
            print(f"  {cause.message}", file=sys.stderr)
        return 1
    for problem, parameters in sorted(problems.items()):
        print(f"check_template: {problem}; with {parameters or 'any parameters'}", file=sys.stderr)
    if not problems:
        print(f"check_template: {len(sources['router'])} resources are routed as expected in {deployments} deployments")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
