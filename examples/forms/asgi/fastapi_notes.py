"""Notes with FastAPI."""

# packages: fastapi

from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, Cookie, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel


@asynccontextmanager
async def lifespan(app):
    app.state.notes = {}
    yield


app = FastAPI(lifespan=lifespan)


class Note(BaseModel):
    title: str
    stars: int = 0


@app.post("/notes", status_code=201)
async def add(note: Note, response: Response, tasks: BackgroundTasks):
    app.state.notes[note.title] = note
    response.set_cookie("last", "1")
    tasks.add_task(print, "stored")
    return note


@app.get("/notes/{title}")
def show(title: str):
    if title not in app.state.notes:
        raise HTTPException(404, "없음")
    return app.state.notes[title]


@app.get("/search")
async def search(tag: list[str] = Query([]), visitor: str = Cookie("none")):
    return {"tags": tag, "visitor": visitor}


@app.get("/old")
async def old(request: Request):
    return RedirectResponse(request.url_for("search"))


@app.put("/upload")
async def upload(request: Request):
    return Response(await request.body(), media_type="application/octet-stream")


@app.get("/stream")
async def stream():
    async def parts():
        for part in "가나다":
            yield part

    return StreamingResponse(parts(), media_type="text/plain")


@app.get("/error")
async def error():
    raise LookupError("broken")
