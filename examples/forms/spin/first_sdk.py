"""The first SDK: a plain function, headers as pairs."""

from spin_http import Response


def handle_request(request):
    if request.method != "POST":
        return Response(405)
    types = [value for name, value in request.headers if name == "content-type"]
    return Response(200, [("content-type", types[0]), ("set-cookie", "a=1"), ("set-cookie", "b=2")], request.body.upper())
