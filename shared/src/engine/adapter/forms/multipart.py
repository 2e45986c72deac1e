"""Reads `multipart/form-data`, the format of uploads."""

import io
import re

_PARAMETER = re.compile(r'(\w+)\*?="((?:[^"\\]|\\.)*)"|(\w+)\*?=([^;\s]+)')


class File(io.BytesIO):
    """An uploaded file, to be read as a file."""

    def __init__(self, data, filename, content_type):
        super().__init__(data)
        self.filename = filename
        self.content_type = self.mimetype = content_type

    @property
    def stream(self):
        return self

    def save(self, target):
        if hasattr(target, "write"):
            target.write(self.getvalue())
        else:
            with open(target, "wb") as file:
                file.write(self.getvalue())


def parts(body, content_type):
    """Fields and files, each as pairs of name and value."""
    boundary = parameters(content_type).get("boundary")
    fields, files = [], []
    if not boundary:
        return fields, files
    mark = b"--" + boundary.encode("latin-1", "replace")
    for part in (b"\r\n" + body).split(b"\r\n" + mark)[1:]:
        if part.startswith(b"--"):
            break
        head, separator, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = dict(
            (name.strip().lower(), value.strip())
            for name, _, value in (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
        )
        named = parameters(headers.get("content-disposition", ""))
        if not separator or "name" not in named:
            continue
        if "filename" in named:
            files.append((named["name"], File(data, named["filename"], headers.get("content-type"))))
        else:
            fields.append((named["name"], data.decode("utf-8", "replace")))
    return fields, files


def parameters(value):
    """What stands behind the `;` of a header."""
    found = {}
    for quoted, text, plain, word in _PARAMETER.findall(value.partition(";")[2]):
        found[(quoted or plain).lower()] = re.sub(r"\\(.)", r"\1", text) if quoted else word
    return found
