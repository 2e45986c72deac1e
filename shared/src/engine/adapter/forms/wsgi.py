"""`app` of Flask, Django, Bottle: WSGI."""

from .web import load  # noqa: F401

SHIMS = None
