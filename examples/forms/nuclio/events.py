"""Answers each kind of event in the way of its path."""


def init_context(context):
    context.user_data.count = 0


def handler(context, event):
    context.user_data.count += 1
    context.logger.info_with("got it", path=event.path, method=event.method)
    if event.path == "/json":
        return {"name": event.body["name"], "kind": event.trigger.kind}
    if event.path == "/tuple":
        return 202, "받음 " + event.get_header("X-Name")
    if event.path == "/fields":
        return str(event.fields["k"]) + event.headers["Cookie"]
    if event.path == "/old":
        return context.Response(headers={"Location": "/json", "Set-Cookie": "a=1"}, status_code=302)
    if event.path == "/echo":
        return context.Response(body=event.body, content_type=event.content_type)
    if event.path == "/count":
        return [context.user_data.count]
    raise RuntimeError("no such path")
