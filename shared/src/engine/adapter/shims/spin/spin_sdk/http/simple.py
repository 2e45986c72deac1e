"""Where the first drafts of SDK 2 had these names."""

from . import IncomingHandler, Request, Response, send  # noqa: F401
