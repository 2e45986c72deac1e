import unittest

from harness import Function


class Output(unittest.TestCase):
    def lines(self, body, **options):
        """The log of a handler with this body."""
        source = "import os, subprocess, sys, threading, io, time\ndef handler(event, context):\n"
        source += "".join(f"    {line}\n" for line in body.splitlines())
        with Function(source, **options) as function:
            answer = function.call()
            self.assertEqual("returned", answer["outcome"], answer)
            return answer["lines"]

    def test_order_is_kept_between_all_ways_to_print(self):
        body = """
import ctypes, faulthandler
for n in range(30):
    print(n, "print")
    print(n, "error", file=sys.stderr)
    os.write(1, f"{n} write 1\\n".encode())
    os.write(2, f"{n} write 2\\n".encode())
    os.system(f"echo {n} system; echo {n} system error >&2")
    subprocess.run(["echo", f"{n} child"])
    sys.stdout.write(f"{n} stdout\\n")
    sys.stdout.buffer.write(f"{n} buffer\\n".encode())
    sys.__stderr__.write(f"{n} original\\n")
    ctypes.CDLL(None).write(1, f"{n} C\\n".encode(), len(f"{n} C\\n"))
    with open(1, "w", closefd=False) as again:
        print(n, "opened", file=again)
    pid = os.fork()
    if pid == 0:
        print(n, "fork")
        os._exit(0)
    os.waitpid(pid, 0)
"""
        ways = ["print", "error", "write 1", "write 2", "system", "system error", "child", "stdout", "buffer"]
        ways += ["original", "C", "opened", "fork"]
        self.assertEqual([f"{n} {way}" for n in range(30) for way in ways], self.lines(body))

    def test_buffered_output_of_C_is_there(self):
        self.assertEqual(["from C"], self.lines("import ctypes\nctypes.CDLL(None).printf(b'from C\\n')"))

    def test_faulthandler_prints_into_the_log(self):
        lines = self.lines("import faulthandler\nfaulthandler.dump_traceback()\nprint('after')")
        self.assertIn("most recent call first", lines[0])
        self.assertEqual("after", lines[-1])

    def test_children_inherit_only_the_standard_descriptors(self):
        lines = self.lines("subprocess.run(['ls', '/proc/self/fd'], close_fds=False)")
        # The fourth is the folder that `ls` reads.
        self.assertEqual(["0", "1", "2", "3"], lines)

    def test_streams_are_real_text_streams(self):
        body = """
for stream, number in (sys.stdout, 1), (sys.stderr, 2):
    assert isinstance(stream, io.TextIOBase), stream
    assert stream.fileno() == stream.buffer.fileno() == number
    assert not stream.closed and not stream.isatty() and stream.writable() and not stream.readable()
    assert not stream.seekable() and stream.encoding == "utf-8" and stream.errors == "backslashreplace"
    assert stream.mode == "w" and stream.buffer.mode == "wb", (stream.mode, stream.buffer.mode)
    assert stream.name == stream.buffer.name, stream.name
    stream.reconfigure(line_buffering=True, encoding="utf-8", errors="strict")
    for wrong in "text", 5, None:
        try:
            stream.buffer.write(wrong)
        except TypeError:
            pass
        else:
            assert False
    try:
        stream.write(b"bytes")
    except TypeError:
        pass
    else:
        assert False
assert sys.stdout is sys.__stdout__ and sys.stderr is sys.__stderr__
assert sys.stdout.buffer.write(memoryview(b"one\\n")) == 4
assert sys.stdout.write("두\\n") == 2
sys.stdout.writelines(["a\\n", "b\\n"])
wrapper = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
wrapper.write("wrapped\\n")
wrapper.flush()
wrapper.detach()
print("end", end="")
"""
        self.assertEqual(["one", "두", "a", "b", "wrapped", "end"], self.lines(body))

    def test_text_that_utf_8_lacks_is_escaped(self):
        body = "print('\\ud800')\nos.write(1, b'\\xff\\n')\nsys.stdout.buffer.write(b'\\xe2\\x82\\n')"
        self.assertEqual(["\\ud800", "\\xff", "\\xe2\\x82"], self.lines(body))

    def test_returns_before_line_breaks_belong_to_them(self):
        self.assertEqual(["a", "b", "", "c\rd"], self.lines("print('a\\r\\nb\\n\\nc\\rd', end='')"))

    def test_a_character_may_be_written_in_pieces(self):
        self.assertEqual(["한"], self.lines("for byte in '한'.encode():\n    os.write(1, bytes([byte]))"))

    def test_the_last_128_KiB_are_kept(self):
        for printing in "print(text, end='')", "os.write(1, text.encode())", "subprocess.run(['cat', name])":
            body = "text = '한' * 100_000 + 'x' * 1000\nname = '/tmp/' + str(os.getpid())\n"
            body += "with open(name, 'w') as file:\n    file.write(text)\n" + printing + "\nos.unlink(name)"
            first, second = self.lines(body)
            self.assertEqual("한" * ((128 * 1024 - 1000) // 3) + "x" * 1000, second)
            self.assertEqual(f"[truncated: {101_000 - len(second)} characters before this]", first)

    def test_endless_output_of_a_child_neither_blocks_nor_grows(self):
        source = "import subprocess\ndef handler(event, context):\n"
        source += "    global child\n    child = subprocess.Popen(['yes', 'x' * 50])\n"
        with Function(source) as function:
            for _ in range(5):
                answer = function.call()
                self.assertLess(answer["maxMemory"], 60)
                self.assertLessEqual(len("\n".join(answer["lines"][1:])), 128 * 1024)

    def test_what_comes_after_the_return_stands_in_the_next_log(self):
        source = """
            import os, subprocess, threading, time
            ROOT = os.environ["LAMBDA_TASK_ROOT"]
            def late():
                while not os.path.exists(ROOT + "/go"):
                    time.sleep(0.01)
                print("thread")
                os.system("echo its child")
                open(ROOT + "/gone", "w").close()
            def handler(event, context):
                if event["path"] == "/start":
                    threading.Thread(target=late).start()
                print(event["path"])
            """
        with Function(source) as function:
            self.assertEqual(["/start"], function.lines(path="/start"))
            function.touch("go")
            function.wait_for("gone")
            self.assertEqual(["thread", "its child", "/next"], function.lines(path="/next"))
            self.assertEqual(["/third"], function.lines(path="/third"))

    def test_a_child_that_is_left_goes_on_in_the_next_log(self):
        source = """
            import os, subprocess
            def handler(event, context):
                if event["path"] == "/start":
                    command = 'while [ ! -e "$0/go" ]; do sleep 0.01; done; echo child; touch "$0/gone"'
                    subprocess.Popen(["sh", "-c", command, os.environ["LAMBDA_TASK_ROOT"]])
            """
        with Function(source) as function:
            self.assertEqual([], function.lines(path="/start"))
            function.touch("go")
            function.wait_for("gone")
            self.assertEqual(["child"], function.lines(path="/next"))

    def test_output_is_passed_on_at_once(self):
        source = """
            import os, time
            def handler(event, context):
                print("printed", end="")
                os.write(1, b", written")
                while not os.path.exists(os.environ["LAMBDA_TASK_ROOT"] + "/go"):
                    time.sleep(0.01)
            """
        with Function(source) as function:
            function.send()
            function.wait_until_printed("printed, written")
            function.touch("go")
            self.assertIn(b'"printed, written"', function.answer())

    def test_closing_streams_breaks_neither_this_nor_the_next_execution(self):
        closings = [
            "sys.stdout.close(); sys.stderr.close()",
            "sys.stdout.buffer.close(); sys.stderr.buffer.close()",
            "sys.stdout.detach(); sys.stderr.detach()",
            "sys.stdout = sys.stderr = None",
            "sys.__stdout__.close(); sys.__stderr__.close()",
            "del sys.stdout, sys.stderr",
            "os.close(1); os.close(2)",
            "os.closerange(1, 3); sys.stdout.close()",
            "os.closerange(0, 1000)",
            "os.closerange(3, 1000); open('/dev/zero'); open('/dev/zero')",
            "import io; sys.stdout = io.StringIO(); sys.stdout.close()",
            "import io; io.TextIOWrapper(sys.stdout.buffer)",
        ]
        for closing in closings:
            source = f"""
                import os, sys
                def handler(event, context):
                    if event["path"] == "/close":
                        print("before")
                        {closing}
                        return
                    print("print", file=sys.stdout)
                    print("error", file=sys.stderr)
                    print("original", file=sys.__stdout__)
                    os.system("echo system; echo both >&2")
                """
            with self.subTest(closing), Function(source) as function:
                self.assertEqual(["before"], function.lines(path="/close"))
                self.assertEqual(["print", "error", "original", "system", "both"], function.lines())

    def test_no_file_of_the_function_gets_the_output(self):
        source = """
            import os
            def handler(event, context):
                os.closerange(3, 1000)
                files = [open(f"/tmp/{os.getpid()}-{n}", "w+") for n in range(20)]
                print("printed")
                os.system("echo child")
                for file in files:
                    os.unlink(file.name)
                return sum(os.fstat(file.fileno()).st_size for file in files)
            """
        with Function(source) as function:
            for _ in range(2):
                self.assertEqual(0, function.value())
            self.assertEqual(["printed"], function.lines()[:1])

    def test_an_error_after_closing_is_in_the_log(self):
        source = "import sys\ndef handler(event, context):\n    sys.stderr.close()\n    1 / 0\n"
        with Function(source) as function:
            self.assertEqual("ZeroDivisionError: division by zero", function.lines()[-1])

    def test_a_stream_of_the_user_stays(self):
        source = """
            import io, sys
            class Upper:
                def __init__(self, stream):
                    self.stream = stream
                def write(self, text):
                    return self.stream.write(text.upper())
                def flush(self):
                    self.stream.flush()
            sys.stdout = Upper(io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8"))
            def handler(event, context):
                print("held back until it is flushed")
            """
        with Function(source) as function:
            for _ in range(2):
                self.assertEqual(["HELD BACK UNTIL IT IS FLUSHED"], function.lines())

    def test_a_stream_of_the_user_may_fail(self):
        source = """
            import sys
            class Broken:
                def flush(self):
                    raise SystemExit(3)
            sys.stdout = Broken()
            def handler(event, context):
                return 1
            """
        with Function(source) as function:
            self.assertEqual(1, function.value())
            self.assertEqual(1, function.value())

    def test_threads_lose_nothing(self):
        body = """
def work(n):
    for m in range(200):
        (sys.stdout if m % 2 else sys.stderr).write(f"{n} {m}\\n")
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
        lines = self.lines(body)
        self.assertEqual(sorted(f"{n} {m}" for n in range(8) for m in range(200)), sorted(lines))
        self.assertEqual([f"3 {m}" for m in range(200)], [line for line in lines if line.startswith("3 ")])

    def test_a_signal_may_print_amid_printing(self):
        body = """
import signal
count = 0
def ring(*_):
    global count
    count += 1
    print("ring")
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
while count < 50:
    print("text")
signal.setitimer(signal.ITIMER_REAL, 0)
"""
        source = body.replace("global count", "nonlocal count")
        lines = self.lines(source)
        self.assertGreaterEqual("".join(lines).count("ring"), 50)

    def test_forking_while_threads_print(self):
        body = """
stop = False
def work():
    while not stop:
        print("thread")
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for n in range(50):
    pid = os.fork()
    if pid == 0:
        print("child")
        os._exit(7)
    assert os.waitpid(pid, 0)[1] >> 8 == 7
stop = True
for thread in threads: thread.join()
print("done")
"""
        self.assertEqual("done", self.lines(body)[-1])

    def test_only_threads_of_the_function_are_seen(self):
        self.assertEqual(["1"], self.lines("print(threading.active_count())"))

    def test_multiprocessing_prints_into_the_log(self):
        source = """
            import multiprocessing
            def work(n):
                print("child", n)
                return n * n
            def handler(event, context):
                context = multiprocessing.get_context("fork")
                process = context.Process(target=work, args=(3,))
                process.start()
                process.join()
                return process.exitcode
            """
        with Function(source) as function:
            answer = function.call()
            self.assertEqual((["child 3"], "0"), (answer["lines"], answer["body"]))

    def test_descriptors_are_not_used_up(self):
        source = "import os, sys\ndef handler(event, context):\n    sys.stdout.close()\n    return os.listdir('/proc/self/fd')"
        with Function(source) as function:
            first = len(function.value())
            for _ in range(5):
                self.assertEqual(first, len(function.value()))


if __name__ == "__main__":
    unittest.main()
