"""One function, with an upload."""

import azure.functions as func

app = func.FunctionApp()


@app.route(route="upload", methods=["POST"])
def upload(req: func.HttpRequest) -> func.HttpResponse:
    file = req.files["file"]
    return func.HttpResponse(f"{file.filename}: {len(file.read())}, {req.form['note']}")
