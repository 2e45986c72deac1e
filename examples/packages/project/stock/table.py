"""The table of items."""

import csv
from dataclasses import dataclass


@dataclass
class Item:
    name: str
    count: int


def read(path):
    # The working directory is the project's folder.
    with open(path, encoding="utf-8", newline="") as file:
        return [Item(row["name"], int(row["count"])) for row in csv.DictReader(file)]
