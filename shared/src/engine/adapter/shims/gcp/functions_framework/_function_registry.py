"""What the decorators said of functions, by name."""

REGISTRY_MAP = {}
INPUT_TYPE_MAP = {}
