"""`app` of FastAPI, Starlette, Quart: ASGI."""

from .web import load  # noqa: F401

SHIMS = None
