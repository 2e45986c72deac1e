"""componentize-py's support for `async`: streams of Spin's host can be imported but not used."""

import asyncio

from spin_sdk._absent import names


def spawn(coroutine):
    return asyncio.ensure_future(coroutine)


__getattr__ = names(__name__)
