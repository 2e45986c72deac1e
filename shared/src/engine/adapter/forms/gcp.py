"""Google Cloud Functions: a function of Flask's request, of a CloudEvent, of a type, of a background event."""

import json
import sys
import types

from .. import tasks
from ..reply import Unloadable
from . import cloudevent, finding, flask_context

SHIMS = "gcp"

_EXPECTED = "function with `@functions_framework.http` or `.cloud_event`"


def load(module, entry_point):
    flask = flask_context.flask_package()
    framework = sys.modules.get("functions_framework")
    registry = _registry()
    function = finding.find(module, entry_point, (), _EXPECTED) if entry_point else _found(module, registry)
    name = getattr(function, "__name__", "")
    kind = registry.REGISTRY_MAP.get(name) or ("event" if finding.arity(function) == 2 else "http")
    view = {"cloudevent": _cloud_event, "typed": _typed, "event": _background}.get(kind, _http)
    arguments = (registry.INPUT_TYPE_MAP.get(name),) if kind == "typed" else ()
    handlers = getattr(framework, "faas_error_handlers", ())
    return flask_context.serve(view(flask, function, *arguments), handlers)


def prepare():
    """The framework's `errorhandler` has no effect before its server is made: what it is given is kept instead."""
    cloudevent.prepare(SHIMS)
    try:
        import functions_framework
    except ImportError:
        return
    kept = functions_framework.faas_error_handlers = []

    def errorhandler(kind):
        def keep(handler):
            kept.append((kind, handler))
            return handler

        return keep

    functions_framework.errorhandler = errorhandler


def _registry():
    """Where the decorators write what a function takes: the same names in the package and its stand-in."""
    return sys.modules.get("functions_framework._function_registry") or types.SimpleNamespace(
        REGISTRY_MAP={}, INPUT_TYPE_MAP={}
    )


def _found(module, registry):
    own = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__
    }
    marked = [name for name in own if name in registry.REGISTRY_MAP]
    for names in (marked, [name for name in own if not name.startswith("_")]):
        if len(names) == 1:
            return own[names[0]]
        if names:
            several = ", ".join(names)
            raise Unloadable(f"there are several functions ({several}): entryPoint has to name one")
    raise Unloadable(f"there is no {_EXPECTED} in the function")


def _http(flask, function):
    # The object itself, not the proxy: functions compare and pass it on.
    return lambda: tasks.settled(function(flask.request._get_current_object()))


def _cloud_event(flask, function):
    from cloudevents.http import from_http

    def view():
        try:
            event = from_http(flask.request.headers, flask.request.get_data())
        except Exception as error:
            # The package has exceptions of its own, by version.
            flask.abort(400, description=f"the request is no CloudEvent: {error}")
        tasks.settled(function(event))
        return "OK"

    return view


def _typed(flask, function, kind):
    def view():
        result = tasks.settled(function(kind.from_dict(flask.request.get_json())))
        if result is None:
            return "", 200
        return result if type(result).__module__ == "builtins" else json.dumps(result.to_dict())

    return view


def _background(flask, function):
    def view():
        body = flask.request.get_json(silent=True)
        if not isinstance(body, dict):
            flask.abort(400)
        about = body.get("context") or body
        context = types.SimpleNamespace(
            event_id=about.get("eventId", ""),
            timestamp=about.get("timestamp", ""),
            event_type=about.get("eventType", ""),
            resource=about.get("resource", ""),
        )
        tasks.settled(function(body.get("data", ""), context))
        return "OK"

    return view
