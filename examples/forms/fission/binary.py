"""Bytes in, bytes out."""

# packages: flask

from flask import Response, request


def main():
    return Response(request.get_data()[::-1], mimetype="application/octet-stream")
