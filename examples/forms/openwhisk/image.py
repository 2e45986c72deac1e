"""Turns an image round: binary bodies are base64 both ways."""

import base64


def main(args):
    if "__ow_body" not in args:
        return {"statusCode": 400, "body": "no image"}
    if args["__ow_headers"]["content-type"] == "text/plain":
        return {"headers": {"content-type": "text/plain"}, "body": args["__ow_body"]}
    data = base64.b64decode(args["__ow_body"])
    return {
        "headers": {"Content-Type": args["__ow_headers"]["content-type"]},
        "statusCode": 200,
        "body": base64.b64encode(data[::-1]).decode(),
    }
