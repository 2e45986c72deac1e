"""An async function of a JSON body."""

import asyncio


async def main(context):
    await asyncio.sleep(0)
    numbers = context.req.body_json["numbers"]
    return context.res.json({"sum": sum(numbers)})
