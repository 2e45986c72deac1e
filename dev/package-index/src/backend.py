import os
import zipfile

from settings import NAME, TAG, VERSION


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = {f"{NAME}/__init__.py": f"VERSION = {VERSION!r}\n"}
    with open("statements.py") as statements:
        exec(compile(statements.read(), "statements.py", "exec"), {"files": files})
    info = f"{NAME}-{VERSION}.dist-info"
    pure = "true" if TAG.endswith("-any") else "false"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n"
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {TAG}\n"
    )
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    wheel = f"{NAME}-{VERSION}-{TAG}.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w") as archive:
        for path, content in files.items():
            # With a fixed time, so that the same source always makes the same wheel.
            archive.writestr(zipfile.ZipInfo(path), content)
    return wheel
