"""DigitalOcean: event and context."""


def main(event, context):
    http = event["http"]
    if http["method"] == "DELETE":
        return None
    return {
        "statusCode": 201,
        "body": {
            "method": http["method"],
            "query": http["queryString"],
            "name": event.get("name", "?"),
            "agent": http["headers"].get("user-agent"),
            "time": context.get_remaining_time_in_millis() > 0,
            "id": context.activation_id != "",
        },
    }
