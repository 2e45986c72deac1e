# /// script
# dependencies = ["flask"]
# ///
"""Orders with Flask: a list of them, and one more."""

from flask import Flask, jsonify, request

app = Flask(__name__)
orders = []


@app.get("/orders")
def all_orders():
    item = request.args.get("item")
    return jsonify([order for order in orders if item in (None, order["item"])])


@app.post("/orders")
def add():
    order = {"quantity": 1, **request.get_json()}
    if order["quantity"] < 1:
        return {"error": "quantity must be 1 or more"}, 422
    orders.append(order)
    return order, 201
