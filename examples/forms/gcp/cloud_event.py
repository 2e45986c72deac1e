"""Takes CloudEvents, in both modes."""

# packages: flask

import functions_framework


@functions_framework.cloud_event
def on_event(event):
    print(event["type"], event.data)
    if event.data["name"] != "별":
        raise ValueError("another name")
