"""The results of WebAssembly interfaces, as componentize-py writes them."""


class _Holder:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return type(self) is type(other) and self.value == other.value

    def __repr__(self):
        return f"{type(self).__name__}({self.value!r})"


class Some(_Holder):
    pass


class Ok(_Holder):
    pass


class Err(_Holder, Exception):
    __hash__ = Exception.__hash__

    def __str__(self):
        return repr(self.value)


Result = Ok | Err
