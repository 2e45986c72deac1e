"""What a cold start costs, counted: a zip has no bytecode, so each module's source is compiled by every new process."""

import unittest

from harness import Function

SOURCE = """
    import os, sys

    def handler(event, context):
        own = {name: module.__file__ for name, module in sys.modules.items() if name.startswith("_faas_adapter")}
        return {"modules": sorted(own), "bytes": sum(map(os.path.getsize, own.values())), "all": sorted(sys.modules)}
"""


class Start(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with Function(SOURCE) as function:
            function.call()
            # With what the first call's own answer has imported.
            cls.found = function.value()

    def test_a_native_function_compiles_little_of_the_adapter(self):
        self.assertLessEqual(len(self.found["modules"]), 17, self.found["modules"])
        self.assertLessEqual(self.found["bytes"], 42_000, self.found["modules"])

    def test_what_few_functions_need_is_not_imported(self):
        rare = {"failures", "tracebacks", "leaving", "crash_reports", "tasks", "runtime_api", "descendants", "main_file"}
        self.assertEqual(set(), {f"_faas_adapter.{name}" for name in rare} & set(self.found["modules"]))
        self.assertEqual(set(), {"asyncio", "ctypes", "inspect"} & set(self.found["all"]))


if __name__ == "__main__":
    unittest.main()
