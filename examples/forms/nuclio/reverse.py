"""Reverses a text, which comes as bytes."""


def handler(context, event):
    text = event.body.decode("utf-8").strip()
    context.logger.debug("%d letters", len(text))
    return text[::-1]
