"""The files that the function ``delivery_docs`` serves: of Swagger UI and ReDoc, and of the tenants' portal.

The first come from npm packages, of one lock file. They have a folder of their own, since ReDoc wants a React that the
cdktf command line does not.

ReDoc 3 is not taken: it comes with telemetry, by a package that not every registry has.
"""

from pathlib import Path

from lambdas.delivery_docs.site import PACKED, VENDORED, pack
from tools import ROOT
from tools.build.one_script import one_script

PACKAGES = Path(__file__).resolve().parent / "node_modules"
# ReDoc says who made it, with a picture from another host, which the pages' policy would refuse with a complaint.
REDOC_PICTURE = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
NO_PICTURE = b"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"
_FOLDERS = {"swagger": PACKAGES / "swagger-ui-dist", "redoc": PACKAGES / "redoc" / "bundles"}


def sources() -> dict[str, Path]:
    """Return name and place of each file.

    Raises
    ------
    FileNotFoundError
        When the packages are not installed.
    """
    found = {name: _FOLDERS["redoc" if name.startswith("redoc") else "swagger"] / name for name in VENDORED}
    for path in found.values():
        if not path.is_file():
            raise FileNotFoundError(f"{path.name} is not installed: run 'make setup' first")
    return found


def made() -> dict[str, bytes]:
    """Return name and content of each file of the portal."""
    return {"portal.js": one_script().encode(), "pages.css": (ROOT / "tools" / "pages" / "pages.css").read_bytes()}


def copy_assets(folder: Path) -> Path:
    """Write the files in gzip into a folder, which a bundle has as ``lambdas/delivery_docs/assets``.

    Raises
    ------
    FileNotFoundError
        When the packages are not installed.
    ValueError
        When ReDoc asks another host for something else than it did.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in sources().items():
        content = path.read_bytes()
        if name == "redoc.standalone.js":
            if content.count(REDOC_PICTURE) != 1 or content.count(b"cdn.redoc") != 1:
                raise ValueError("redoc.standalone.js: the link to another host's picture is not in its expected place")
            content = content.replace(REDOC_PICTURE, NO_PICTURE)
        (folder / (name + PACKED)).write_bytes(pack(content))
    for name, content in made().items():
        (folder / (name + PACKED)).write_bytes(pack(content))
    return folder
