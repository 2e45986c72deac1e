//! Handlers that are known by their parameters and what they read: fission.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        ("fission main", "def main():\n    return 'Hello, world!'\n"),
        (
            "fission main",
            "from flask import request\n\ndef main():\n    return request.args.get('name', 'x')\n",
        ),
        (
            "fission main",
            "def main():\n    from flask import current_app, request\n    current_app.logger.info(request.path)\n    return 'ok', 201\n",
        ),
        (
            "fission main",
            "import flask\n\ndef helper():\n    return flask.request.json\n\ndef main():\n    return flask.jsonify(helper())\n",
        ),
        (
            "fission greet",
            "from flask import request\n\ndef name():\n    return request.form['name']\n\ndef greet():\n    return name(), request.host\n",
        ),
        (
            "fission main",
            "from fastapi import Request, Response\n\nasync def main(request: Request):\n    return Response(await request.body())\n",
        ),
    ]);
}
