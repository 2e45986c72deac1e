import sys
import unittest
import urllib.parse

import harness  # noqa: F401, makes the adapter a package

from _faas_adapter.request import Request


def request(**event):
    return Request({"method": "GET", "path": "/", **event}, None)


class Headers(unittest.TestCase):
    def test_values_of_a_name_are_joined(self):
        headers = [["accept", "a"], ["cookie", "x=1"], ["accept", "b"], ["cookie", "y=2"], ["accept", "c"]]
        it = request(headers=headers)
        self.assertEqual("a, b, c", it.header("Accept"))
        self.assertEqual("x=1; y=2", it.header("cookie"))
        self.assertIsNone(it.header("missing"))
        self.assertEqual({"accept": "a,b,c", "cookie": "x=1; y=2"}, it.header_dict())
        self.assertEqual([tuple(pair) for pair in headers], it.headers)


class Query(unittest.TestCase):
    def test_it_is_decoded_as_the_library_does(self):
        for query in [
            "",
            "a=1&b=2&a=3",
            "a&b=&=c&=",
            "a=b=c",
            "&&a=1&&",
            "a+b=c+d%20e%2Bf",
            "%ED%95%9C=%EA%B8%80",
            "한=글",
            "bad=%&x=%z1&y=%4&z=%ff%fe",
            "a;b=1",
            "%26=%3D&n=%00",
        ]:
            expected = urllib.parse.parse_qsl(query, keep_blank_values=True)
            self.assertEqual(expected, request(rawQuery=query).query_pairs(), query)


class Body(unittest.TestCase):
    def test_text_and_base64_give_bytes(self):
        self.assertEqual(b"", request().body)
        self.assertEqual("한".encode(), request(body="한").body)
        self.assertEqual(b"\x00\xff", request(body="AP8=", isBase64=True).body)
        self.assertIsNone(request(body="AP8=", isBase64=True).text())
        self.assertEqual("a", request(body="\ufeffa").text())

    def test_json_of_all_kinds(self):
        deep = "[" * 500 + "]" * 500
        for body, value in {
            "1": 1,
            " null\n": None,
            '"\\ud83d\\ude00"': "😀",
            "\ufeff{}": {},
            "9" * 310: int("9" * 310),
            "1e309": float("inf"),
            "-0": 0,
        }.items():
            self.assertEqual(value, request(body=body).json(), body)
        self.assertEqual(1, len(request(body=deep).json()))

    def test_what_is_no_json(self):
        for body in ["", "NaN", "[Infinity]", "-Infinity", "{'a':1}", "[1,]", "01", "1 2", "\ufeff\ufeff1", "\x0b1", '"\t"', "٣"]:
            with self.assertRaises(ValueError, msg=body):
                request(body=body).json()
        with self.assertRaises(ValueError):
            request(body="/w==", isBase64=True).json()

    def test_what_python_cannot_hold_is_a_value_error(self):
        limit = sys.getrecursionlimit()
        try:
            for raised in limit, 10**6:
                sys.setrecursionlimit(raised)
                for body in ["[" * 200_000 + "]" * 200_000, '{"":' * 200_000 + "1" + "}" * 200_000, "9" * 5000]:
                    with self.assertRaises(ValueError):
                        request(body=body).json()
                self.assertEqual(raised, sys.getrecursionlimit())
        finally:
            sys.setrecursionlimit(limit)


class Url(unittest.TestCase):
    def test_it_is_whole(self):
        it = request(headers=[["host", "h:8000"]], prefix="/invoke/w/f", path="/a/한 b%?#", rawQuery="x=%20&y")
        self.assertEqual("https://h:8000/invoke/w/f/a/%ED%95%9C%20b%25%3F%23?x=%20&y", it.url)
        self.assertEqual("https://localhost/", request().url)


if __name__ == "__main__":
    unittest.main()
