"""Calls a function as the view of a Flask application."""

from ..reply import Unloadable
from . import wsgi_server


def flask_package():
    """Flask, which the user's requirements bring."""
    try:
        import flask
    except ImportError as error:
        raise Unloadable(f"the package flask is needed in `requirements` ({error})") from error
    return flask


def serve(view, handlers=()):
    """What answers requests with the view: its return value goes through `make_response`.

    `handlers` are pairs of what to handle, as `Flask.errorhandler` takes it, and the function that does.
    """
    flask = flask_package()
    app = flask.Flask("function", static_folder=None)
    # What no handler of the user takes goes on to the core, for its traceback.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    for kind, handler in handlers:
        app.register_error_handler(kind, handler)
    _take_every_request(app, view)
    return lambda request: wsgi_server.call(app, request)


def _take_every_request(app, view):
    # Instead of a route: one knows its methods, and answers OPTIONS itself.
    def dispatch():
        return app.ensure_sync(view)()

    app.dispatch_request = dispatch
