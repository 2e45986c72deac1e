"""Uses the SDK's names, and streams its answer."""

import nuclio_sdk


async def handler(context: nuclio_sdk.Context, event: nuclio_sdk.Event):
    if event.method == "GET":
        return (part for part in ("하나, ", "둘"))
    return nuclio_sdk.Response(body={"size": event.size}, status_code=201)
