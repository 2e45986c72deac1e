"""Tells answers that are text from binary ones, so that logs can show them."""

_TEXT = ("application/json", "application/javascript", "application/xml", "application/x-www-form-urlencoded")


def readable(data, headers):
    """The body as text if its type says so and it is UTF-8, else as the bytes that it is."""
    if not data:
        return None
    kind, _, parameters = content_type(headers).partition(";")
    kind = kind.strip()
    is_text = kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml"))
    charset = parameters.replace('"', "").replace(" ", "").partition("charset=")[2].partition(";")[0]
    # In another character set the bytes have to stay what they are.
    if not is_text or charset not in ("", "utf-8", "utf8", "us-ascii"):
        return data
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    # A byte order mark would be taken for a letter on the way.
    return data if text.startswith("\ufeff") else text


def content_type(headers):
    """The Content-Type among the pairs, in lower case, "" if there is none."""
    return next((value.lower() for name, value in headers if name.lower() == "content-type"), "")
