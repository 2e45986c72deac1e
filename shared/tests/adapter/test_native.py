import base64
import json
import unittest

from harness import Function, aws_client


class Events(unittest.TestCase):
    SOURCE = """
        import copy, json
        def handler(event, context):
            assert "rawBody" in event and event.get("rawBody") is event["rawBody"]
            assert event.get("missing", 3) == 3 and "missing" not in event and type(event["rawBody"]) is bytes
            assert copy.deepcopy(event)["rawBody"] == event["rawBody"]
            try:
                event["missing"]
            except KeyError:
                pass
            print(event["rawBody"].hex())
            return json.loads(json.dumps(event))
        """

    def test_the_request_as_it_came(self):
        with Function(self.SOURCE) as function:
            answer = function.call(
                method="POST",
                path="/a/한",
                rawQuery="x=1&x=%20&y=&%ED%95%9C=+",
                headers=[["a", "1"], ["cookie", "c=1; d=2"], ["a", "2"], ["cookie", "e=3"]],
                cookies=["c=1", "d=2", "e=3"],
                body='{"n": 1}',
            )
            self.assertEqual(
                {
                    "method": "POST",
                    "path": "/a/한",
                    "headers": {"a": "1,2", "cookie": "c=1; d=2; e=3"},
                    "query": {"x": "1, ", "y": "", "한": " "},
                    "body": {"n": 1},
                    "rawQuery": "x=1&x=%20&y=&%ED%95%9C=+",
                    "cookies": ["c=1", "d=2", "e=3"],
                    "sourceIp": "203.0.113.7",
                },
                json.loads(answer["body"]),
            )
            self.assertEqual([b'{"n": 1}'.hex()], answer["lines"])

    def test_bodies_of_all_kinds(self):
        deep = "[" * 300 + "]" * 300
        with Function(self.SOURCE) as function:
            for sent, body, is_base64 in [
                ("", {}, False),
                ("text", "text", False),
                ('"text"', "text", False),
                ("null", None, False),
                ("0", 0, False),
                ("[]", [], False),
                ("NaN", "NaN", False),
                ("한", "한", False),
                ("\ufeff{}", {}, False),
                ("\ufefftext", "text", False),
                ("9" * 310, int("9" * 310), False),
                ("9" * 5000, "9" * 5000, False),
                (deep, json.loads(deep), False),
                ("[" * 100_000 + "]" * 100_000, "[" * 100_000 + "]" * 100_000, False),
                (b"\xff\x00", "/wA=", True),
            ]:
                raw = sent if isinstance(sent, bytes) else sent.encode()
                event = {"body": base64.b64encode(raw).decode(), "isBase64": True} if sent is raw else {"body": sent}
                answer = function.call(**event)
                value = json.loads(answer["body"])
                self.assertEqual((body, is_base64), (value["body"], value.get("isBase64Encoded", False)), sent[:20])
                self.assertEqual([raw.hex()[-131071:]], answer["lines"][-1:])

    def test_a_number_beyond_floats_is_infinity(self):
        with Function("def handler(event, context):\n    return str(event['body'])\n") as function:
            self.assertEqual("inf", function.call(body="1e309")["body"])

    def test_the_context_is_lambdas(self):
        source = "def handler(event, context):\n    return [context.aws_request_id, context.get_remaining_time_in_millis() > 0]\n"
        for client in "local", *(["aws"] if aws_client() else []):
            with Function(source, client=client) as function:
                self.assertEqual(["request-1", True], function.value())


class Handlers(unittest.TestCase):
    def test_whatever_can_be_called(self):
        for source, entry_point in [
            ("def handler(event, context): return 1", None),
            ("handler = lambda event, context: 1", None),
            ("async def handler(event, context): return 1", None),
            ("class H:\n    def __call__(self, event, context): return 1\nhandler = H()", None),
            ("class H:\n    async def __call__(self, event, context): return 1\nhandler = H()", None),
            ("import functools\ndef h(n, event, context): return n\nhandler = functools.partial(h, 1)", None),
            ("async def h(): return 1\ndef handler(event, context): return h()", None),
            ("import asyncio\ndef handler(event, context): return asyncio.run(h())\nasync def h(): return 1", None),
            ("import asyncio\nloop = asyncio.get_event_loop()\ndef handler(event, context): return loop.run_until_complete(h())\nasync def h(): return 1", None),
            ("class A:\n    def __await__(self):\n        return 1\n        yield\ndef handler(event, context): return A()", None),
            ("def other(event, context): return 1", "other"),
        ]:
            with self.subTest(source), Function(source, entry_point=entry_point) as function:
                for _ in range(3):
                    self.assertEqual(1, function.value())

    def test_an_async_generator_gives_a_list(self):
        source = "async def handler(event, context):\n    yield 1\n    yield 'two'\n"
        with Function(source) as function:
            self.assertEqual([1, "two"], function.value())

    def test_tasks_go_on_in_the_next_execution(self):
        source = """
            import asyncio
            tasks, loops = [], set()
            async def late():
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                print("late")
            async def handler(event, context):
                loops.add(asyncio.get_running_loop())
                if not tasks:
                    tasks.append(asyncio.create_task(late()))
                    return "begun"
                await tasks[0]
                return len(loops)
            """
        with Function(source) as function:
            first = function.call()
            self.assertEqual(("begun", []), (first["body"], first["lines"]))
            second = function.call()
            self.assertEqual(("1", ["late"]), (second["body"], second["lines"]))

    def test_all_ways_to_run_coroutines_beside_each_other(self):
        source = """
            import asyncio
            async def answer(): return 1
            def handler(event, context):
                how = event["rawQuery"]
                if how == "run":
                    return asyncio.run(answer())
                if how == "new":
                    loop = asyncio.new_event_loop()
                    try:
                        return loop.run_until_complete(answer())
                    finally:
                        loop.close()
                if how == "close":
                    asyncio.get_event_loop_policy().get_event_loop().close()
                    return 1
                return answer()
            """
        with Function(source) as function:
            for how in ["", "run", "", "new", "run", "", ""]:
                self.assertEqual(1, function.value(rawQuery=how))
        with Function(source) as function:
            for how in ["", "close", "", "run", ""]:
                self.assertEqual(1, function.value(rawQuery=how))

    def test_warnings_as_errors_break_nothing(self):
        source = "async def handler(event, context):\n    return 1\n"
        with Function(source, options=["-W", "error"]) as function:
            self.assertEqual(1, function.value())


class Names(unittest.TestCase):
    """Files and packages of the user that have names of others."""

    def test_none_is_met_by_the_adapter(self):
        names = "answer background entry execution forms logs output process reply request tail tasks usage loader"
        names += " email tokenize asyncio ctypes socket _socket http urllib select resource fcntl queue signal _faas_adapter"
        files = {f"{name}.py": f"MINE = {name!r}\n" for name in names.split()}
        already = "json logging traceback base64 re threading time os sys select resource fcntl _socket _faas_adapter tokenize"
        already += " http email socket urllib signal queue"
        source = """
            import importlib, os
            NAMES = %r
            MINE = [n for n in NAMES if getattr(importlib.import_module(n), "MINE", "") == n]
            async def answer():
                import sys
                return len([n for n in NAMES if getattr(sys.modules[n], "MINE", "") == n])
            def handler(event, context):
                os.system("echo child")
                print(set(NAMES) - set(MINE) - set(%r))
                if event["path"] == "/raise":
                    1 / 0
                if event["path"] == "/exit":
                    os._exit(3)
                if event["path"] == "/slow":
                    while True: pass
                return answer() if event["path"] == "/async" else len(MINE)
            """ % (names.split(), already.split())
        with Function(source, files=files) as function:
            mine = function.value()
            self.assertGreaterEqual(mine, 15)
            self.assertEqual(mine, function.value(path="/async"))
            answer = function.call(path="/raise")
            self.assertEqual(["child", "set()"], answer["lines"][:2])
            self.assertEqual("ZeroDivisionError: division by zero", answer["lines"][-1])
            self.assertEqual("    1 / 0", answer["lines"][4])
            self.assertEqual(mine, function.value(rawQuery="a=%20"))
            self.assertEqual("timeout", function.call(path="/slow", timeout=2)["outcome"])
        with Function(source, files=files) as function:
            self.assertEqual(["child", "set()"], function.call(path="/exit")["lines"])

    def test_the_folder_and_the_path_are_the_users(self):
        source = """
            import os, sys, other, package.module
            here = os.path.dirname(os.path.abspath(__file__))
            assert os.getcwd() == here == sys.path[0] and os.path.dirname(here) not in sys.path and "" not in sys.path
            assert open("data.txt").read() == "data"
            def handler(event, context):
                import later
                return [__name__, other.n, package.module.n, later.n]
            """
        files = {"other.py": "n = 1", "package/module.py": "n = 2", "later.py": "n = 3", "data.txt": "data"}
        for client in "local", *(["aws"] if aws_client() else []):
            with Function(source, files=files, client=client) as function:
                self.assertEqual(["function", 1, 2, 3], function.value())


@unittest.skipUnless(aws_client(), "AWS's client isn't here")
class ClientOfAws(unittest.TestCase):
    def test_answers_pass_as_they_are(self):
        with Function("def handler(event, context):\n    return event['body'] * 983_333\n", client="aws") as function:
            function.send(body="한é")
            payload = function.answer()
            self.assertEqual("한é" * 983_333, json.loads(payload)["body"])
            self.assertLess(len(payload), 6_291_556)

    def test_output_errors_and_endings(self):
        source = """
            import os, subprocess, sys, time
            def handler(event, context):
                print("a"); os.system("echo b"); print("c", file=sys.stderr)
                if event["path"] == "/raise":
                    raise SystemExit(1)
                if event["path"] == "/exit":
                    os._exit(3)
                if event["path"] == "/slow":
                    time.sleep(600)
            """
        with Function(source, client="aws") as function:
            self.assertEqual(["a", "b", "c"], function.lines())
            self.assertEqual(["a", "b", "c", "Traceback (most recent call last):"], function.lines(path="/raise")[:4])
            self.assertEqual(["a", "b", "c", "the function was stopped here:"], function.lines(path="/slow", timeout=2)[:4])
            self.assertEqual(1, function.ended())
        with Function(source, client="aws") as function:
            self.assertEqual(["a", "b", "c"], function.lines(path="/exit"))
            self.assertEqual(3, function.ended())


if __name__ == "__main__":
    unittest.main()
