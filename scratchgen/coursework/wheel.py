"""The library as it is installed here, packed as a wheel: so that the grading machine has the very version that wrote the exercises.

A wheel (PEP 427) is a zip of the package and of a folder that describes it, with a list of all files and their checksums.
"""

import base64
import hashlib
import importlib.metadata
import zipfile
from pathlib import Path

import scratchgen

DISTRIBUTION = "scratchgen-nets"  # on an index `scratchgen` is another project
TAGS = "Wheel-Version: 1.0\nGenerator: scratchgen\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_wheel(folder):
    """Write the wheel into the folder -> its path. RuntimeError if the library runs from a place where it was never installed."""
    try:
        about = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise RuntimeError("scratchgen runs here without being installed, so no wheel can be made of it; pip install -e . in its folder") from None
    name = f"{DISTRIBUTION.replace('-', '_')}-{about.version}"
    package, described = Path(scratchgen.__file__).parent, f"{name}.dist-info"
    files = {f"scratchgen/{path.relative_to(package).as_posix()}": path.read_bytes() for path in sorted(package.rglob("*")) if wanted(path)}
    files[f"{described}/METADATA"] = str(about.metadata).encode()
    files[f"{described}/WHEEL"] = TAGS.encode()
    files[f"{described}/entry_points.txt"] = about.read_text("entry_points.txt").encode()
    record = [f"{path},sha256={checksum(content)},{len(content)}" for path, content in files.items()]
    files[f"{described}/RECORD"] = "\n".join([*record, f"{described}/RECORD,,", ""]).encode()
    out = Path(folder) / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files.items():
            wheel.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)  # a fixed date: the same library, the same wheel
    return out


def wanted(path):
    """Whether it is a file of the package, and not one that running it has left."""
    return path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".nbi", ".nbc")


def checksum(content):
    """As RECORD has it: SHA-256 in base64 without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
