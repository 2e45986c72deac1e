"""CloudEvents over HTTP, for functions whose package cloudevents isn't installed."""

import base64
import datetime
import json
import os
import uuid

_STRUCTURED = "application/cloudevents"
_REQUIRED = ("specversion", "id", "source", "type")


def prepare(shims):
    """Lets `cloudevents.http` be imported where version 2 of the package is installed, which no longer has it."""
    try:
        import cloudevents
    except ImportError:
        return
    path = getattr(cloudevents, "__path__", None)
    if path is not None:
        path.append(os.path.join(os.path.dirname(os.path.dirname(__file__)), "shims", shims, "cloudevents"))


class CloudEvent:
    """Attributes by `event["type"]`, the content as `event.data`."""

    def __init__(self, attributes, data=None):
        self._attributes = {name.lower(): value for name, value in attributes.items()}
        self._attributes.setdefault("specversion", "1.0")
        self._attributes.setdefault("id", str(uuid.uuid4()))
        self._attributes.setdefault("time", datetime.datetime.now(datetime.timezone.utc).isoformat())
        missing = [name for name in _REQUIRED if name not in self._attributes]
        if missing:
            raise ValueError(f"Missing required keys: {', '.join(missing)}")
        self.data = data

    def __getitem__(self, name):
        return self.data if name == "data" else self._attributes[name]

    def get(self, name, default=None):
        return self._attributes.get(name, default)

    def get_attributes(self):
        return dict(self._attributes)

    def get_data(self):
        return self.data

    def __contains__(self, name):
        return name in self._attributes

    def __iter__(self):
        return iter(self._attributes)

    def __len__(self):
        return len(self._attributes)

    def __repr__(self):
        return str({"attributes": self._attributes, "data": self.data})


def from_http(headers, data):
    """The event of a request in structured or in binary mode; ValueError if it is neither."""
    headers = {name.lower(): value for name, value in dict(headers).items()}
    kind = headers.get("content-type", "")
    if kind.lower().startswith(_STRUCTURED):
        value = json.loads(data)
        if not isinstance(value, dict):
            raise ValueError("a structured CloudEvent is a JSON object")
        content = value.pop("data", None)
        if "data_base64" in value:
            content = base64.b64decode(value.pop("data_base64"))
        _check(value)
        return CloudEvent(value, content)
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    _check(attributes)
    if kind:
        attributes["datacontenttype"] = kind
    return CloudEvent(attributes, _content(data))


def _check(attributes):
    missing = [name for name in _REQUIRED if name not in attributes]
    if missing:
        raise ValueError(f"this is no CloudEvent: it has no {', '.join(missing)}")


def _content(data):
    """JSON where it is, else text, else bytes: as the package reads it."""
    try:
        return json.loads(data)
    except ValueError:
        pass
    try:
        return data.decode("utf-8") or None
    except UnicodeDecodeError:
        return data


def to_binary(event):
    """Headers and body of the event in binary mode."""
    attributes = dict(event.get_attributes())
    headers = {f"ce-{name}": str(value) for name, value in attributes.items() if name != "datacontenttype"}
    headers["content-type"] = attributes.get("datacontenttype", "application/json")
    data = event.get_data()
    if isinstance(data, (bytes, bytearray)):
        return headers, bytes(data)
    return headers, b"" if data is None else json.dumps(data, ensure_ascii=False).encode("utf-8")


def to_structured(event):
    """Headers and body of the event in structured mode."""
    value, data = dict(event.get_attributes()), event.get_data()
    if isinstance(data, (bytes, bytearray)):
        value["data_base64"] = base64.b64encode(data).decode("ascii")
    elif data is not None:
        value["data"] = data
    return {"content-type": f"{_STRUCTURED}+json"}, json.dumps(value, ensure_ascii=False).encode("utf-8")
