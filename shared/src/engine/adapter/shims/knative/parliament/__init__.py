"""Stands in for the package parliament-functions, where it isn't installed."""

import functools

from _faas_adapter.forms.knative import Context  # noqa: F401
from cloudevents.http import CloudEvent


def event(function=None, *, event_type="parliament.response", event_source="/parliament/function"):
    """Makes what the function returns the content of a CloudEvent."""

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*arguments, **named):
            data = function(*arguments, **named)
            if isinstance(data, CloudEvent):
                return data
            return CloudEvent({"type": event_type, "source": event_source}, data)

        return wrapper

    return decorate if function is None else decorate(function)
