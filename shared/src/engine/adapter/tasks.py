"""The event loop of the process.

Tasks that a function leaves behind go on in its next execution.
"""

from . import standard

_loop = None


def run(awaitable):
    """The result of `awaitable`, once it is there."""
    return _the_loop().run_until_complete(awaitable)


def is_awaitable(value):
    """Whether `run` takes the value. `inspect.isawaitable` would have to be imported."""
    return hasattr(type(value), "__await__")


def settled(value):
    """The value itself, or what it gives when it is awaited."""
    return run(_awaited(value)) if is_awaitable(value) else value


async def _awaited(awaitable):
    return await awaitable


def _the_loop():
    global _loop
    if _loop is None or _loop.is_closed():
        _loop = _new_loop()
    return _loop


def _new_loop():
    asyncio = standard.module("asyncio")
    try:
        # The one that `asyncio.get_event_loop()` gave to the user's module.
        return asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        return asyncio.new_event_loop()
