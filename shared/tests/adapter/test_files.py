"""Functions of several files."""

import unittest

from harness import Function

HANDLER = """
def handler(event, context):
    return __name__
"""


class MainFile(unittest.TestCase):
    def value(self, source, main, files=None, **options):
        with Function(source, main=main, files=files, **options) as function:
            return function.value()

    def text(self, source, main, files=None, **options):
        with Function(source, main=main, files=files, **options) as function:
            answer = function.call()
            self.assertEqual("returned", answer["outcome"], answer["lines"])
            return answer["body"]

    def test_its_module_has_its_own_name(self):
        for main, name in [
            ("function.py", "function"),
            ("app.py", "app"),
            ("my-function.py", "my-function"),
            ("v1.2.py", "function_v1_2"),
            ("src/main.py", "src.main"),
            ("my-project/main.py", "my-project.main"),
            ("v1.2/main.py", "main"),
            ("pkg/__init__.py", "pkg"),
        ]:
            with self.subTest(main):
                self.assertEqual(name, self.text(HANDLER, main))

    def test_it_is_one_module_under_each_name_that_finds_it(self):
        source = """
            import sys, other
            CALLS = []
            def handler(event, context):
                module = sys.modules[__name__]
                return [each is module for each in other.imported()] + [other.at_import is module]
        """
        for main, files in [
            ("app.py", {"other.py": "import app as at_import\ndef imported():\n    import app\n    return [app]\n"}),
            (
                "src/main.py",
                {"src/other.py": "import main as at_import\ndef imported():\n    import main, src.main\n    return [main, src.main]\n"},
            ),
            (
                "src/main.py",
                {
                    "src/__init__.py": "",
                    "src/other.py": "import src.main as at_import\ndef imported():\n    import main\n    return [main]\n",
                },
            ),
        ]:
            with self.subTest(main=main, files=list(files)):
                self.assertEqual({True}, set(self.value(source, main, files)))

    def test_objects_of_it_can_be_pickled(self):
        source = """
            import dataclasses, pickle, typing
            @dataclasses.dataclass
            class Point:
                x: "int"
            def handler(event, context):
                point = pickle.loads(pickle.dumps(Point(1)))
                return [point == Point(1), typing.get_type_hints(Point) == {"x": int}]
        """
        for main in ["function.py", "app.py", "src/main.py", "my-function.py", "json.py"]:
            with self.subTest(main):
                self.assertEqual([True, True], self.value(source, main))

    def test_it_is_not_run_as_a_program(self):
        source = 'def handler(event, context):\n    return 1\nif __name__ == "__main__":\n    raise SystemExit(1)\n'
        self.assertEqual(1, self.value(source, "app.py"))

    def test_it_may_have_the_name_of_a_module_of_python(self):
        source = """
            import json, types, random, string, logging, email.message, asyncio, colorsys, time
            async def handler(event, context):
                await asyncio.sleep(0)
                import other
                print(other.json.dumps(1))
                logging.error("seen")
                return [types.SimpleNamespace(a=1).a, random.random() < 1, string.digits, colorsys.rgb_to_hsv(0, 0, 0)[0]]
        """
        for name in ["json", "types", "random", "string", "code", "logging", "email", "asyncio", "colorsys", "time"]:
            with self.subTest(name), Function(source, main=f"{name}.py", files={"other.py": "import json"}) as function:
                answer = function.call()
                self.assertEqual("returned", answer["outcome"], answer["lines"])
                self.assertEqual(["1", "ERROR:root:seen"], answer["lines"])

    def test_it_may_lie_in_a_folder_with_the_name_of_a_module_of_python(self):
        source = "import db, code, pdb\ndef handler(event, context):\n    return [db.NAME, __name__]\n"
        files = {"code/db.py": "NAME = 'db'\n"}
        self.assertEqual(["db", "main"], self.value(source, "code/main.py", files))

    def test_modules_of_its_package_hide_none_of_python(self):
        source = """
            import email.message, queue
            from . import queue as own
            def handler(event, context):
                return [hasattr(queue, "SimpleQueue"), own.NAME]
        """
        files = {"app/__init__.py": "", "app/queue.py": "NAME = 'own'\n", "app/email.py": ""}
        self.assertEqual([True, "own"], self.value(source, "app/main.py", files))

    def test_a_package_of_the_same_name_is_not_taken_for_it(self):
        source = "import requests\ndef handler(event, context):\n    return requests.NAME\n"
        files = {"api/__init__.py": ""}
        packages = {"requests/__init__.py": "NAME = 'package'\n"}
        self.assertEqual("package", self.text(source, "api/requests.py", files, packages=packages))

    def test_the_log_of_one_that_can_not_be_imported_names_its_line(self):
        source = "import sys\nsys.modules[__name__]\nraise ValueError('broken')\n"
        for main in ["app.py", "src/main.py", "json.py"]:
            with self.subTest(main), Function(source, main=main) as function:
                for _ in range(2):
                    answer = function.call()
                    self.assertEqual("unloadable", answer["outcome"])
                    self.assertEqual("Traceback (most recent call last):", answer["lines"][0])
                    self.assertIn(f'code/{main}", line 3', answer["lines"][1])
                    self.assertEqual("ValueError: broken", answer["lines"][-1])


class OtherFiles(unittest.TestCase):
    def check(self, expected, source, main, files, **options):
        with Function(source, main=main, files=files, **options) as function:
            self.assertEqual(expected, function.value())

    def test_imports_of_neighbours_and_packages(self):
        source = """
            import db
            from src.tools import a
            from mypackage import b
            def handler(event, context):
                return [db.NAME, a.NAME, b.NAME, b.ROOT.NAME]
        """
        files = {
            "src/db.py": "NAME = 'db'\n",
            "src/tools/a.py": "NAME = 'a'\n",
            "mypackage/__init__.py": "from . import b\n",
            "mypackage/b.py": "import settings as ROOT\nNAME = 'b'\n",
            "settings.py": "NAME = 'settings'\n",
        }
        self.check(["db", "a", "b", "settings"], source, "src/main.py", files)
        self.check(["db", "a", "b", "settings"], source, "src/main.py", {**files, "src/__init__.py": ""})

    def test_relative_imports(self):
        source = """
            from . import lib
            from .lib import NAME
            from .deep.er import NAME as ER
            def handler(event, context):
                return [lib.NAME, NAME, ER]
        """
        files = {"lib.py": "NAME = 'lib'\n", "deep/er.py": "from ..lib import NAME\n"}
        for main in ["api/index.py", "pkg/__init__.py"]:
            folder = main.partition("/")[0]
            for init in [{}, {f"{folder}/__init__.py": ""}]:
                if main not in init:
                    self.check(
                        ["lib"] * 3, source, main, {**{f"{folder}/{name}": text for name, text in files.items()}, **init}
                    )

    def test_a_project_in_a_folder_of_its_own(self):
        source = "from shop.db import NAME\ndef handler(event, context):\n    return [NAME, __name__]\n"
        files = {"project/shop/__init__.py": "", "project/shop/db.py": "NAME = 'db'\n"}
        self.check(["db", "project.shop.main"], source, "project/shop/main.py", files)

    def test_a_package_that_imports_the_main_file_itself(self):
        source = "CALLS = []\ndef handler(event, context):\n    import pkg\n    return pkg.handler is handler\n"
        self.check(True, source, "pkg/main.py", {"pkg/__init__.py": "from .main import handler\n"})

    def test_azures_folders_are_packages_below_one(self):
        source = """
            import azure.functions as func
            import json
            from . import lib
            from ..shared import x
            from __app__.shared import x as absolute
            from shared import x as plain
            import HttpTrigger
            def main(req: func.HttpRequest):
                return json.dumps([lib.NAME, x.NAME, absolute is x, plain.NAME, HttpTrigger.main is main])
        """
        files = {"HttpTrigger/lib.py": "NAME = 'lib'\n", "shared/__init__.py": "", "shared/x.py": "NAME = 'x'\n"}
        with Function(source, form="azure", main="HttpTrigger/__init__.py", files=files) as function:
            answer = function.call()
            self.assertEqual('["lib", "x", true, "x", true]', answer.get("body"), answer["lines"])

    def test_data_files(self):
        source = """
            import importlib.resources, pathlib, pkgutil
            def handler(event, context):
                here = pathlib.Path(__file__).parent
                return [
                    open("data.txt").read(),
                    (here / "near.txt").read_text(),
                    (importlib.resources.files("pkg") / "in.txt").read_text(),
                    pkgutil.get_data("pkg", "in.txt").decode(),
                    pkgutil.get_data(__name__, "near.txt").decode(),
                ]
        """
        files = {"data.txt": "data", "near.txt": "near", "src/near.txt": "near", "pkg/__init__.py": "", "pkg/in.txt": "in"}
        for main in ["app.py", "src/main.py"]:
            self.check(["data", "near", "in", "in", "near"], source, main, files)


class Packages(unittest.TestCase):
    """What a layer has, and what the user or the adapter has under the same name."""

    def test_files_of_the_user_win(self):
        source = "import shared, only\ndef handler(event, context):\n    return [shared.FROM, only.FROM]\n"
        packages = {"shared.py": "FROM = 'layer'\n", "only.py": "FROM = 'layer'\n"}
        with Function(source, packages=packages, files={"shared.py": "FROM = 'user'\n"}) as function:
            self.assertEqual(["user", "layer"], function.value())

    def test_namespaces_of_the_layer_the_user_and_a_stand_in_are_one(self):
        source = """
            import json
            import azure.functions as func
            import azure.identity, azure.own
            def main(req):
                return json.dumps([azure.identity.FROM, azure.own.FROM, func.__doc__ is not None])
        """
        packages = {"azure/identity/__init__.py": "FROM = 'layer'\n"}
        with Function(source, form="azure", packages=packages, files={"azure/own.py": "FROM = 'user'\n"}) as function:
            answer = function.call()
            self.assertEqual('["layer", "user", true]', answer.get("body"), answer["lines"])

    def test_a_layer_with_the_older_kind_of_namespace(self):
        source = "import azure.functions, azure.old\ndef main(req):\n    return azure.old.FROM\n"
        packages = {
            "azure/__init__.py": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
            "azure/old.py": "FROM = 'layer'\n",
        }
        with Function(source, form="azure", packages=packages) as function:
            answer = function.call()
            self.assertEqual("layer", answer.get("body"), answer["lines"])

    def test_a_real_package_wins_over_its_stand_in(self):
        source = "import nuclio_sdk\ndef handler(context, event):\n    return nuclio_sdk.FROM\n"
        with Function(source, form="nuclio", packages={"nuclio_sdk/__init__.py": "FROM = 'layer'\n"}) as function:
            answer = function.call()
            self.assertEqual("layer", answer.get("body"), answer["lines"])

    def test_an_application_that_the_real_azure_functions_keeps_in_a_function(self):
        source = """
            import azure.functions as func
            def wsgi(environ, start):
                start("200 OK", [("content-type", "text/plain")])
                return [environ["PATH_INFO"].encode()]
            app = func.WsgiFunctionApp(app=wsgi)
        """
        package = """
            class WsgiMiddleware:
                def __init__(self, app):
                    self._app = app
            class _Function:
                def __init__(self, function):
                    self.get_user_function = lambda: function
            class WsgiFunctionApp:
                def __init__(self, app):
                    middleware = WsgiMiddleware(app)
                    def http_app_func(req, context):
                        return middleware.handle(req, context)
                    self._function = _Function(http_app_func)
                def get_functions(self):
                    return [self._function]
        """
        with Function(source, form="azure", packages={"azure/functions/__init__.py": package}) as function:
            answer = function.call(path="/api/x")
            self.assertEqual("/api/x", answer.get("body"), answer["lines"])

    def test_cloudevents_of_version_2_has_the_module_of_version_1(self):
        source = """
            import json
            import cloudevents.v1
            from cloudevents.http import CloudEvent
            async def handle(scope, receive, send):
                event = CloudEvent({"type": "t", "source": "s"}, 1)
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
                await send({"type": "http.response.body", "body": event["type"].encode()})
        """
        packages = {"cloudevents/__init__.py": "", "cloudevents/v1/__init__.py": ""}
        with Function(source, form="knative", packages=packages) as function:
            answer = function.call()
            self.assertEqual("t", answer.get("body"), answer["lines"])

    def test_a_package_with_the_name_of_a_module_of_python_does_not_reach_the_adapter(self):
        # asyncio, which the adapter imports for an async handler, needs this one.
        source = "import concurrent.futures\nasync def handler(event, context):\n    return concurrent.futures.FROM\n"
        packages = {"concurrent/__init__.py": "", "concurrent/futures.py": "FROM = 'layer'\n"}
        with Function(source, packages=packages) as function:
            answer = function.call()
            self.assertEqual("layer", answer.get("body"), answer["lines"])


if __name__ == "__main__":
    unittest.main()
