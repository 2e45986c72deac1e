"""Starts AWS's runtime client: `python3 launch.py CLIENT module.function`.

A function sees only Python's own modules and the client, not the packages of
this machine, which AWS doesn't have.
"""

import os
import site
import sys

# A process that `multiprocessing` spawns imports this file, and is no second client.
if __name__ == "__main__":
    client, handler = sys.argv[1:]
    # What `python -S` leaves out and a function may call.
    site.setquit()
    sys.path[0] = client
    # Imported before the function's folder is searched, so that no file of the
    # function can replace a part of the client.
    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    sys.path[0] = os.getcwd()
    sys.path.append(client)
    sys.argv = [sys.argv[0], handler]
    bootstrap.run(handler, LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]))
