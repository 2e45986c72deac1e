import os
import sys
import tempfile
import threading
import types
import unittest

from harness import SOURCE  # which makes the adapter a package

from _faas_adapter import standard


class Modules(unittest.TestCase):
    def test_a_file_of_the_user_is_passed_over(self):
        with tempfile.TemporaryDirectory() as folder:
            open(os.path.join(folder, "colorsys.py"), "w").close()
            sys.path.insert(0, folder)
            sys.modules.pop("colorsys", None)
            try:
                self.assertTrue(hasattr(standard.module("colorsys"), "rgb_to_hsv"))
            finally:
                sys.path.remove(folder)
                del sys.modules["colorsys"]

    def test_a_module_of_the_user_stays_where_it_is(self):
        mine = types.ModuleType("wave")
        mine.__file__ = os.path.join(os.path.dirname(SOURCE), "code", "wave.py")
        sys.modules["wave"] = mine
        try:
            self.assertTrue(hasattr(standard.module("wave"), "Wave_read"))
            self.assertIs(mine, sys.modules["wave"])
        finally:
            del sys.modules["wave"]

    def test_nothing_is_left_behind(self):
        before = list(sys.meta_path)
        with self.assertRaises(ImportError):
            standard.module("no_such_module")
        self.assertEqual(before, sys.meta_path)

    def test_other_threads_import_as_always(self):
        found = []
        library = standard.Library()
        with library:
            thread = threading.Thread(target=lambda: found.append(library.find_spec("json")))
            thread.start()
            thread.join()
            self.assertEqual([None], found)
            self.assertIsNotNone(library.find_spec("json"))


if __name__ == "__main__":
    unittest.main()
