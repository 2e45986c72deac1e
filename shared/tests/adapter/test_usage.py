import unittest

from harness import Function

BURN = "end = time.process_time() + 0.25\nwhile time.process_time() < end: pass"


class Usage(unittest.TestCase):
    def figures(self, body, calls=1):
        source = "import os, subprocess, sys, threading, time\nBURN = " + repr("import time\n" + BURN) + "\nkept = []\n"
        source += "def handler(event, context):\n" + "".join(f"    {line}\n" for line in body.splitlines())
        with Function(source) as function:
            for _ in range(calls):
                answer = function.call()
            self.assertEqual("returned", answer["outcome"], answer)
            self.assertIsInstance(answer["maxMemory"], int)
            self.assertEqual(round(answer["cpuTime"], 3), answer["cpuTime"])
            return answer["cpuTime"], answer["maxMemory"]

    def test_processor_time_counts_threads_and_children(self):
        for body in [
            BURN,
            "thread = threading.Thread(target=exec, args=(BURN, {}))\nthread.start()\nthread.join()",
            "subprocess.run([sys.executable, '-S', '-c', BURN])",
            "subprocess.run(['sh', '-c', '\"$0\" -S -c \"$1\"; true', sys.executable, BURN])",
            # One that nobody has waited for.
            "child = subprocess.Popen([sys.executable, '-S', '-c', BURN])\nos.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)\nkept.append(child)",
            # A grandchild that still runs.
            "child = subprocess.Popen(['sh', '-c', '\"$0\" -S -c \"$1\"; echo; sleep 600', sys.executable, BURN], stdout=-1)\nchild.stdout.readline()\nkept.append(child)",
        ]:
            with self.subTest(body):
                spent, _ = self.figures(body)
                self.assertGreaterEqual(spent, 240)
                self.assertLess(spent, 1500)

    def test_an_execution_counts_by_itself(self):
        spent, _ = self.figures("if not kept:\n    kept.append(1)\n    subprocess.run([sys.executable, '-S', '-c', BURN])\n    " + BURN.replace("\n", "\n    "), 2)
        self.assertLess(spent, 100)
        spent, _ = self.figures("time.sleep(0.3)", 2)
        self.assertLess(spent, 100)

    def test_memory_is_the_most_of_a_process(self):
        _, base = self.figures("pass")
        self.assertTrue(5 < base < 60, base)
        _, own = self.figures("kept.append(b'1' * 100_000_000)\nkept.clear()")
        self.assertTrue(base + 90 < own < base + 110, (base, own))
        _, child = self.figures("subprocess.run([sys.executable, '-S', '-c', 'x = b\"1\" * 150_000_000'])")
        self.assertTrue(145 < child < 180, child)
        _, living = self.figures("child = subprocess.Popen([sys.executable, '-S', '-c', 'x = b\"1\" * 150_000_000; print(flush=True); import time; time.sleep(600)'], stdout=-1)\nchild.stdout.readline()\nkept.append(child)")
        self.assertTrue(145 < living < 180, living)


if __name__ == "__main__":
    unittest.main()
