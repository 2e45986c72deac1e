"""The end of a stream of bytes."""

# How much of an execution's output its log holds, in bytes.
KEPT = 128 * 1024

# The bytes of UTF-8 that begin no character.
_CONTINUATIONS = bytes(range(0x80, 0xC0))


class Tail:
    """The last bytes of what was added. The characters before them are only counted."""

    def __init__(self):
        self._kept = bytearray()
        self._dropped = 0

    def add(self, data):
        self._kept += data
        # Up to twice as much is held, so that not each addition moves all of it.
        if len(self._kept) > 2 * KEPT:
            self._shorten()

    def is_inside_line(self):
        return bool(self._kept) and self._kept[-1] != ord("\n")

    def take(self):
        """The text, and how many characters came before it. Nothing is left afterwards."""
        if len(self._kept) > KEPT:
            self._shorten()
        data, dropped = self._kept, self._dropped
        self._kept, self._dropped = bytearray(), 0
        return data.decode("utf-8", "backslashreplace"), dropped

    def _shorten(self):
        cut = len(self._kept) - KEPT
        # A character has three continuations at most; more of them are no UTF-8.
        for _ in range(3):
            if self._kept[cut] in _CONTINUATIONS:
                cut += 1
        self._dropped += len(self._kept[:cut].translate(None, _CONTINUATIONS))
        del self._kept[:cut]
