"""Model 2: functions that decorators describe."""

import enum
import types

from .http import AsgiMiddleware, WsgiMiddleware


class AuthLevel(enum.Enum):
    # Who may call is this platform's own setting.
    FUNCTION = "function"
    ANONYMOUS = "anonymous"
    ADMIN = "admin"


class HttpMethod(enum.Enum):
    GET = "GET"
    POST = "POST"
    DELETE = "DELETE"
    HEAD = "HEAD"
    PATCH = "PATCH"
    PUT = "PUT"
    OPTIONS = "OPTIONS"


class _Function:
    """What the decorators around one function have said of it."""

    def __init__(self, function):
        self._function = function
        self._trigger = None
        self._name = function.__name__

    def __call__(self, *arguments, **named):
        return self._function(*arguments, **named)

    def get_user_function(self):
        return self._function

    def get_function_name(self):
        return self._name

    def get_trigger(self):
        return self._trigger


class FunctionRegister:
    def __init__(self, http_auth_level=AuthLevel.FUNCTION, *arguments, **named):
        self._functions = []

    def get_functions(self):
        return list(self._functions)

    def register_functions(self, other):
        self._functions += other.get_functions()

    register_blueprint = register_functions

    def _decorator(self, change=None):
        def decorate(function):
            if not isinstance(function, _Function):
                function = _Function(function)
                self._functions.append(function)
            if change:
                change(function)
            return function

        return decorate

    def route(self, route=None, trigger_arg_name="req", binding_arg_name="$return", methods=None, **named):
        trigger = types.SimpleNamespace(type="httpTrigger", route=route, methods=methods, name=trigger_arg_name)
        return self._decorator(lambda function: setattr(function, "_trigger", trigger))

    def function_name(self, name, setting_extra_fields=None):
        return self._decorator(lambda function: setattr(function, "_name", name))

    def __getattr__(self, name):
        # Other triggers and bindings can be written; nothing here calls them.
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments, **named: self._decorator()


class FunctionApp(FunctionRegister):
    pass


class Blueprint(FunctionRegister):
    pass


class AsgiFunctionApp(FunctionRegister):
    def __init__(self, app, http_auth_level=AuthLevel.FUNCTION, function_name="http_app_func"):
        super().__init__(http_auth_level)
        self.middleware = AsgiMiddleware(app)


class WsgiFunctionApp(FunctionRegister):
    def __init__(self, app, http_auth_level=AuthLevel.FUNCTION, function_name="http_app_func"):
        super().__init__(http_auth_level)
        self.middleware = WsgiMiddleware(app)
