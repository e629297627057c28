"""What is measured: our functions from their real bundles, the peers, and our functions at earlier revisions."""

import compileall
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from bench.process import MeasuredFunction
from modules.constructs.bundling import BUNDLES, FUNCTIONS
from tools import ROOT
from tools.build.bundle import RUNTIME_PROVIDES, copy_installed
from tools.build.docs_assets import PACKAGES

BARE, FRAMEWORK = "bare boto3", "FastAPI + Mangum"


def runtime(folder: Path) -> Path:
    """Make a folder with what Lambda's runtime brings, from this environment."""
    copy_installed(RUNTIME_PROVIDES, folder)
    return _compiled(folder)


def unpacked(bundle: Path, folder: Path) -> Path:
    """Unpack a bundle."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    return folder


def ours(folder: Path, runtime_folder: Path, bundles: Path = BUNDLES) -> dict[str, MeasuredFunction]:
    """Return our functions; an earlier revision has not all of them."""
    return {
        name: MeasuredFunction(
            module=f"lambdas.{name}.handler",
            folders=[unpacked(bundles / f"{name}.zip", folder / name), runtime_folder],
        )
        for name in FUNCTIONS
        if bundles == BUNDLES or (bundles / f"{name}.zip").is_file()
    }


def peers(folder: Path, runtime_folder: Path) -> dict[str, MeasuredFunction]:
    """Return the peers, each with what it needs beyond the runtime."""
    made = {}
    for name, module, needs in ((BARE, "bare", ()), (FRAMEWORK, "fastapi_mangum", ("fastapi", "mangum"))):
        task = folder / module
        package = task / "bench" / "peers"
        package.mkdir(parents=True)
        (task / "bench" / "__init__.py").touch()
        for file in ("__init__", "job", module):
            shutil.copy(ROOT / "bench" / "peers" / f"{file}.py", package)
        copy_installed(set(_with_dependencies(needs)) - RUNTIME_PROVIDES, task)
        made[name] = MeasuredFunction(module=f"bench.peers.{module}", folders=[_compiled(task), runtime_folder])
    return made


def revision(name: str, folder: Path) -> Path:
    """Check an earlier revision out, build its bundles with that revision's own tools, and return its folder."""
    folder.mkdir(parents=True)
    tree = subprocess.run(["git", "archive", name], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=tree, check=True)
    # What was installed for a lock is used again where the lock is the same.
    shutil.copytree(ROOT / ".build", folder / ".build", ignore=shutil.ignore_patterns("bundles"))
    for pages in folder.glob("tools/**/docs_assets"):
        (pages / "node_modules").symlink_to(PACKAGES)
    subprocess.run(
        ["make", "-o", "setup", "bundle", f"PYTHON={sys.executable}"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    return folder


def bundles_of(revision_folder: Path) -> Path:
    """Return the folder of an earlier revision's bundles."""
    return revision_folder / BUNDLES.relative_to(ROOT)


def _with_dependencies(names: Iterable[str]) -> Iterator[str]:
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)


def _compiled(folder: Path) -> Path:
    compileall.compile_dir(folder, quiet=2)
    return folder
