"""Parliament: Flask's request, or a CloudEvent."""

# packages: flask

from parliament import Context, event


@event(event_type="bank.seen", event_source="/bank")
def seen(context):
    return {"got": context.cloud_event.data, "type": context.cloud_event["type"]}


def main(context: Context):
    if context.cloud_event is not None:
        return seen(context)
    if "request" not in context.keys():
        return "{}", 500
    if context.request.path == "/old":
        return "", 302, {"Location": "/new"}
    return {"k": context.request.args.getlist("k"), "cookie": context.request.cookies.get("a"), "method": context.request.method}, 200
