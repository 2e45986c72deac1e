import logging
import os
import subprocess
import sys
import time

print("imported")


def handler(event, context):
    what = event["do"]
    if what == "raise":
        raise ValueError("told to")
    if what == "unfit":
        return {1, 2}
    if what == "exit":
        os._exit(3)
    if what == "exit 0":
        os._exit(0)
    if what == "large":
        return "x" * 7_000_000
    if what == "hang":
        child = subprocess.Popen(["sleep", "600"])
        other = subprocess.Popen(["sleep", "600"], start_new_session=True)
        print("children", child.pid, other.pid)
        time.sleep(600)
    if what == "memory":
        taken = bytearray(200_000_000)
        taken[::1000] = b"x" * len(taken[::1000])
    if what == "memory of a child":
        subprocess.run([sys.executable, "-c", "x = b'x' * 200_000_000; import time; time.sleep(60)"])
    if what == "speak":
        print("out 1")
        print("err 1", file=sys.stderr)
        print("out 2")
        logging.warning("logged")
    if what == "speak for long":
        for i in range(10_000):
            print("line", i)
    if what == "describe":
        return {
            "variables": dict(os.environ),
            "name": context.function_name,
            "memory": context.memory_limit_in_mb,
            "left": context.get_remaining_time_in_millis(),
            "arn": context.invoked_function_arn,
            "folder": os.getcwd(),
            "files": os.listdir("."),
        }
    return "done"
