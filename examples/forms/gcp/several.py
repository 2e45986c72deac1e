"""Several functions in a file: `entryPoint` names one."""

# packages: flask
# entryPoint: typed

import functions_framework


def plain(request):
    return "plain"


class Order:
    def __init__(self, count):
        self.count = count

    @staticmethod
    def from_dict(value):
        return Order(value["count"])

    def to_dict(self):
        return {"count": self.count}


@functions_framework.typed
def typed(order: Order):
    return Order(order.count + 1)
