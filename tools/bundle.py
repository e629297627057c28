"""Build the functions' bundles: one arm64 zip each, the same bytes from the same inputs.

One zip for each function, and no shared layer: a function's code and its dependencies change together, are rolled back
together, and a change of one function redeploys that function alone. The dependencies are small enough to be there five
times.

Left out is what Lambda's Python runtime brings: boto3 and what it needs.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from modules.bundling import BUNDLES, FUNCTIONS

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
DEPENDENCIES = BUILD / "dependencies"
RUNTIME_PYTHON = (3, 13)
RUNTIME_PROVIDES = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python-dateutil", "six"})
# pip resolves to old versions when it is given the newer platform tag alone.
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_28_aarch64")
# Written by the installer, and different from machine to machine.
INSTALLER_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json"})
# The earliest time that a zip can hold: every file has it, so that bytes do not depend on when they were built.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Build all bundles and print their sizes and digests."""
    if sys.version_info[:2] != RUNTIME_PYTHON:
        print(
            f"bundle: this is Python {sys.version_info[0]}.{sys.version_info[1]}, so no bytecode for 3.13 is included"
        )
    install_dependencies(ROOT / "Pipfile.lock", DEPENDENCIES)
    BUNDLES.mkdir(parents=True, exist_ok=True)
    for function in FUNCTIONS:
        bundle = BUNDLES / f"{function}.zip"
        build(function, bundle)
        digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
        print(f"bundle: {function:12} {bundle.stat().st_size:>9,} bytes  sha256 {digest[:16]}")


def locked_requirements(lock: Path) -> list[str]:
    """Return the functions' dependencies as hashed requirements, without those that the runtime brings."""
    locked = json.loads(lock.read_text(encoding="utf-8"))["functions"]
    return [
        " ".join([name + entry["version"], *(f"--hash={digest}" for digest in entry["hashes"])])
        for name, entry in sorted(locked.items())
        if name not in RUNTIME_PROVIDES
    ]


def install_dependencies(lock: Path, target: Path) -> None:
    """Install the functions' dependencies for arm64, unless they are there from the same lock."""
    requirements = "\n".join(locked_requirements(lock)) + "\n"
    stamp = target / ".requirements"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == requirements:
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    listed = BUILD / "requirements.txt"
    listed.write_text(requirements, encoding="utf-8")
    platforms = [argument for platform in PLATFORMS for argument in ("--platform", platform)]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"),
            *("--only-binary=:all:", "--implementation=cp", "--python-version=" + ".".join(map(str, RUNTIME_PYTHON))),
            *(*platforms, "--target", str(target), "--requirement", str(listed)),
        ],
        check=True,
    )
    stamp.write_text(requirements, encoding="utf-8")


def build(function: str, bundle: Path, dependencies: Path = DEPENDENCIES) -> None:
    """Write the bundle of one function."""
    package = ROOT / "lambdas"
    sources = {f"lambdas/{path.relative_to(package).as_posix()}": path for path in _python_files(package, function)}
    for path in dependencies.rglob("*"):
        name = path.relative_to(dependencies).as_posix()
        if path.is_file() and path.name not in INSTALLER_FILES and not name.startswith((".", "bin/")):
            sources[name] = path
    files = {name: path.read_bytes() for name, path in sources.items()}
    if sys.version_info[:2] == RUNTIME_PYTHON:
        files |= _bytecode({name: path for name, path in sources.items() if name.endswith(".py")})
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])


def _python_files(package: Path, function: str) -> list[Path]:
    return [package / "__init__.py", *(package / "shared").rglob("*.py"), *(package / function).rglob("*.py")]


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
