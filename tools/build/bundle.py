"""Build the functions' bundles: one arm64 zip each, the same bytes from the same inputs.

One zip for each function, and no shared layer: a function's code and its dependencies change together, are rolled back
together, and a change of one function redeploys that function alone. The dependencies are small enough to be there five
times.

Ingestion has a second bundle with compiled code, for stacks with a provider whose signatures need it; see `NATIVE`.

Left out is what Lambda's Python runtime brings: boto3 and what it needs; and of Powertools, whose parts are many, what
the function cannot reach.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
"""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType

from modules.constructs.bundling import (
    ALL_BUNDLES,
    API_CATEGORY,
    BUNDLES,
    CATEGORY,
    FUNCTIONS,
    NATIVE_CATEGORY,
    NATIVE_SUFFIX,
    Bundle,
)
from tools import ROOT
from tools.build.docs_assets import copy_assets
from tools.build.locked import locked
from tools.build.prune_imports import unreachable

__all__ = ["BUNDLES", "FUNCTIONS", "NATIVE_SUFFIX", "are_up_to_date", "build", "bundles_for_this_machine"]

BUILD = ROOT / ".build"
DEPENDENCIES = BUILD / "dependencies"
NATIVE_DEPENDENCIES = BUILD / "native-dependencies"
API_DEPENDENCIES = BUILD / "api-dependencies"
INSTALLED = {CATEGORY: DEPENDENCIES, NATIVE_CATEGORY: NATIVE_DEPENDENCIES, API_CATEGORY: API_DEPENDENCIES}
# Files from npm packages and of the portal, in the place that they have in the bundle.
DOCS_ASSETS = BUILD / "docs-assets"
ASSETS = {"delivery_docs": DOCS_ASSETS}
# What a bundle's bytes follow from, besides the version of Python.
INPUTS = (
    "lambdas",
    "tools/build/bundle.py",
    "tools/build/compile_bytecode.py",
    "tools/build/prune_imports.py",
    "tools/build/docs_assets",
    "tools/build/one_script.py",
    "tools/pages",
    "tools/portal",
    "modules/constructs/bundling.py",
    "Pipfile.lock",
)
# Bundles with compiled code of this machine's kind.
BUNDLES_HERE = BUILD / "bundles-here"
RUNTIME_PYTHON = (3, 13)
RUNTIME_PROVIDES = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python-dateutil", "six"})
# Packages of which only what a function reaches is shipped.
REACHED_ONLY = ("aws_lambda_powertools",)
# What Powertools imports only once it meets a model of Pydantic's, which a function without Pydantic cannot have.
FOR_PYDANTIC_ONLY = ("aws_lambda_powertools.event_handler.openapi.compat", "aws_lambda_powertools.utilities.parser")
# pip resolves to old versions when it is given the newer platform tag alone.
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_28_aarch64")
# Written by the installer, and different from machine to machine.
INSTALLER_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json"})
# The earliest time that a zip can hold: every file has it, so that bytes do not depend on when they were built.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Build all bundles, unless they were built from the same inputs; print their sizes and digests."""
    if sys.version_info[:2] != RUNTIME_PYTHON:
        print(
            f"bundle: this is Python {sys.version_info[0]}.{sys.version_info[1]}, so no bytecode for 3.13 is included"
        )
    if _made_of(BUNDLES, digest := _digest(_inputs())):
        print(f"bundle: {len(ALL_BUNDLES)} bundles are up to date")
        return
    for category, folder in INSTALLED.items():
        install_dependencies(ROOT / "Pipfile.lock", folder, category)
    shutil.rmtree(DOCS_ASSETS, ignore_errors=True)
    copy_assets(DOCS_ASSETS / "lambdas" / "delivery_docs" / "assets")
    BUNDLES.mkdir(parents=True, exist_ok=True)
    for each in ALL_BUNDLES:
        bundle = BUNDLES / f"{each.name}.zip"
        build_one(each, bundle)
        sha256 = hashlib.sha256(bundle.read_bytes()).hexdigest()
        print(f"bundle: {each.name:20} {bundle.stat().st_size:>9,} bytes  sha256 {sha256[:16]}")
    _stamp(BUNDLES).write_text(digest, encoding="utf-8")


def are_up_to_date() -> bool:
    """Tell whether every bundle is built from the sources as they are, by this Python."""
    return _made_of(BUNDLES, _digest(_inputs()))


def bundles_for_this_machine(folder: Path = BUNDLES_HERE) -> Path:
    """Return a folder with bundles that run on this machine, for a local AWS, which runs functions as they are.

    Compiled code must be of the machine's kind, and only the native bundles hold any: for these the packages are taken
    from the environment that this runs in, which holds the same versions from the same lock. What the folder holds
    already is taken as it is, when the same bundles made it: change nothing in it.

    Raises
    ------
    FileNotFoundError
        When the bundles have not been built.
    """
    if platform.machine() in ("aarch64", "arm64") and sys.version_info[:2] == RUNTIME_PYTHON:
        return BUNDLES
    with locked(folder.with_suffix(".lock")):
        if _made_of(folder, digest := _digest(sorted(BUNDLES.glob("*.zip")))):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(BUNDLES, folder, ignore=shutil.ignore_patterns(_stamp(BUNDLES).name))
        here = {category: folder / f"{category}-here" for category in INSTALLED if category != CATEGORY}
        for category, target in here.items():
            copy_installed(locked_names(ROOT / "Pipfile.lock", category), target)
        for each in ALL_BUNDLES:
            if each.is_native:
                build_one(each, folder / f"{each.name}.zip", INSTALLED | here)
        _stamp(folder).write_text(digest, encoding="utf-8")
    return folder


def _inputs() -> list[Path]:
    found = [path for name in INPUTS for path in (ROOT / name, *(ROOT / name).rglob("*"))]
    return sorted(path for path in found if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts))


def _digest(files: Iterable[Path]) -> str:
    """Return a digest of what a folder of bundles is made from: files, their names, and this Python."""
    digest = hashlib.sha256(sys.version.encode())
    for path in files:
        digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _made_of(folder: Path, digest: str) -> bool:
    """Tell whether a folder holds every bundle, made from what has this digest."""
    whole = all((folder / f"{each.name}.zip").is_file() for each in ALL_BUNDLES)
    return whole and _stamp(folder).is_file() and _stamp(folder).read_text(encoding="utf-8") == digest


def _stamp(folder: Path) -> Path:
    return folder / ".made-from"


def copy_installed(names: Iterable[str], target: Path) -> None:
    """Copy packages of the running environment as they are."""
    for name in names:
        try:
            files = distribution(name).files or []
        except PackageNotFoundError as error:
            raise FileNotFoundError(f"{name} is not installed: run 'make setup' first") from error
        for file in files:
            if ".." not in file.parts and file.suffix != ".pyc":
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), target / file)


def locked_names(lock: Path, category: str) -> list[str]:
    """Return the names of a category's packages."""
    return sorted(json.loads(lock.read_text(encoding="utf-8"))[category])


def locked_requirements(lock: Path, category: str = CATEGORY) -> list[str]:
    """Return the functions' dependencies as hashed requirements, without those that the runtime brings."""
    locked = json.loads(lock.read_text(encoding="utf-8"))[category]
    return [
        " ".join([name + entry["version"], *(f"--hash={digest}" for digest in entry["hashes"])])
        for name, entry in sorted(locked.items())
        if name not in RUNTIME_PROVIDES
    ]


def install_dependencies(lock: Path, target: Path, category: str = CATEGORY) -> None:
    """Install the functions' dependencies for arm64, unless they are there from the same lock."""
    requirements = "\n".join(locked_requirements(lock, category)) + "\n"
    stamp = target / ".requirements"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == requirements:
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    listed = BUILD / "requirements.txt"
    listed.write_text(requirements, encoding="utf-8")
    platforms = [argument for platform in PLATFORMS for argument in ("--platform", platform)]
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"),
            *("--only-binary=:all:", "--implementation=cp", "--python-version=" + ".".join(map(str, RUNTIME_PYTHON))),
            *(*platforms, "--target", str(target), "--requirement", str(listed)),
        ],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # What it prints otherwise is about the machine, such as an index that it does not reach.
    if ran.returncode:
        sys.exit(f"bundle: the functions' dependencies could not be installed:\n{ran.stdout}")
    stamp.write_text(requirements, encoding="utf-8")


def build_one(each: Bundle, bundle: Path, installed: Mapping[str, Path] = MappingProxyType(INSTALLED)) -> None:
    """Write a bundle as it is declared.

    Parameters
    ----------
    installed : Mapping[str, Path]
        Category to the folder with its packages.
    """
    folders = [installed[category] for category in each.categories]
    if each.function in ASSETS:
        folders.append(ASSETS[each.function])
    build(each.function, bundle, folders, each.shared)


def build(
    function: str,
    bundle: Path,
    dependencies: Sequence[Path] = (DEPENDENCIES,),
    shared: Sequence[str] = ("shared", "inbound"),
) -> None:
    """Write the bundle of one function, with what is installed in some folders.

    Parameters
    ----------
    shared : Sequence[str]
        Folders below ``lambdas/`` whose code it shares with others.
    """
    package = ROOT / "lambdas"
    files_of_it = _files(package, (*shared, function))
    sources = {f"lambdas/{path.relative_to(package).as_posix()}": path for path in files_of_it}
    for folder in dependencies:
        for path in folder.rglob("*"):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and path.name not in INSTALLER_FILES and not name.startswith((".", "bin/")):
                sources[name] = path
    never = () if "pydantic/__init__.py" in sources else FOR_PYDANTIC_ONLY
    for dependency in REACHED_ONLY:
        for name in unreachable(sources, dependency, [f"lambdas/{function}/handler.py"], never):
            del sources[name]
    files = {name: path.read_bytes() for name, path in sources.items()}
    if sys.version_info[:2] == RUNTIME_PYTHON:
        files |= _bytecode({name: path for name, path in sources.items() if name.endswith(".py")})
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])


def _files(package: Path, folders: Sequence[str]) -> list[Path]:
    """Return the files of some folders, data such as documents among them."""
    found = [path for folder in folders for path in (package / folder).rglob("*")]
    return [
        package / "__init__.py",
        *(path for path in found if path.is_file() and "__pycache__" not in path.parts),
    ]


def _bytecode(sources: dict[str, Path]) -> dict[str, bytes]:
    """Return the bytecode files of sources, by their names in the bundle."""
    compiled = {}
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for number, (name, path) in enumerate(sorted(sources.items())):
            package, _, module = name.rpartition("/")
            bytecode = Path(folder) / str(number)
            compiled[f"{package}/__pycache__/{module[:-3]}.cpython-313.pyc".lstrip("/")] = bytecode
            jobs.append([str(path), str(bytecode), f"/var/task/{name}"])
        subprocess.run(
            [sys.executable, "-S", "-s", str(Path(__file__).with_name("compile_bytecode.py"))],
            input=json.dumps(jobs),
            text=True,
            check=True,
            env={"PYTHONHASHSEED": "0"},
        )
        return {name: bytecode.read_bytes() for name, bytecode in compiled.items()}


if __name__ == "__main__":
    main()
