"""Items as people read them."""

import humanize


def line(item):
    return f"{item.name}: {humanize.intcomma(item.count)}"
