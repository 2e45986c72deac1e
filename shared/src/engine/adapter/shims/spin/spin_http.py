"""Spin's first SDK, of plain functions."""

from spin_sdk.http import Request, Response, send  # noqa: F401


def http_send(request):
    answer = send(request)
    # This SDK has headers as pairs.
    answer.headers = list(answer.headers.items())
    return answer
