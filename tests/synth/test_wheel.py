"""The wheel: an app of somebody else's, with only it and what it asks for, synthesizes what the checkout does."""

import ast
import csv
import json
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from base64 import urlsafe_b64encode
from email import message_from_string
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lambdas import VERSION
from main import build_app
from tests.lazy import loaded_by
from tests.synth.test_purity import clean_environment, files
from tools import ROOT
from tools.build import wheel

ENVIRONMENTS = {
    "dev": {
        "providers": ["github", "standard-webhooks-ed25519"],
        "delivery": {},
    }
}
SYNTH = """
import runpy, sys
runpy.run_module("aws_webhooks.main", run_name="__main__", alter_sys=True)
assert not {"main", "modules", "lambdas", "tools"} & {name.partition(".")[0] for name in sys.modules}
"""


def run(*command, cwd, **variables):
    process = subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process


@pytest.fixture(scope="module")
def python(bundles, tmp_path_factory):
    """The interpreter of an environment into which ``pip install .`` put the wheel, beside what is installed here."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder), cwd=folder)
    python = folder / "bin" / "python"
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip()
    (Path(packages) / "beside.pth").write_text(sysconfig.get_path("purelib"))
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
    run(*pip, "--no-index", "--no-deps", str(ROOT), cwd=folder)
    return python


@pytest.fixture(scope="module")
def built(bundles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    return folder / wheel.build_wheel(str(folder))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A user's project, with files of its own that are called like the checkout's."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "cdktf.json").write_text(json.dumps({"context": {"environments": ENVIRONMENTS}}))
    for name in ("main.py", "modules.py", "lambdas.py", "tools.py"):
        (folder / name).write_text("raise ImportError('the user has a module of this name')\n")
    return folder


def test_it_synthesizes_the_same_bytes_in_a_folder_of_its_own(python, project, tmp_path):
    # Given
    build_app("dev", tmp_path / "checkout", declared=project / "cdktf.json").synth()

    # When
    loaded = loaded_by(SYNTH, tmp_path, python=python, root=project)

    # Then
    written = files(project / "cdktf.out")
    assert written == files(tmp_path / "checkout")
    assert {"stacks/webhooks-dev/cdk.tf.json", "stacks/delivery-dev/cdk.tf.json"} <= set(written)
    assert max(loaded.python, loaded.node) < 200


def test_every_module_of_it_can_be_imported(python, project, built):
    with zipfile.ZipFile(built) as archive:
        names = [
            name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for name in archive.namelist()
            if name.startswith(("aws_webhooks/modules/", "aws_webhooks/main")) and name.endswith(".py")
        ]

    assert len(names) > 60
    assert run(python, "-c", "\n".join(f"import {name}" for name in names), cwd=project).stderr == ""


def test_it_has_one_name_and_imports_what_is_below_it(built):
    with zipfile.ZipFile(built) as archive:
        sources = {name: archive.read(name) for name in archive.namelist()}

    assert {name.partition("/")[0] for name in sources} == {"aws_webhooks", f"aws_webhooks-{VERSION}.dist-info"}
    imported = {
        module.partition(".")[0]
        for name, source in sources.items()
        if name.endswith(".py")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0)
        for module in ([each.name for each in node.names] if isinstance(node, ast.Import) else [node.module])
    }
    assert "aws_webhooks" in imported
    assert imported & {"main", "modules", "lambdas", "tools"} == set()


def test_its_record_has_every_file_with_digest_and_size(built):
    with zipfile.ZipFile(built) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    (record,) = (name for name in contents if name.endswith("/RECORD"))
    listed = {name: (digest, size) for name, digest, size in csv.reader(contents[record].decode().splitlines())}

    assert listed.pop(record) == ("", "")
    del contents[record]
    assert listed == {
        name: (f"sha256={urlsafe_b64encode(sha256(content).digest()).decode().rstrip('=')}", str(len(content)))
        for name, content in contents.items()
    }


def test_the_same_sources_make_the_same_bytes(built, tmp_path):
    again = tmp_path / wheel.build_wheel(str(tmp_path))

    assert again.read_bytes() == built.read_bytes()


def test_it_asks_for_what_the_pipfile_does_in_the_versions_that_are_tested(built):
    with zipfile.ZipFile(built) as archive:
        metadata = message_from_string(archive.read(f"aws_webhooks-{VERSION}.dist-info/METADATA").decode())
    asked = {item.name: item.specifier for item in map(Requirement, metadata.get_all("Requires-Dist"))}
    locked = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))["default"]

    assert set(asked) == set(tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))["packages"])
    assert [name for name, allowed in asked.items() if not allowed.contains(locked[name]["version"].strip("="))] == []
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Python"]) == ("aws-webhooks", VERSION, ">=3.11")


def test_it_is_not_built_with_old_bundles(bundles, tmp_path, monkeypatch):
    monkeypatch.setattr(wheel, "are_up_to_date", lambda: False)

    with pytest.raises(SystemExit, match=r"not built from these sources.* run 'make wheel'"):
        wheel.build_wheel(str(tmp_path))

    assert list(tmp_path.iterdir()) == []
