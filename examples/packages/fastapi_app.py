# /// script
# dependencies = ["fastapi"]
# ///
"""Orders with FastAPI: a list of them, and one more."""

from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()
orders = []


class Order(BaseModel):
    item: str
    quantity: int = Field(1, gt=0)


@app.get("/orders")
def all_orders(item: str | None = None):
    return [order for order in orders if item in (None, order.item)]


@app.post("/orders", status_code=201)
async def add(order: Order):
    orders.append(order)
    return order
