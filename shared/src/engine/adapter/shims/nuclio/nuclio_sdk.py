"""Stands in for nuclio-sdk, which the platform brings."""

from _faas_adapter.forms.nuclio import Event  # noqa: F401
from _faas_adapter.forms.nuclio_objects import Context, Logger, Response  # noqa: F401
