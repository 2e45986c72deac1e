//! Handlers that are known by their parameters and what they read: openwhisk.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            "openwhisk main",
            "def main(args):\n    name = args.get('name', 'stranger')\n    return {'greeting': 'Hello ' + name + '!'}\n",
        ),
        (
            "openwhisk main",
            "def main(params):\n    return {'headers': params['__ow_headers'], 'statusCode': 200}\n",
        ),
        ("openwhisk main", "def main(args):\n    return args\n"),
        ("openwhisk main", "def main(dict):\n    return {'body': 'x'}\n"),
        (
            "openwhisk main",
            r#"
def main(event, context):
    return {"body": {"event": event, "id": context.activation_id}}
"#,
        ),
        (
            "openwhisk main",
            "def main(event, context):\n    return {'body': event['http']['method']}\n",
        ),
        (
            "openwhisk main",
            "def main(event, context=None):\n    result = {'body': 'x'}\n    return result\n",
        ),
        ("openwhisk main", "def main():\n    return {'body': 'hello'}\n"),
        (
            // Tried out by hand at the end.
            "openwhisk main",
            r#"
import sys

def main(params):
    return dict(name=params.get("name"))

if __name__ == "__main__":
    print(main({"name": sys.argv[1]}))
"#,
        ),
        (
            "openwhisk main",
            "import logging\nhandler = logging.FileHandler('x')\n\ndef main(args):\n    return {'a': args['b']}\n",
        ),
        // Programs of the command line.
        ("native -", "def main():\n    print('x')\n\nif __name__ == '__main__':\n    main()\n"),
        (
            "native -",
            r#"
import argparse, sys

def main(argv=None):
    parser = argparse.ArgumentParser()
    args = parser.parse_args(argv)
    return 0 if args.verbose else 1

if __name__ == "__main__":
    sys.exit(main())
"#,
        ),
        (
            "native -",
            "def main(args):\n    print(args.url, args.path)\n    return 0\n\nmain(None)\n",
        ),
    ]);
}
