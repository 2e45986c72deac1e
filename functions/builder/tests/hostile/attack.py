import json
import os
import subprocess
import sys

work = os.path.dirname(os.environ["HOME"])
found = {"environ": dict(os.environ), "processes": {}, "markers": []}

# The environments of all processes that came before this one.
process = os.getppid()
while process > 0:
    try:
        with open(f"/proc/{process}/environ") as environ:
            found["processes"][process] = environ.read()
    except OSError as error:
        found["processes"][process] = type(error).__name__
    try:
        with open(f"/proc/{process}/stat") as stat:
            process = int(stat.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        break

# What the build before has left, and something for the next one.
for folder in [work, os.environ["HOME"], os.environ["TMPDIR"], os.environ["UV_CACHE_DIR"]]:
    for root, _, names in os.walk(folder):
        found["markers"] += [os.path.join(root, name) for name in names if name == "marker"]
    hidden = os.path.join(folder, "hidden", "inner")
    os.makedirs(hidden, exist_ok=True)
    for place in [folder, hidden]:
        with open(os.path.join(place, "marker"), "w") as marker:
            marker.write("here I was")
    os.chmod(os.path.dirname(hidden), 0)

# Processes without parents, of which each starts the next one in a session of its own, and writes on. They
# end after a while, for the case that the builder lets them live.
later = """
import os, time
end = time.time() + 20
while time.time() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(PACE)
    try:
        os.makedirs(WORK, exist_ok=True)
        with open(os.path.join(WORK, "marker"), "a") as marker:
            marker.write("still here")
    except OSError:
        pass
""".replace("WORK", repr(work))
for pace in ["0", "0.005"]:
    # Without the pipes of uv, which would wait for it.
    subprocess.Popen(
        [sys.executable, "-c", later.replace("PACE", pace), "hostile-to-the-builder"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

files["hostile/found.json"] = json.dumps(found)
