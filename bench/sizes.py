"""What the bundles weigh, and what of."""

import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bench.measure import Document
from bench.report import show
from modules.constructs.bundling import BUNDLES


def measure(folders: Mapping[str, Path]) -> Document:
    """Return the bytes of every bundle in some folders, zipped and unzipped, by top-level package.

    Parameters
    ----------
    folders : Mapping[str, Path]
        What stands before each bundle's name; empty for those of now.
    """
    return {
        "unit": "bytes",
        "bundles": {
            f"{bundle.stem}{f' at {name}' if name else ''}": _parts(bundle)
            for name, folder in {"": BUNDLES, **folders}.items()
            for bundle in sorted(folder.glob("*.zip"))
        },
    }


def _parts(bundle: Path) -> Document:
    zipped, unzipped, native = Counter[str](), Counter[str](), 0
    with zipfile.ZipFile(bundle) as archive:
        for entry in archive.infolist():
            package = _package(entry.filename)
            zipped[package] += entry.compress_size
            unzipped[package] += entry.file_size
            if ".so" in Path(entry.filename).suffixes:
                native += entry.compress_size
    return {
        "zipped": bundle.stat().st_size,
        "unzipped": sum(unzipped.values()),
        "compiledForOneMachine": native,
        "parts": {
            package: {"zipped": bytes_, "unzipped": unzipped[package]} for package, bytes_ in zipped.most_common()
        },
    }


def _package(name: str) -> str:
    top = name.split("/", maxsplit=1)[0]
    if top == "__pycache__":
        top = name.split("/")[1].split(".", maxsplit=1)[0]
    # A package and what says where it comes from are one.
    return top.removesuffix(".py").split("-")[0].split(".")[0]


def table(document: Document) -> None:
    """Show the figures."""
    show(
        "Bundles: bytes zipped and unzipped",
        ("bundle", "zipped", "unzipped", "compiled, zipped", "made up of, zipped"),
        [
            (
                name,
                f"{one['zipped']:,}",
                f"{one['unzipped']:,}",
                f"{one['compiledForOneMachine']:,}",
                ", ".join(f"{part} {size['zipped']:,}" for part, size in list(one["parts"].items())[:4]),
            )
            for name, one in document["bundles"].items()
        ],
    )
