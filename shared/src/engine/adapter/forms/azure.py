"""Azure Functions: `main(req)` of model 1, a `FunctionApp` with routes of model 2."""

import json
import os
import types

from .. import tasks
from ..loader import CODE_FOLDER
from ..reply import Reply, Unloadable, Unusable
from . import finding, web
from .azure_routes import compiled, precedence
from .bodies import readable

SHIMS = "azure"

# Under this name Azure's worker imports what a project has: `__app__.HttpTrigger` beside `__app__.shared`.
ROOT = "__app__"

_EXPECTED = "`def main(req)` or a `FunctionApp`"


def load(module, entry_point):
    entry = finding.named(module, entry_point) if entry_point else _entry(module)
    hosted = _hosted(entry)
    if hosted is not None:
        return web.serve(hosted, module)
    if hasattr(entry, "get_functions"):
        return _model_2(entry, _route_prefix())
    if not callable(entry):
        raise Unloadable(f"`{entry_point}`, which entryPoint names, is neither a function nor a FunctionApp")
    return lambda request: _reply(_call(entry, "req", _request(request, {}), request))


def _entry(module):
    apps = [value for name, value in vars(module).items() if _is_app(value)]
    for value in (getattr(module, "app", None), *apps, getattr(module, "main", None)):
        if _is_app(value) or callable(value) and value is getattr(module, "main", None):
            return value
    raise Unloadable(f"there is no {_EXPECTED} in the function")


def _is_app(value):
    # A Blueprint has functions too, but runs only as part of an app.
    return hasattr(value, "get_functions") and not isinstance(value, type) and type(value).__name__ != "Blueprint"


def _hosted(entry):
    """The application inside of an AsgiFunctionApp, or of `main = AsgiMiddleware(app).main`."""
    middleware = getattr(entry, "middleware", None) or getattr(entry, "__self__", None)
    if middleware is None and type(entry).__name__ == "WsgiFunctionApp":
        # The package azure-functions has it nowhere but in the function that it makes.
        function = entry.get_functions()[0].get_user_function()
        middleware = next((cell.cell_contents for cell in function.__closure__ or ()), None)
    return getattr(middleware, "_app", None)


def _route_prefix():
    """`api`, unless a file host.json says something else."""
    try:
        with open(os.path.join(CODE_FOLDER, "host.json"), encoding="utf-8-sig") as file:
            return json.load(file)["extensions"]["http"]["routePrefix"].strip("/")
    except (OSError, AttributeError, ValueError, KeyError, TypeError):
        return "api"


def _model_2(app, prefix):
    routes = []
    for function in app.get_functions():
        trigger = function.get_trigger()
        # Timers, queues and the like: nothing here calls them.
        if trigger is None or getattr(trigger, "type", "") != "httpTrigger":
            continue
        route = trigger.route if getattr(trigger, "route", None) is not None else function.get_function_name()
        methods = {_name(method) for method in getattr(trigger, "methods", None) or ()}
        whole = f"{prefix}/{route.strip('/')}"
        routes.append((precedence(whole), compiled(whole), methods, function, trigger.name))
    if not routes:
        raise Unloadable("there is no function with a route in the FunctionApp")
    routes.sort(key=lambda each: each[0])

    def run(request):
        for _, pattern, methods, function, name in routes:
            match = pattern.fullmatch(request.path.strip("/"))
            if match and (not methods or request.method in methods):
                parameters = {key: value for key, value in match.groupdict().items() if value is not None}
                return _reply(_call(function.get_user_function(), name, _request(request, parameters), request))
        # A caller who knows no path, as a test of one function, means that one.
        if request.path == "/" and len(routes) == 1:
            return _reply(_call(routes[0][3].get_user_function(), routes[0][4], _request(request, {}), request))
        # A method that no route takes is a 404 at Azure as well.
        return Reply(404)

    return run


def _name(method):
    return str(getattr(method, "value", method)).upper()


def _call(function, name, req, request):
    """Passes arguments by name, as Azure's worker does."""
    code = getattr(finding.unwrapped(function), "__code__", None)
    if code is None:
        return tasks.settled(function(req))
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    names = [each for each in names if each not in ("self", "cls")]
    if name not in names:
        name = next((each for each in names if each != "context"), None)
    arguments = {each: _Out(each) for each in names if each not in (name, "context")}
    if "context" in names:
        arguments["context"] = _context(function, request)
    if name:
        arguments[name] = req
    return tasks.settled(function(**arguments))


class _Out:
    """An output binding: there is nothing here that it could write to."""

    def __init__(self, name):
        self._name = name

    def set(self, value):
        service = f"the binding `{self._name}` writes to a service of Azure"
        raise RuntimeError(f"{service}, which isn't there on this platform")

    def get(self):
        return None


def _context(function, request):
    return types.SimpleNamespace(
        invocation_id=request.execution_id,
        function_name=function.__name__,
        function_directory=os.getcwd(),
        trace_context=types.SimpleNamespace(trace_parent=request.header("traceparent"), trace_state="", attributes={}),
        retry_context=None,
        thread_local_storage=None,
    )


def _request(request, route_params):
    from azure.functions import HttpRequest

    return HttpRequest(
        method=request.method,
        url=request.url,
        headers=request.header_dict(),
        # Of a name that comes twice, Azure joins the values.
        params=_joined(request.query_pairs()),
        route_params=route_params,
        body=request.body,
    )


def _joined(pairs):
    values = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _reply(value):
    if value is None:
        return Reply(204)
    if isinstance(value, str):
        return Reply(200, [("content-type", "text/plain; charset=utf-8")], value)
    if not hasattr(value, "status_code") or not hasattr(value, "get_body"):
        raise Unusable(f"the function returned {type(value).__name__}, not an HttpResponse or text")
    headers = [(name, str(text)) for name, text in value.headers.items()]
    if not any(name.lower() == "content-type" for name, _ in headers):
        kind = value.mimetype
        headers.append(("content-type", f"{kind}; charset={value.charset}" if kind.startswith("text/") else kind))
    return Reply(value.status_code, headers, readable(value.get_body(), headers))
