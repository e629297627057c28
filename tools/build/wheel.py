"""Build the wheel: both stacks under one name, for an app in another repository, with the functions' bundles.

It is a build backend, so that ``pip install .`` works as well. Nothing has to be installed to run it, and the same
sources make the same bytes.
Sources: https://packaging.python.org/en/latest/specifications/binary-distribution-format/ and
https://peps.python.org/pep-0517/
"""

import base64
import hashlib
import re
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambdas import VERSION
from modules.constructs.bundling import ALL_BUNDLES, BUNDLES
from tools import ROOT
from tools.build.bundle import ZIP_TIME, are_up_to_date

PACKAGE = "aws_webhooks"
# They would collide with an app's own. In the wheel, they are below its one package.
PACKED = ("main", "modules", "lambdas")
_IMPORT = re.compile(rf"^( *from )(?=(?:{'|'.join(PACKED)})\b)", re.MULTILINE)
_KIND = b"Wheel-Version: 1.0\nGenerator: aws_webhooks\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_INIT = '"""Payment webhooks in an AWS account: the app in `main`, the stacks and their layers in `modules`."""\n'


def main() -> None:
    """Write the wheel to ``dist``."""
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    print(f"wheel: dist/{build_wheel(str(folder))}")


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Write the wheel, and return its file's name: what an installer calls.

    Raises
    ------
    SystemExit
        When the bundles are not those of the sources.
    """
    del config_settings, metadata_directory
    if not are_up_to_date():
        sys.exit("wheel: the bundles were not built from these sources, or not by this Python: run 'make wheel'")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stem = f"{PACKAGE}-{VERSION}"
    files = {f"{PACKAGE}/{name}": content for name, content in _package().items()}
    files[f"{stem}.dist-info/METADATA"] = _metadata(project).encode()
    files[f"{stem}.dist-info/WHEEL"] = _KIND
    files[f"{stem}.dist-info/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = f"{stem}.dist-info/RECORD"
    files[record] = _record(files, record)
    with zipfile.ZipFile(Path(wheel_directory) / f"{stem}-py3-none-any.whl", "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.external_attr = 0o644 << 16
            # A bundle is compressed already.
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".zip") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return f"{stem}-py3-none-any.whl"


def _package() -> dict[str, bytes]:
    """Return the files of the package, by their names in it."""
    paths = [path for name in PACKED for path in (ROOT / f"{name}.py", *sorted((ROOT / name).rglob("*")))]
    paths += [BUNDLES / f"{each.name}.zip" for each in ALL_BUNDLES]
    files = {"__init__.py": _INIT.encode(), "py.typed": b""}
    for path in paths:
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            name = path.relative_to(ROOT).as_posix()
            files[name] = below_package(content.decode()).encode() if path.suffix == ".py" else content
    return files


def below_package(source: str) -> str:
    """Return a module's source as it stands in the wheel, where it imports the project's packages from below its one.

    All that import is a ``from``: a plain ``import modules.x`` would give the name ``modules`` to what is none.
    """
    return _IMPORT.sub(rf"\1{PACKAGE}.", source)


def _metadata(project: Mapping[str, Any]) -> str:
    """Return what an installer must know. Source: https://packaging.python.org/specifications/core-metadata/ ."""
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", project["name"]),
        ("Version", VERSION),
        ("Summary", project["description"]),
        ("License-Expression", project["license"]),
        ("License-File", "LICENSE"),
        ("Requires-Python", project["requires-python"]),
        *(("Requires-Dist", each) for each in project["dependencies"]),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields)


def _record(files: Mapping[str, bytes], name: str) -> bytes:
    """Return the list of a wheel's files with digests and sizes, in which the list itself has neither."""
    lines = [f"{each},sha256={_digest(content)},{len(content)}" for each, content in files.items()]
    return "\n".join([*lines, f"{name},,", ""]).encode()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
