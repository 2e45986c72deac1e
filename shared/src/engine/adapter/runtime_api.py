"""A client of the Lambda Runtime API, for answers that the runtime itself can't give any more."""

import os

from . import standard

# The part of `socket` that is written in C: the rest takes long to import.
_socket = standard.module("_socket")

_ADDRESS = os.environ.get("AWS_LAMBDA_RUNTIME_API", "")

# How long sending may take, in seconds.
_PATIENCE = 5


class Connection:
    """A connection for one answer. Raises OSError where there is none."""

    def __init__(self):
        host, _, port = _ADDRESS.rpartition(":")
        self._socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect((host, int(port)))

    def answer(self, request_id, answer):
        """Answers an invocation. Returns once Lambda has all of it; raises OSError if it doesn't take it."""
        head = (
            f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\n"
            f"Host: {_ADDRESS}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(answer)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self._socket.sendall(head.encode("ascii") + answer)
        self._socket.recv(1024)
