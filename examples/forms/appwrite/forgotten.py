"""Forgets to return an answer."""


def main(context):
    context.res.text("lost")
