import json
import unittest

from harness import Ended, Function


class Raised(unittest.TestCase):
    def failure(self, source, outcome="raised", **options):
        """The lines of a function that fails in this way, in its first execution and its second."""
        with Function(source, **options) as function:
            first, second = function.call(), function.call()
            self.assertEqual(outcome, first["outcome"], first)
            self.assertEqual(outcome, second["outcome"], second)
            for name in "status", "headers", "encoding", "body":
                self.assertNotIn(name, first)
            return [line.replace(function.folder, "") for line in first["lines"]]

    def test_a_traceback_has_the_functions_frames_only(self):
        source = "def inner():\n    raise ValueError('x')\n\ndef handler(event, context):\n    print('a', end='')\n    inner()\n"
        lines = self.failure(source)
        self.assertEqual(["a", "Traceback (most recent call last):"], lines[:2])
        frames = [line.split(",")[1:] for line in lines if line.startswith("  File")]
        self.assertEqual([[" line 6", " in handler"], [" line 2", " in inner"]], frames)
        self.assertIn('  File "/code/function.py", line 6, in handler', lines)
        self.assertEqual("ValueError: x", lines[-1])

    def test_causes_and_groups_are_told(self):
        source = """
            def handler(event, context):
                try:
                    {}["key"]
                except KeyError as error:
                    raise ExceptionGroup("several", [ValueError(1), TypeError(2)]) from error
            """
        text = "\n".join(self.failure(source))
        for part in "KeyError: 'key'", "direct cause", "ExceptionGroup: several", "ValueError: 1", "TypeError: 2":
            self.assertIn(part, text)

    def test_a_traceback_of_async_code_has_no_event_loop(self):
        source = "import asyncio\nasync def inner():\n    await asyncio.sleep(0)\n    1 / 0\nasync def handler(e, c):\n    await inner()\n"
        frames = [line for line in self.failure(source) if line.startswith("  File")]
        self.assertEqual(['  File "/code/function.py", line 6, in handler', '  File "/code/function.py", line 4, in inner'], frames)

    def test_everything_that_can_be_raised_is_caught(self):
        for raising, last in {
            "raise SystemExit(3)": "SystemExit: 3",
            "sys.exit()": "SystemExit",
            "exit(1)": "SystemExit: 1",
            "quit()": "SystemExit: None",
            "raise KeyboardInterrupt": "KeyboardInterrupt",
            "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)": "KeyboardInterrupt",
            "raise BaseException('base')": "BaseException: base",
            "raise GeneratorExit": "GeneratorExit",
            "raise StopIteration": "StopIteration",
            "asyncio.run(asyncio.wait_for(asyncio.sleep(60), 0.001))": "TimeoutError",
            "raise asyncio.CancelledError": "asyncio.exceptions.CancelledError",
            "handler(event, context)": "RecursionError: maximum recursion depth exceeded",
            "raise Evil": "function.Evil: <exception str() failed>",
        }.items():
            source = f"""
                import asyncio, os, signal, sys, time
                class Evil(Exception):
                    def __str__(self):
                        raise SystemExit("again")
                def handler(event, context):
                    {raising}
                """
            with self.subTest(raising):
                self.assertTrue(self.failure(source)[-1].startswith(last), last)

    def test_wrong_parameters_are_told_without_frames(self):
        lines = self.failure("def handler(): pass\n")
        self.assertEqual(["TypeError: handler() takes 0 positional arguments but 2 were given"], lines)

    def test_memory_is_an_outcome_of_its_own(self):
        source = "def handler(event, context):\n    raise MemoryError\n"
        self.assertEqual("MemoryError", self.failure(source, "memory")[-1])
        source = "def handler(event, context):\n    return bytes(1 << 60)\n"
        self.failure(source, "memory")
        self.failure("x = bytes(1 << 60)\n", "memory")
        source = """
            import resource
            def handler(event, context):
                pages = int(open("/proc/self/statm").read().split()[0])
                resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 30_000_000, -1))
                kept = []
                while True:
                    kept.append(bytes(100_000))
            """
        self.failure(source, "memory")

    def test_descriptors_may_be_used_up(self):
        source = """
            import os, resource, sys, time
            resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
            def handler(event, context):
                print("printed")
                files = []
                try:
                    while True:
                        files.append(open("/dev/null"))
                except OSError:
                    if event["path"] == "/raise":
                        raise
                    if event["path"] == "/exit":
                        os._exit(3)
                    if event["path"] == "/slow":
                        time.sleep(600)
            """
        with Function(source) as function:
            self.assertEqual("returned", function.call()["outcome"])
            answer = function.call(path="/raise")
            self.assertEqual("raised", answer["outcome"])
            self.assertTrue(answer["lines"][1].startswith("OSError, without a traceback"), answer)
            self.assertEqual(["printed"], function.lines())
            answer = function.call(path="/slow", timeout=3)
            self.assertEqual(("timeout", "printed"), (answer["outcome"], answer["lines"][0]))
            self.assertIn("    time.sleep(600)", answer["lines"])
        with Function(source) as function:
            function.send(path="/exit")
            with self.assertRaises(Ended) as raised:
                function.answer()
            self.assertEqual((3, "printed\n"), raised.exception.args)

    def test_a_function_goes_on_after_it_failed(self):
        source = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return 1 / (n - 2)\n"
        with Function(source) as function:
            self.assertEqual([-1.0, "raised", 1.0], [function.value(), function.call()["outcome"], function.value()])


class Unloadable(unittest.TestCase):
    failure = Raised.failure

    def test_a_missing_handler_is_told(self):
        sentence = "there is no `def handler(event, context)` in the function"
        for source in "", "handler = 3\n", "Handler = print\n":
            self.assertEqual([sentence], self.failure(source, "unloadable"))
        sentence = "there is no `def main(event, context)` in the function"
        self.assertEqual([sentence], self.failure("def handler(e, c): pass", "unloadable", entry_point="main"))

    def test_errors_of_importing_are_told_each_time(self):
        lines = self.failure("print('imported')\nimport missing_module\n", "unloadable")
        self.assertEqual("imported", lines[0])
        self.assertEqual(["  File \"/code/function.py\", line 2, in <module>"], [l for l in lines if l.startswith("  File")])
        self.assertEqual("ModuleNotFoundError: No module named 'missing_module'", lines[-1])
        lines = self.failure("def handler(:\n", "unloadable")
        self.assertEqual('  File "/code/function.py", line 1', lines[0])
        self.assertEqual("SyntaxError: invalid syntax", lines[-1])
        self.assertEqual("SystemExit: 4", self.failure("import sys\nsys.exit(4)\n", "unloadable")[-1])
        lines = self.failure("import other\n", "unloadable", files={"other.py": "1 / 0\n"})
        self.assertEqual(["/code/function.py", "/code/other.py"], [l.split('"')[1] for l in lines if l.startswith("  File")])

    def test_importing_is_tried_again(self):
        source = "import os\nif not os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/go'):\n    1 / 0\ndef handler(e, c):\n    return 1\n"
        with Function(source) as function:
            self.assertEqual("unloadable", function.call()["outcome"])
            function.touch("go")
            self.assertEqual(1, function.value())

    def test_what_importing_prints_is_in_the_first_log(self):
        with Function("print('importing')\ndef handler(e, c):\n    print('called')\n") as function:
            self.assertEqual(["importing", "called"], function.lines())
            self.assertEqual(["called"], function.lines())


class Unusable(unittest.TestCase):
    def test_the_reason_is_for_the_caller_and_the_detail_for_the_log(self):
        with Function("def handler(event, context):\n    return {1, 2}\n") as function:
            answer = function.call()
            self.assertEqual("unusable", answer["outcome"])
            self.assertEqual("the function returned a value that is not JSON", answer["reason"])
            self.assertEqual([answer["reason"] + ": Object of type set is not JSON serializable"], answer["lines"])

    def test_too_much_is_refused(self):
        with Function("def handler(event, context):\n    return 'x' * 5_900_001\n") as function:
            self.assertEqual("the function returned more than an answer can carry, 6 MB", function.call()["reason"])

    def test_the_largest_answers_pass(self):
        for size, value in (983_333 * 6, "'가' * (983_333 * 2)"), (4_424_000, "bytes(4_424_000)"):
            with Function(f"def handler(event, context):\n    return {value}\n") as function:
                function.send()
                payload = function.answer()
                self.assertLess(len(payload), 6_291_556)
                self.assertNotIn(b"\\u", payload)
                self.assertEqual("returned", json.loads(payload)["outcome"], size)

    def test_looking_at_a_reply_may_run_the_users_code(self):
        source = """
            class Evil(dict):
                def items(self):
                    raise SystemExit("looked at")
            def handler(event, context):
                return {"statusCode": 200, "headers": Evil(a=1)}
            """
        with Function(source) as function:
            answer = function.call()
            self.assertEqual(("raised", "SystemExit: looked at"), (answer["outcome"], answer["lines"][-1]))


class ForkedChildren(unittest.TestCase):
    def test_a_child_never_answers(self):
        for leaving, status, lines in [
            ("return 1", 0, []),
            ("sys.exit(5)", 5, []),
            ("sys.exit()", 0, []),
            ("sys.exit('sentence')", 1, ["sentence"]),
            ("raise ValueError('x')", 1, ["ValueError: x"]),
            ("os._exit(7)", 7, []),
            ("os.kill(os.getpid(), 9)", -9, []),
            ("os.abort()", -6, []),
            ("signal.raise_signal(15)", -15, []),
            ("os.execvp('sh', ['sh', '-c', 'echo program; exit 4'])", 4, ["program"]),
            ("raise MemoryError", 1, ["MemoryError"]),
        ]:
            source = f"""
                import os, signal, sys
                def handler(event, context):
                    pid = os.fork()
                    if pid == 0:
                        {leaving}
                    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    return status
                """
            with self.subTest(leaving), Function(source) as function:
                for _ in range(2):
                    answer = function.call()
                    self.assertEqual(str(status), answer["body"])
                    self.assertEqual(lines, answer["lines"][-len(lines) :] if lines else answer["lines"])

    def test_a_child_may_go_on_after_its_parent_answered(self):
        source = """
            import os, time
            def handler(event, context):
                if event["path"] == "/fork" and os.fork() == 0:
                    while not os.path.exists(os.environ["LAMBDA_TASK_ROOT"] + "/go"):
                        time.sleep(0.01)
                    print("child")
                    open(os.environ["LAMBDA_TASK_ROOT"] + "/gone", "w").close()
                return 1
            """
        with Function(source) as function:
            self.assertEqual([], function.lines(path="/fork"))
            function.touch("go")
            function.wait_for("gone")
            self.assertEqual(["child"], function.lines())


class Endings(unittest.TestCase):
    """Of the process, by the function."""

    def ending(self, source, status, **options):
        with Function(source, **options) as function:
            answer = function.call()
            self.assertEqual("exited", answer["outcome"], answer)
            self.assertEqual(status, function.ended())
            self.assertRaises(Ended, function.answer)
            return answer["lines"]

    def test_all_that_was_printed_is_in_the_answer(self):
        for ending, status in [
            ("os._exit(3)", 3),
            ("os._exit(status=True)", 1),
            ("os.abort()", -6),
            ("os.kill(os.getpid(), signal.SIGKILL)", -9),
            ("os.kill(os.getpid(), signal.SIGTERM)", -15),
            ("os.kill(0, signal.SIGTERM)", -15),
            ("os.killpg(os.getpgrp(), signal.SIGHUP)", -1),
            ("signal.raise_signal(signal.SIGUSR1)", -10),
            ("os.kill(os.getpid(), signal.SIGSEGV)", -11),
            ("signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), 2)", -2),
            ("threading.Thread(target=os._exit, args=(4,)).start(); time.sleep(60)", 4),
            ("signal.signal(signal.SIGALRM, lambda *_: os._exit(5)); signal.alarm(1); time.sleep(60)", 5),
        ]:
            source = f"""
                import os, signal, threading, time
                def handler(event, context):
                    os.system("echo child")
                    for n in range(2000):
                        print("line", n)
                    {ending}
                """
            with self.subTest(ending):
                lines = self.ending(source, status)
                self.assertEqual(["child", *(f"line {n}" for n in range(2000))], lines)

    def test_it_may_end_while_it_is_imported(self):
        self.assertEqual(["importing"], self.ending("import os\nprint('importing')\nos._exit(3)\n", 3))

    def test_harmless_signals_answer_nothing(self):
        source = """
            import os, signal
            def handler(event, context):
                for signum in (0, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH, signal.SIGPIPE):
                    os.kill(os.getpid(), signum)
                signal.signal(signal.SIGTERM, lambda *_: print("handled"))
                os.kill(os.getpid(), signal.SIGTERM)
                signal.raise_signal(signal.SIGTERM)
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
                os.kill(os.getpid(), signal.SIGUSR1)
                child = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "60")
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                for wrong in ("x",), (1.5,), (), (1, 2):
                    for call in os._exit, signal.raise_signal:
                        try:
                            call(*wrong)
                        except TypeError:
                            pass
                for call, arguments in (os.kill, (os.getpid(), 9999)), (os.kill, (99999999, 9)):
                    try:
                        call(*arguments)
                    except OSError as error:
                        print(type(error).__name__)
                return os._exit.__name__, os.kill.__name__
            """
        with Function(source) as function:
            answer = function.call()
            self.assertEqual('["_exit","kill"]', answer.get("body"), answer)
            self.assertEqual(["handled", "handled", "OSError", "ProcessLookupError"], answer["lines"])

    def test_it_may_end_between_two_executions(self):
        source = """
            import os, threading, time
            def end():
                while not os.path.exists(os.environ["LAMBDA_TASK_ROOT"] + "/go"):
                    time.sleep(0.01)
                os._exit(6)
            def handler(event, context):
                threading.Thread(target=end).start()
            """
        with Function(source) as function:
            self.assertEqual("returned", function.call()["outcome"])
            function.touch("go")
            self.assertEqual(6, function.ended())

    def test_a_program_that_takes_the_process_over_prints_to_lambda(self):
        source = """
            import os
            def handler(event, context):
                print("before")
                try:
                    os.execv("/missing", ["missing"])
                except FileNotFoundError:
                    os.system("echo it goes on")
                if event["path"] == "/":
                    os.execlp("sh", "sh", "-c", "echo after; echo error >&2; exit 3")
            """
        with Function(source) as function:
            self.assertEqual(["before", "it goes on"], function.lines(path="/no"))
            self.assertEqual(["before", "it goes on"], function.lines(path="/no"))
            function.send()
            with self.assertRaises(Ended) as raised:
                function.answer()
            self.assertEqual(3, raised.exception.args[0])
            self.assertTrue(function.printed().endswith("before\nit goes on\nafter\nerror\n"))

    def test_a_crash_report_is_passed_on(self):
        for enabling, variables in ("faulthandler.enable()", {}), ("", {"PYTHONFAULTHANDLER": "1"}):
            source = f"""
                import ctypes, faulthandler, sys
                def handler(event, context):
                    print("printed")
                    {enabling}
                    faulthandler.is_enabled() and ctypes.string_at(0)
                """
            with self.subTest(enabling), Function(source, variables=variables) as function:
                function.send()
                with self.assertRaises(Ended) as raised:
                    function.answer()
                self.assertEqual(-11, raised.exception.args[0])
                self.assertIn("printed\nFatal Python error: Segmentation fault", function.printed())

    def test_a_traceback_before_an_exit_is_passed_on(self):
        source = """
            import faulthandler, sys, time
            def handler(event, context):
                faulthandler.dump_traceback_later(0.05, exit=True)
                time.sleep(60)
            """
        with Function(source) as function:
            function.send()
            with self.assertRaises(Ended):
                function.answer()
            self.assertIn("Timeout (0:00:00.05", function.printed())
            self.assertIn("in handler", function.printed())


class Timeouts(unittest.TestCase):
    def stopped(self, source, **event):
        with Function(source) as function:
            answer = function.call(**event)
            self.assertEqual("timeout", answer["outcome"], answer)
            self.assertEqual(1, function.ended())
            self.assertRaises(Ended, function.answer)
            return [line.replace(function.folder, "") for line in answer["lines"]]

    def test_all_that_was_printed_is_there_and_where_it_stood(self):
        source = """
            import os, time
            def wait():
                time.sleep(600)
            def handler(event, context):
                for n in range(3000):
                    print("line", n)
                os.system("printf 'half a line'")
                wait()
            """
        lines = self.stopped(source, timeout=2)
        self.assertEqual([f"line {n}" for n in range(3000)] + ["half a line", "the function was stopped here:"], lines[:3002])
        self.assertEqual(
            ['  File "/code/function.py", line 9, in handler', '  File "/code/function.py", line 4, in wait'],
            [line for line in lines if line.startswith("  File")],
        )
        self.assertEqual("    time.sleep(600)", lines[-1])

    def test_whatever_the_function_does(self):
        for doing in [
            "time.sleep(600)",
            "while True: pass",
            "while True: print('x')",
            "while True: os.write(1, b'x' * 1000)",
            "subprocess.run(['yes'])",
            "os.system('sleep 600')",
            "threading.Event().wait()",
            "threading.Lock().acquire(timeout=600); [].append(threading.Thread(target=time.sleep, args=(600,)).start()); time.sleep(600)",
            "signal.pause()",
            "asyncio.run(asyncio.sleep(600))",
            "os.closerange(3, 100); time.sleep(600)",
            "os.close(1); os.close(2); time.sleep(600)",
            "sys.stdout.close(); time.sleep(600)",
            "sys.stdout.buffer._output._lock.acquire(); time.sleep(600)",
        ]:
            source = f"""
                import asyncio, os, signal, subprocess, sys, threading, time
                def handler(event, context):
                    {doing}
                """
            with self.subTest(doing):
                lines = self.stopped(source, timeout=2)
                self.assertIn("in handler", "\n".join(lines[-60:]))

    def test_an_async_handler_stands_where_it_awaits(self):
        source = """
            import asyncio
            async def wait():
                await asyncio.sleep(600)
            async def handler(event, context):
                await wait()
            """
        lines = self.stopped(source, timeout=2)
        self.assertEqual("the function was stopped here:", lines[0])
        self.assertIn('  File "/code/function.py", line 6, in handler', lines)
        self.assertIn('  File "/code/function.py", line 4, in wait', lines)

    def test_an_async_handler_that_does_not_await_stands_where_it_is(self):
        source = """
            import asyncio, time
            def work():
                time.sleep(600)
            async def task():
                work()
            async def handler(event, context):
                if event["path"] == "/task":
                    await asyncio.create_task(task())
                work()
            """
        for path, frame in ("/", "line 10, in handler"), ("/task", "line 6, in task"):
            lines = self.stopped(source, timeout=2, path=path)
            frames = [line for line in lines if line.startswith("  File")]
            self.assertEqual([f'  File "/code/function.py", {frame}', '  File "/code/function.py", line 4, in work'], frames)

    def test_importing_counts(self):
        lines = self.stopped("import time\nprint('importing')\ntime.sleep(600)\n", timeout=2)
        self.assertEqual(["importing", "the function was stopped here:"], lines[:2])
        self.assertIn('  File "/code/function.py", line 3, in <module>', lines)

    def test_lambdas_own_limit_counts_if_it_is_earlier(self):
        self.stopped("import time\ndef handler(e, c):\n    time.sleep(600)\n", timeout=900, limit=1)

    def test_flushing_a_stream_of_the_user_counts(self):
        source = """
            import sys, time
            class Slow:
                def flush(self):
                    time.sleep(600)
            def handler(event, context):
                sys.stdout = Slow()
            """
        self.stopped(source, timeout=2)

    def test_only_the_execution_at_hand_is_stopped(self):
        source = """
            import time
            def handler(event, context):
                time.sleep(float(event["rawQuery"] or 0))
                return event["rawQuery"]
            """
        with Function(source) as function:
            # Each is short, together they are longer than the limit of any.
            for _ in range(6):
                self.assertEqual("0.4", function.call(rawQuery="0.4", timeout=60)["body"])
                self.assertEqual("", function.call(timeout=2)["body"])
            # A shorter limit after a longer one.
            self.assertEqual("timeout", function.call(rawQuery="600", timeout=0.3)["outcome"])

    def test_one_answer_at_the_very_limit(self):
        source = "import time\ndef handler(event, context):\n    time.sleep(float(event['rawQuery']))\n"
        outcomes = []
        for step in range(12):
            with Function(source) as function:
                outcome = function.call(rawQuery=str(0.194 + step / 1000), timeout=0.2)["outcome"]
                outcomes.append(outcome)
                if outcome == "timeout":
                    self.assertRaises(Ended, function.answer)
                else:
                    self.assertEqual("returned", function.call(rawQuery="0")["outcome"])
        self.assertLessEqual(set(outcomes), {"timeout", "returned"})

    def test_an_exit_at_the_very_limit(self):
        source = "import os, time\ndef handler(event, context):\n    time.sleep(float(event['rawQuery']))\n    os._exit(3)\n"
        for step in range(8):
            with Function(source) as function:
                outcome = function.call(rawQuery=str(0.196 + step / 1000), timeout=0.2)["outcome"]
                self.assertIn(outcome, ("timeout", "exited"))
                self.assertEqual(1 if outcome == "timeout" else 3, function.ended())
                self.assertRaises(Ended, function.answer)


if __name__ == "__main__":
    unittest.main()
