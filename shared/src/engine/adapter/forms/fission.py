"""Fission: `main()` in Flask's request context."""

from . import finding, flask_context

SHIMS = None


def load(module, entry_point):
    main = finding.find(module, entry_point, ("main", "handler"), "`def main()`")
    if finding.arity(main):
        # Not the platform's own form, but seen: the request as an argument.
        flask = flask_context.flask_package()
        return flask_context.serve(lambda: main(flask.request._get_current_object()))
    return flask_context.serve(main)
