"""A dict of headers that is read by any spelling of a name."""


class Headers(dict):
    """Names are kept in lower case. It is a dict, so that `json.dumps` takes it."""

    def __init__(self, pairs=()):
        super().__init__()
        self.update(pairs)

    def __getitem__(self, name):
        return super().__getitem__(_low(name))

    def __setitem__(self, name, value):
        super().__setitem__(_low(name), value)

    def __delitem__(self, name):
        super().__delitem__(_low(name))

    def __contains__(self, name):
        return super().__contains__(_low(name))

    def get(self, name, default=None):
        return super().get(_low(name), default)

    def pop(self, name, *default):
        return super().pop(_low(name), *default)

    def setdefault(self, name, default=None):
        return super().setdefault(_low(name), default)

    def update(self, *pairs, **named):
        for name, value in dict(*pairs, **named).items():
            self[name] = value

    def copy(self):
        return Headers(self)


def _low(name):
    return name.lower() if isinstance(name, str) else name
