"""The adapter between AWS Lambda and a user's function.

Lambda's handler is `_faas_adapter.handle`.
"""


def __getattr__(name):
    # Only the runtime asks for the entry, which takes the process over. Modules of the package can be imported
    # without that.
    if name == "handle":
        from .entry import handle

        return handle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
