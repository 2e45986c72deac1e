"""The event loop of the process.

Tasks that a function leaves behind go on in its next execution.
"""

from . import standard

_loop = None
_awaited = None


def run(awaitable):
    """The result of `awaitable`, once it is there."""
    global _awaited
    _awaited = awaitable
    try:
        return _the_loop().run_until_complete(awaitable)
    finally:
        _awaited = None


def settled(value):
    """The value itself, or what it gives when it is awaited."""
    # `inspect.isawaitable` would have to be imported.
    return run(_result(value)) if hasattr(type(value), "__await__") else value


def awaited_frames():
    """The frames of the coroutine that `run` awaits and of those that it awaits itself, the innermost last."""
    frames, each = [], _awaited
    while (frame := getattr(each, "cr_frame", None)) is not None:
        frames.append(frame)
        each = each.cr_await
    return frames


async def _result(awaitable):
    return await awaitable


def _the_loop():
    global _loop
    if _loop is None or _loop.is_closed():
        _loop = _new_loop()
    return _loop


def _new_loop():
    # It imports parts of itself when it makes a loop.
    with standard.Library():
        import asyncio

        try:
            # The one that `asyncio.get_event_loop()` gave to the user's module.
            loop = asyncio.get_event_loop_policy().get_event_loop()
            if not loop.is_closed():
                return loop
        except (RuntimeError, DeprecationWarning):
            # There is none. Whether that is an error or a warning depends on the version.
            pass
        return asyncio.new_event_loop()
