"""The runtime client of the local engine, for where AWS's own can't be had.

It asks the Lambda Runtime API for events, calls the user's handler, and sends
its answers and errors back, with the same texts as AWS's client. Started as
`python3 runtime_client.py module.function` in the folder of the function.
"""

import http.client
import importlib
import json
import logging
import os
import site
import sys
import time
import traceback

API = "/2018-06-01/runtime/"


class Fault(Exception):
    """An error of ours, by the name that AWS gives it."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind, self.message, self.trace = kind, message, trace


class Identity:
    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """What a handler is told about its invocation."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.client_context = None
        self.tenant_id = None
        self.identity = Identity()
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class Unbuffered:
    """A stream that passes on at once what it is given."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        self._stream.write(text)
        self._stream.flush()

    def writelines(self, lines):
        self._stream.writelines(lines)
        self._stream.flush()


class LogHandler(logging.Handler):
    """Log records as AWS writes them, with the id of the invocation."""

    request_id = ""

    def emit(self, record):
        record.aws_request_id = LogHandler.request_id
        sys.stdout.write(self.format(record))


class RuntimeApi:
    def __init__(self, address):
        self._address = address

    def call(self, method, path, body=None):
        # A connection for each call: one that is kept open would have to be
        # repaired after an answer that was refused as too large.
        connection = http.client.HTTPConnection(self._address)
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, API + path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def find_handler(name):
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from None
    except SyntaxError as error:
        raise Fault(
            "Runtime.UserCodeSyntaxError",
            f"Syntax error in module '{module_name}': {error}",
            [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'],
        ) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound",
            f"Handler '{function_name}' missing on module '{module_name}'",
        ) from None


def describe(error, request_id=""):
    """An error as AWS describes it to callers."""
    if isinstance(error, Fault):
        kind, message, trace = error.kind, error.message, error.trace or []
    else:
        frames = traceback.extract_tb(error.__traceback__)
        # The frames of this file are none of the function's business.
        own = [frame for frame in frames if frame.filename != __file__]
        kind, message, trace = type(error).__name__, str(error), traceback.format_list(own)
    return {
        "errorMessage": message,
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": trace,
    }


def log_error(description):
    lines = [f"[ERROR] {description['errorType']}: {description['errorMessage']}"]
    lines.append("Traceback (most recent call last):")
    for entry in description["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    sys.stdout.write("\r".join(lines) + "\n")


def answer(handler, headers, body):
    """The JSON that the handler answers to an event."""
    context = Context(headers)
    try:
        event = json.loads(body)
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
    result = handler(event, context)
    if isinstance(result, bytes):
        return result
    try:
        return json.dumps(result).encode()
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def set_up_logging():
    logging.Formatter.converter = time.gmtime
    log_handler = LogHandler()
    log_handler.setFormatter(
        logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
            "%Y-%m-%dT%H:%M:%S",
        )
    )
    logging.getLogger().addHandler(log_handler)


def main(handler_name):
    # Python's own modules are all that a function sees, and exit() works.
    site.setquit()
    sys.path[0] = os.getcwd()
    sys.stdout, sys.stderr = Unbuffered(sys.stdout), Unbuffered(sys.stderr)
    set_up_logging()
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = find_handler(handler_name)
    except Exception as error:
        description = describe(error)
        log_error(description)
        api.call("POST", "init/error", json.dumps(description))
        sys.exit(1)
    while True:
        status, headers, body = api.call("GET", "invocation/next")
        if status != 200:
            sys.exit(1)
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        LogHandler.request_id = request_id
        os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
        try:
            result = answer(handler, headers, body)
        except Exception as error:
            description = describe(error, request_id)
            log_error(description)
            api.call("POST", f"invocation/{request_id}/error", json.dumps(description))
        else:
            api.call("POST", f"invocation/{request_id}/response", result)


if __name__ == "__main__":
    main(sys.argv[1])
