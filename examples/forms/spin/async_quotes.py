"""SDK 4: an async handler, which awaits variables."""

from spin_sdk import variables
from spin_sdk.http import Handler, Request, Response


class QuoteHandler(Handler):
    async def handle_request(self, request: Request) -> Response:
        if request.method == "DELETE":
            raise PermissionError("quotes stay")
        home = await variables.get("path")
        answer = await Response(200, {"content-type": "text/plain; charset=utf-8"}, bytes("말: ", "utf-8") + request.body)
        answer.headers["x-home"] = "yes" if home else "no"
        return answer
