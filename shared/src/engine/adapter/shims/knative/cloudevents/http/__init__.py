"""Events over HTTP."""

from _faas_adapter.forms.cloudevent import CloudEvent, from_http, to_binary, to_structured  # noqa: F401
