"""The path of a request as its first line had it."""


def target(request):
    """Path and query, undecoded, below the function's URL."""
    head = f"https://{request.header('host') or 'localhost'}{request.prefix}"
    return request.url[len(head) :]
