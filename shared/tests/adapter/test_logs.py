import unittest

from harness import Function, aws_client


class Logging(unittest.TestCase):
    def lines(self, body, top="", **options):
        source = "import logging, logging.config, sys, io, warnings\n" + top
        source += "\ndef handler(event, context):\n" + "".join(f"    {line}\n" for line in body.splitlines())
        with Function(source, **options) as function:
            answer = function.call()
            self.assertEqual("returned", answer["outcome"], answer)
            return answer["lines"]

    def test_records_from_warning_on_are_shown(self):
        body = "for level in 'debug', 'info', 'warning', 'error', 'critical':\n    getattr(logging, level)('%s', level)"
        self.assertEqual(["WARNING:root:warning", "ERROR:root:error", "CRITICAL:root:critical"], self.lines(body))

    def test_a_level_can_be_set(self):
        body = "logging.getLogger().setLevel(logging.INFO)\nlogging.getLogger('a.b').info('hello')\nlogging.debug('no')"
        self.assertEqual(["INFO:a.b:hello"], self.lines(body))

    def test_the_root_logger_has_one_handler(self):
        body = """
root = logging.getLogger()
assert len(root.handlers) == 1 and isinstance(root.handlers[0], logging.StreamHandler)
assert root.level == logging.WARNING
assert root.handlers[0].stream is sys.stderr
root.handlers[0].setFormatter(logging.Formatter("<%(message)s>"))
logging.error("formatted")
stream = io.StringIO()
root.handlers[0].setStream(stream)
logging.error("elsewhere")
print(stream.getvalue(), end="")
"""
        self.assertEqual(["<formatted>", "<elsewhere>"], self.lines(body))

    def test_it_writes_to_what_stderr_is_at_the_time(self):
        body = "sys.stderr, kept = io.StringIO(), sys.stderr\nlogging.error('x')\ntext = sys.stderr.getvalue()\nsys.stderr = kept\nprint('got', text, end='')"
        self.assertEqual(["got ERROR:root:x"], self.lines(body))

    def test_basic_config_is_as_in_a_fresh_python(self):
        for options, line in {
            "level=logging.INFO": "INFO:root:x",
            "level='INFO', format='%(message)s!'": "x!",
            "level=logging.INFO, stream=sys.stdout": "INFO:root:x",
            "level=logging.INFO, force=True": "INFO:root:x",
            "level=logging.INFO, handlers=[logging.StreamHandler()], format='%(message)s'": "x",
        }.items():
            for where in "top", "body":
                call = f"logging.basicConfig({options})\n"
                check = "assert len(logging.getLogger().handlers) == 1\nlogging.info('x')"
                top, body = (call, check) if where == "top" else ("", call + check)
                self.assertEqual([line], self.lines(body, top), (options, where))

    def test_a_second_basic_config_does_nothing(self):
        body = "logging.basicConfig(level='INFO')\nlogging.basicConfig(level='ERROR', format='no')\nlogging.info('x')"
        self.assertEqual(["INFO:root:x"], self.lines(body))

    def test_a_wrong_basic_config_leaves_the_handler(self):
        body = "try:\n    logging.basicConfig(nonsense=1)\nexcept ValueError:\n    pass\nlogging.error('x')"
        self.assertEqual(["ERROR:root:x"], self.lines(body))

    def test_dict_config(self):
        body = """
logging.config.dictConfig({
    "version": 1, "disable_existing_loggers": False,
    "formatters": {"f": {"format": "%(message)s."}},
    "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f", "stream": "ext://sys.stdout"}},
    "root": {"level": "INFO", "handlers": ["h"]},
})
logging.getLogger("a").info("once")
"""
        self.assertEqual(["once."], self.lines(body))

    def test_a_logger_with_a_handler_of_its_own_logs_once(self):
        body = """
logger = logging.getLogger("own")
logger.setLevel(logging.INFO)
logger.addHandler(logging.StreamHandler(sys.stdout))
logger.info("once")
logging.getLogger("own.child").warning("child")
logging.getLogger("other").warning("other")
logging.getLogger("library").addHandler(logging.NullHandler())
logging.getLogger("library").warning("library")
logger.handlers[0].setLevel(logging.ERROR)
logger.warning("below its level")
logging.lastResort = None
logging.error("x")
"""
        expected = ["once", "child", "WARNING:other:other", "WARNING:library:library", "WARNING:own:below its level", "ERROR:root:x"]
        self.assertEqual(expected, self.lines(body))

    def test_exceptions_and_warnings(self):
        lines = self.lines("try:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception('failed')")
        self.assertEqual("ERROR:root:failed", lines[0])
        self.assertEqual("ZeroDivisionError: division by zero", lines[-1])
        lines = self.lines("warnings.warn('careful')")
        self.assertIn("UserWarning: careful", lines[0])

    def test_times_are_local(self):
        body = "logging.basicConfig(format='%(asctime)s', datefmt='%z')\nlogging.error('x')"
        self.assertEqual(["+0900"], self.lines(body, variables={"TZ": "Asia/Seoul"}))

    @unittest.skipUnless(aws_client(), "AWS's client isn't here")
    def test_with_the_client_of_aws(self):
        body = "logging.warning('x')\nprint(len(logging.getLogger().handlers))\ncontext.log('logged\\n')"
        for variables in {}, {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}:
            self.assertEqual(["WARNING:root:x", "1", "logged"], self.lines(body, client="aws", variables=variables))


if __name__ == "__main__":
    unittest.main()
