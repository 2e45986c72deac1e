"""A dict of names that may have several values."""


class Multi(dict):
    """The first value of each name; `getlist` has all, as Flask's."""

    def __init__(self, pairs):
        super().__init__()
        self._all = {}
        for name, value in pairs:
            self.setdefault(name, value)
            self._all.setdefault(name, []).append(value)

    def get(self, name, default=None, type=None):
        if name not in self:
            return default
        try:
            return self[name] if type is None else type(self[name])
        except (ValueError, TypeError):
            return default

    def getlist(self, name, type=None):
        values = self._all.get(name, [])
        return list(values) if type is None else [type(value) for value in values]

    def to_dict(self, flat=True):
        return dict(self) if flat else {name: list(values) for name, values in self._all.items()}
