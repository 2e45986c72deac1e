"""Model 2: an app with routes, a blueprint, other triggers."""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
extra = func.Blueprint()


@app.route(route="items/{id:int}", methods=["GET", "DELETE"])
def item(req: func.HttpRequest) -> func.HttpResponse:
    if req.method == "DELETE":
        return func.HttpResponse(status_code=204)
    return func.HttpResponse(f"물건 {req.route_params['id']}")


@app.function_name(name="AddItem")
@app.route(route="items", methods=[func.HttpMethod.POST])
async def add(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(req.form["name"], status_code=201)
    response.headers.add("Set-Cookie", "a=1")
    response.headers.add("Set-Cookie", "b=2")
    return response


@extra.route(route="files/{*path}")
def files(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params.get("path", ""))


@app.route()
def plain(req):
    return func.HttpResponse("plain")


@app.timer_trigger(schedule="0 0 * * * *", arg_name="timer")
def tick(timer: func.TimerRequest) -> None:
    raise AssertionError("nothing calls this")


app.register_functions(extra)
