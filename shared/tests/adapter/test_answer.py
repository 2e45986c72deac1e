import base64
import enum
import http
import json
import unittest

import harness  # noqa: F401, makes the adapter a package

from _faas_adapter import answer, tail
from _faas_adapter.reply import Json, Reply, Unusable, native_reply

MB = 1_000_000


def sent(reply, text="", dropped=0):
    """The answer that holds a reply."""
    payload = answer.encode("returned", answer.encode_reply(reply), text, dropped, 1.5, 20)
    assert len(payload) < 6_291_556
    return json.loads(payload)


def native(value):
    return sent(native_reply(value))


class NativeReplies(unittest.TestCase):
    def refused(self, value):
        with self.assertRaises(Unusable, msg=repr(value)[:80]) as raised:
            native(value)
        return str(raised.exception)

    def test_any_value_is_the_body_of_a_200(self):
        for value, encoding, body in [
            ("한", "text", "한"),
            (b"\xff", "base64", "/w=="),
            (bytearray(b"a"), "base64", "YQ=="),
            (memoryview(b"abcd")[::2], "base64", "YWM="),
            (None, "json", "null"),
            (1.5, "json", "1.5"),
            (10**30, "json", "1" + "0" * 30),
            ({"a": [1, "é"]}, "json", '{"a":[1,"é"]}'),
            ({"body": 1}, "json", '{"body":1}'),
        ]:
            reply = native(value)
            self.assertEqual((200, [], encoding, body), tuple(reply[k] for k in ("status", "headers", "encoding", "body")))

    def test_a_dict_with_a_status_code_is_a_whole_reply(self):
        reply = native(
            {
                "statusCode": http.HTTPStatus.CREATED,
                "headers": {"A": "b", "n": 1, "f": 0.5, "List": ["x", 2], "t": True},
                "cookies": ["c=1", "d=2; Path=/"],
                "body": "x",
            }
        )
        self.assertEqual(201, reply["status"])
        pairs = [["A", "b"], ["n", "1"], ["f", "0.5"], ["List", "x"], ["List", "2"], ["t", "True"]]
        self.assertEqual([*pairs, ["set-cookie", "c=1"], ["set-cookie", "d=2; Path=/"]], reply["headers"])
        self.assertEqual("empty", native({"statusCode": 204})["encoding"])
        self.assertEqual("null", native({"statusCode": 200, "body": None})["body"])
        self.assertEqual([], native({"statusCode": 200, "headers": None, "cookies": None})["headers"])

    def test_base64_beside_its_mark_is_bytes(self):
        for body in "AP8=", "AP8=\n", "A P8=":
            reply = native({"statusCode": 200, "body": body, "isBase64Encoded": True})
            self.assertEqual(("base64", "AP8="), (reply["encoding"], reply["body"]))
        self.assertEqual("text", native({"statusCode": 200, "body": "AP8=", "isBase64Encoded": 1})["encoding"])
        for body in "AP8", "한", "!!!!", "A===":
            self.assertIn("base64", self.refused({"statusCode": 200, "body": body, "isBase64Encoded": True}))

    def test_what_can_not_be_passed_on_is_refused(self):
        for status in 199, 600, True, "200", 200.0, None, -1:
            self.assertIn("from 200 to 599", self.refused({"statusCode": status}))
        for headers in [], "a: b", {"a": None}, {1: "a"}, {"a": [None]}, {"a": b"x"}, {"a": {}}:
            self.assertIn("header", self.refused({"statusCode": 200, "headers": headers}))
        for cookies in "a=1", {"a": "1"}, [1], [b"a"], 1:
            self.assertIn("cookies", self.refused({"statusCode": 200, "cookies": cookies}))
        circle = []
        circle.append(circle)
        for value in float("nan"), float("inf"), [float("-inf")], {1, 2}, object(), {"a": b"x"}, circle, {(1,): 2}:
            self.assertIn("not JSON", self.refused(value))
            self.assertIn("not JSON", self.refused({"statusCode": 200, "body": value}))
        for value in (
            "\ud800",
            ["\udfff"],
            {"statusCode": 200, "headers": {"a": "\ud800"}},
            {"statusCode": 200, "headers": {"\ud800": "a"}},
            {"statusCode": 200, "cookies": ["\ud800"]},
            {"statusCode": 200, "body": "\ud800", "isBase64Encoded": False},
        ):
            self.assertIn("surrogate", self.refused(value))

    def test_subclasses_are_what_they_derive_from(self):
        class Text(str):
            def encode(self, *_):
                raise RuntimeError

        class Kind(str, enum.Enum):
            A = "a"

        self.assertEqual("x", native(Text("x"))["body"])
        self.assertEqual("a", native(Kind.A)["body"])


class Sizes(unittest.TestCase):
    def test_text_of_any_characters_up_to_5_9_MB(self):
        for character in "x", "é", "가", "😀":
            text = character * (5_900_000 // len(character.encode()))
            self.assertEqual(text, sent(Reply(body=text))["body"])
            self.assertEqual(f'["{text[9:]}"]', sent(Reply(body=Json(f'["{text[9:]}"]')))["body"])
            with self.assertRaisesRegex(Unusable, "6 MB"):
                sent(Reply(body=text + character))

    def test_what_escapes_would_blow_up_is_sent_as_base64(self):
        for text, kind in ("\n" * 4 * MB, "text/plain; charset=utf-8"), ("\x01" * 4 * MB, "text/plain; charset=utf-8"):
            reply = sent(Reply(body=text))
            self.assertEqual("base64", reply["encoding"])
            self.assertEqual(text, base64.b64decode(reply["body"]).decode())
            self.assertEqual([["content-type", kind]], reply["headers"])
        reply = sent(Reply(body=Json("[" + '"",' * 1_400_000 + "1]")))
        self.assertEqual([["content-type", "application/json"]], reply["headers"])
        reply = sent(Reply(headers=[("Content-Type", "text/csv")], body='"\n' * 2 * MB))
        self.assertEqual([["Content-Type", "text/csv"]], reply["headers"])
        # Too much for base64, and only just for text.
        text = "x" * 5_800_000 + "\n" * 99_000
        self.assertEqual("text", sent(Reply(body=text))["encoding"])
        with self.assertRaisesRegex(Unusable, "6 MB"):
            sent(Reply(body="\n" * 5 * MB))

    def test_bytes_up_to_4_4_MB(self):
        data = bytes(range(256)) * 17_285
        self.assertEqual(data, base64.b64decode(sent(Reply(body=data))["body"]))
        with self.assertRaisesRegex(Unusable, "6 MB"):
            sent(Reply(body=data + b"x" * 10_000))

    def test_headers_count(self):
        headers = [("a", "x" * 1000)] * 1000
        sent(Reply(headers=headers, body="x" * 5 * MB))
        with self.assertRaisesRegex(Unusable, "6 MB"):
            sent(Reply(headers=headers, body="x" * 5_500_000))
        with self.assertRaisesRegex(Unusable, "6 MB"):
            sent(Reply(headers=headers * 7))

    def test_lines_take_what_is_left(self):
        body = Reply(body="x" * 5_900_000)
        lines = sent(body, "한글 로그\n" * 9000)["lines"]
        self.assertEqual(["한글 로그"] * 9000, lines)
        lines = sent(body, "\x01" * 131_072)["lines"]
        self.assertRegex(lines[0], r"^\[truncated: \d+ characters before this\]$")
        self.assertEqual(131_072, len(lines[1]) + int(lines[0].split()[1]))
        lines = sent(Reply(headers=[("a", "x" * 390_800)], body="x" * 5_900_000), "text\n" * 2000, 7)["lines"]
        kept = "".join(f"{line}\n" for line in lines[1:])
        self.assertEqual(f"[truncated: {10_007 - len(kept)} characters before this]", lines[0])


class Lines(unittest.TestCase):
    def lines(self, text, dropped=0):
        return sent(Reply(), text, dropped)["lines"]

    def test_text_is_split_at_line_ends(self):
        self.assertEqual([], self.lines(""))
        self.assertEqual(["a", "", "b"], self.lines("a\n\r\nb"))
        self.assertEqual([""], self.lines("\n"))
        self.assertEqual(["a\x0bb\u2028c"], self.lines("a\x0bb\u2028c\n"))
        self.assertEqual(["[truncated: 3 characters before this]", "a"], self.lines("a", 3))


class Tails(unittest.TestCase):
    def test_pieces_of_any_size_give_the_same_end(self):
        text = "한é😀x" * 60_000
        data = text.encode()
        for size in 1000, 65_536, len(data), 7:
            kept = tail.Tail()
            for start in range(0, len(data), size):
                kept.add(data[start : start + size])
            end, dropped = kept.take()
            self.assertTrue(text.endswith(end))
            self.assertEqual(len(text), len(end) + dropped)
            self.assertTrue(tail.KEPT - 4 < len(end.encode()) <= tail.KEPT)
            self.assertEqual(("", 0), kept.take())

    def test_bytes_that_are_no_text_are_kept_too(self):
        kept = tail.Tail()
        kept.add(b"\x80" * 400_000)
        end, _ = kept.take()
        self.assertEqual("\\x80" * (tail.KEPT - 3), end)


if __name__ == "__main__":
    unittest.main()
