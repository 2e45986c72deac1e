"""The functions of examples/packages, with the requests beside them.

They need packages: FORM_PACKAGES names the folder that has them. A function whose packages aren't there is skipped.
"""

import base64
import glob
import importlib.machinery
import json
import os
import re
import unittest
import urllib.parse

from harness import ROOT, Function

FOLDER = os.path.join(ROOT, "examples/packages")
PACKAGES = os.environ.get("FORM_PACKAGES", "")

PREFIX = "/invoke/ws-1/fn-1"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def project(folder):
    """The files of a project, by their path in it."""
    paths = [path for path in glob.glob(f"{folder}/**", recursive=True) if os.path.isfile(path)]
    return {os.path.relpath(path, folder): read(path) for path in paths if "__pycache__" not in path}


def event(request):
    body = {"body": request["body"]} if "body" in request else {}
    if "bodyBase64" in request:
        body = {"body": request["bodyBase64"], "isBase64": True}
    return {
        "method": request.get("method", "GET"),
        "path": urllib.parse.unquote(request.get("path", "/")),
        "rawQuery": request.get("query", ""),
        "headers": [[name, value] for name, value in request.get("headers", {}).items()],
        "cookies": request.get("cookies", []),
        **body,
    }


def body_of(answer):
    body = answer.get("body", "")
    return base64.b64decode(body) if answer["encoding"] == "base64" else body.encode("utf-8")


class Examples(unittest.TestCase):
    def check(self, function, exchanges):
        for exchange in json.loads(read(exchanges)):
            answer, expected = function.call(**event(exchange["request"])), exchange["answer"]
            self.assertEqual("returned", answer["outcome"], answer["lines"])
            self.assertEqual(expected["status"], answer["status"], answer)
            for name, value in expected.get("headers", {}).items():
                self.assertIn([name, value], [[name.lower(), value] for name, value in answer["headers"]])
            if "json" in expected:
                self.assertEqual(expected["json"], json.loads(body_of(answer)))
            if "body" in expected:
                self.assertEqual(expected["body"], body_of(answer).decode("utf-8"))

    def needs(self, *names):
        for name in names:
            if not PACKAGES or importlib.machinery.PathFinder.find_spec(name, [PACKAGES]) is None:
                self.skipTest(f"the package {name} is not in FORM_PACKAGES")

    def run_file(self, name, form, *packages):
        self.needs(*packages)
        source = read(f"{FOLDER}/{name}.py")
        with Function(source, form=form, main=f"{name}.py", variables={"PYTHONPATH": PACKAGES}) as function:
            self.check(function, f"{FOLDER}/{name}.json")

    def test_fastapi_app(self):
        self.run_file("fastapi_app", "asgi", "fastapi")

    def test_flask_app(self):
        self.run_file("flask_app", "wsgi", "flask")

    def test_pandas_table(self):
        self.run_file("pandas_table", "native", "pandas")

    def test_project(self):
        self.needs("humanize")
        files = project(f"{FOLDER}/project")
        source = files.pop("main.py")
        with Function(source, main="main.py", files=files, variables={"PYTHONPATH": PACKAGES}) as function:
            self.check(function, f"{FOLDER}/project.json")

    def test_each_one_names_its_packages(self):
        for path in glob.glob(f"{FOLDER}/*.py"):
            with self.subTest(path):
                block = re.search(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$", read(path))
                self.assertIn("# dependencies = [", block["content"])


if __name__ == "__main__":
    unittest.main()
