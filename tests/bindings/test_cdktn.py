"""A copy that is moved to cdktn, as the documents say, writes what was reviewed: ``make test-cdktn``."""

import os
import re
import shutil
import subprocess

import pytest

from tests.bindings.synthesis import Synthesis
from tools import ROOT

NODE = ROOT / ".tools" / "node" / "node_modules" / ".bin"
SOURCES = ("modules", "lambdas", "tools", "tests")


@pytest.fixture(scope="module")
def moved(bundles, tmp_path_factory):
    """The copy."""
    folder = tmp_path_factory.mktemp("moved")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    (folder / ".build").symlink_to(ROOT / ".build")
    page = (ROOT / "docs" / "cdktf.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ *(perl .*)", page, re.MULTILINE)
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def synthesis(moved, tmp_path_factory):
    python = ROOT / ".tools" / "cdktn" / "bin" / "python"
    path = f"{NODE}{os.pathsep}{os.environ['PATH']}"
    return Synthesis(python, moved, tmp_path_factory.mktemp("cdktn"), PATH=path)


def test_one_constant_and_one_file_of_imports_are_changed(moved):
    changed = {
        path.relative_to(moved).as_posix(): len(set(lines(path)) - set(lines(ROOT / path.relative_to(moved))))
        for path in (moved / "modules").rglob("*.py")
        if lines(path) != lines(ROOT / path.relative_to(moved))
    }

    assert set(changed) == {"modules/synth/bindings.py", "modules/synth/cdk.py"}
    assert changed["modules/synth/bindings.py"] == 1


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_every_stack_is_the_same_but_for_the_long_form_of_the_providers_source(synthesis):
    place = "terraform.required_providers.aws.source"

    assert synthesis.version == "25.8.1"
    assert synthesis.differences() == {f'- {place}: "aws"', f'+ {place}: "hashicorp/aws"'}
    assert synthesis.not_as_reviewed() == set()


def test_few_modules_are_loaded(synthesis):
    assert 0 < max(synthesis.loaded.python, synthesis.loaded.node) < 200


def test_the_copy_runs_on_the_newer_node():
    version = subprocess.run([NODE / "node", "--version"], capture_output=True, text=True, check=True).stdout

    assert int(version.removeprefix("v").split(".")[0]) >= 22
