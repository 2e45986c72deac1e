"""Runs functions in a process of their own: the tree of a deployed zip, a client, and a Runtime API around it.

The local engine's client is always there. AWS's is used too, where `cargo test` has downloaded it for this Python.
"""

import glob
import http.server
import importlib.util
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../../.."))
SOURCE = os.path.join(ROOT, "shared/src/engine/adapter")


def _import_adapter():
    """Makes the adapter's folder the package that it is in a deployed zip."""
    file = os.path.join(SOURCE, "__init__.py")
    spec = importlib.util.spec_from_file_location("_faas_adapter", file, submodule_search_locations=[SOURCE])
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)


_import_adapter()

# Longer than anything takes on a busy machine. No test waits for it unless it fails.
TIME_LIMIT = 120

# AWS's client, told where it is, with nothing but Python's own modules beside it.
LAUNCH = """
import os, site, sys
site.setquit()
folder = sys.argv.pop(1)
sys.path[0] = folder
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
sys.path[0] = os.getcwd()
sys.path.append(folder)
bootstrap.run(sys.argv[1], LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]))
"""


def local_client():
    return os.path.join(ROOT, "dev/emulator/src/engine/runtime_client.py")


def aws_client():
    """The folder of AWS's client for this Python, or None."""
    version = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    found = glob.glob(os.path.join(ROOT, f".engine/awslambdaric-*-{version}-*"))
    return found[0] if found else None


def _restore_signals():
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


class Ended(Exception):
    """The process ended, and gave no answer."""


class Function:
    """A running function.

    `source` is the main file, `files` go beside it, and `packages` is the `python` folder of a layer with its files.
    `printed()` is what the process has passed on to Lambda.
    """

    def __init__(
        self,
        source,
        *,
        form="native",
        entry_point=None,
        main=None,
        files=None,
        packages=None,
        variables=None,
        client="local",
        options=(),
    ):
        self.folder = tempfile.mkdtemp()
        package = os.path.join(self.folder, "_faas_adapter")
        shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
        with open(os.path.join(package, "function.json"), "w") as file:
            json.dump({"form": form, "entryPoint": entry_point, **({"main": main} if main else {})}, file)
        _write_tree(os.path.join(self.folder, "code"), {main or "function.py": source, **(files or {})})
        if packages is not None:
            # Where AWS has a layer: after the function's folder, before the standard library.
            layer = self.path("opt/python")
            _write_tree(layer, packages)
            variables = {**(variables or {}), "PYTHONPATH": layer}
        self._api = _Api()
        python = [sys.executable, "-S", "-s", "-B", "-X", "utf8", *options]
        command = [local_client()] if client == "local" else ["-c", LAUNCH, aws_client()]
        self._process = subprocess.Popen(
            [*python, *command, "_faas_adapter.handle"],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "LAMBDA_TASK_ROOT": self.folder,
                "AWS_LAMBDA_RUNTIME_API": self._api.address,
                **(variables or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Whoever runs the tests may ignore some, a background job for instance. Lambda doesn't.
            preexec_fn=_restore_signals,
        )
        self._printed = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._calls = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self._process.pid, 9)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        self._api.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, *, timeout=60, limit=90, **event):
        """Sends an event to the function, and gives its id. `limit` is Lambda's own timeout, in seconds."""
        self._calls += 1
        request_id = f"request-{self._calls}"
        event = {
            "executionId": f"log-{self._calls}",
            "timeout": timeout,
            "method": "GET",
            "path": "/",
            "prefix": "/invoke/ws-1/fn-1",
            "rawQuery": "",
            "headers": [],
            "cookies": [],
            "sourceIp": "203.0.113.7",
            **event,
        }
        self._api.events.put((request_id, json.dumps(event).encode(), limit))
        return request_id

    def answer(self):
        """The bytes of the next answer. Raises `Ended` if the process ends without one."""
        deadline = time.monotonic() + TIME_LIMIT
        while time.monotonic() < deadline:
            try:
                kind, payload = self._api.answers.get(timeout=0.02)
            except queue.Empty:
                if self._process.poll() is not None and self._api.answers.empty():
                    self._reader.join(TIME_LIMIT)
                    raise Ended(self._process.returncode, self.printed()) from None
            else:
                assert kind == "response", payload
                return payload
        raise TimeoutError("no answer")

    def call(self, **event):
        """The answer to an event."""
        self.send(**event)
        return json.loads(self.answer())

    def value(self, **event):
        """The JSON that the function replies."""
        answer = self.call(**event)
        assert answer["outcome"] == "returned", answer
        return json.loads(answer["body"])

    def lines(self, **event):
        return self.call(**event)["lines"]

    def ended(self):
        """Waits for the end of the process, and gives its status."""
        return self._process.wait(TIME_LIMIT)

    def printed(self):
        return self._printed.decode("utf-8", "replace")

    def path(self, name):
        return os.path.join(self.folder, name)

    def wait_until_printed(self, text):
        deadline = time.monotonic() + TIME_LIMIT
        while text not in self.printed():
            assert time.monotonic() < deadline, text
            time.sleep(0.01)

    def touch(self, name):
        open(self.path(name), "w").close()

    def wait_for(self, name):
        deadline = time.monotonic() + TIME_LIMIT
        while not os.path.exists(self.path(name)):
            assert time.monotonic() < deadline, name
            time.sleep(0.01)

    def _read(self):
        while data := os.read(self._process.stdout.fileno(), 65536):
            self._printed += data


def _write_tree(folder, files):
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(content))


class _Api:
    """A Runtime API for one process. It takes one answer for each event."""

    def __init__(self):
        self.events = queue.Queue()
        self.answers = queue.Queue()
        api = self
        waiting = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                event = api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                request_id, payload, limit = event
                waiting.add(request_id)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:0:function:f")
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + limit) * 1000)))
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                try:
                    self.wfile.write(payload)
                except OSError:
                    pass

            def do_POST(self):
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                *_, request_id, kind = self.path.split("/")
                if kind == "response" and request_id not in waiting:
                    kind = "second"
                waiting.discard(request_id)
                # Before the client may go on, and end.
                api.answers.put((kind, payload))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.events.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that was killed is no error."""
