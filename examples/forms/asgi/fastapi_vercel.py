"""A FastAPI `app`."""

# packages: fastapi

from fastapi import FastAPI

app = FastAPI()


@app.get("/api/{name}")
def hello(name: str, times: int = 1):
    return {"hello": [name] * times}
