"""What a Lambda function reads from its event, seen in its source.

A Lambda function doesn't say what calls it. One that reads `event["body"]`
expects API Gateway's event; one that reads `event["name"]` expects what a
caller passes to Lambda itself, which here is the request's body.
"""

import ast
import re

_HTTP = frozenset(
    "routeKey rawPath rawQueryString cookies headers queryStringParameters pathParameters stageVariables"
    " requestContext body isBase64Encoded httpMethod multiValueHeaders multiValueQueryStringParameters".split()
)
# Of API Gateway too, but common as names of anything.
_EITHER = frozenset(("path", "resource", "version"))

_ROUTE = re.compile(r"(?:(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY) )?(/\S*)")
_PARAMETER = re.compile(r"\{(\w+)(\+?)\}")


class Reads:
    """`keys` that are read from the event, `routes` that are written out."""

    def __init__(self, source, handler):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            tree = ast.Module([], [])
        nodes = list(ast.walk(tree))
        self.keys = frozenset(_keys(nodes, _event_name(nodes, handler)))
        self.routes = [
            (match[1], match[2], _pattern(match[2]))
            for match in (_ROUTE.fullmatch(text) for text in _strings(nodes))
            if match and (match[1] or "{" in match[2])
        ]

    @property
    def plain(self):
        """Whether the function wants the body itself: it reads keys, and none of them is API Gateway's."""
        return bool(self.keys - _EITHER) and not self.keys & _HTTP

    def route(self, method, path):
        """The route that matches, as `(template, its parameters)`; None if none does."""
        for wanted, template, pattern in self.routes:
            match = pattern.fullmatch(path)
            if match and wanted in (None, "ANY", method):
                return f"{wanted} {template}" if wanted else None, template, match.groupdict()
        return None


def _event_name(nodes, handler):
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == handler:
            arguments = node.args.posonlyargs + node.args.args
            if arguments:
                return arguments[0].arg
    return "event"


def _keys(nodes, name):
    """Keys of `name["key"]`, `name.get("key")`, `"key" in name`, anywhere in the file."""
    for node in nodes:
        key = None
        if isinstance(node, ast.Subscript) and _is(node.value, name):
            key = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if _is(node.func.value, name) and node.func.attr in ("get", "pop", "setdefault"):
                key = node.args[0]
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and _is(node.comparators[0], name):
            if isinstance(node.ops[0], (ast.In, ast.NotIn)):
                key = node.left
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value


def _is(node, name):
    return isinstance(node, ast.Name) and node.id == name


def _strings(nodes):
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _pattern(template):
    """A route's template, `/items/{id}` or `/{proxy+}`, as a regular expression."""
    parts, at = [], 0
    for match in _PARAMETER.finditer(template):
        parts.append(re.escape(template[at : match.start()]))
        parts.append(f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})" if match[1].isidentifier() else "[^/]+")
        at = match.end()
    parts.append(re.escape(template[at:]))
    try:
        return re.compile("".join(parts))
    except re.error:
        # A parameter that comes twice.
        return re.compile(re.escape(template))
