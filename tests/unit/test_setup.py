"""Set-up: what is missing is named with the way to get it, and an unpacked provider is found and linked."""

import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[2] / "tools" / "build" / "setup.py"
TAIL = "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64"


def run(path, call, **environment):
    """Call something of set-up in a process of its own, as ``make`` does, with nothing but these commands."""
    code = (
        "import sys, platform; sys.argv = ['setup.py']\n"
        "platform.system, platform.machine = (lambda: 'Linux'), (lambda: 'x86_64')\n"
        f"import setup\ntry:\n    setup.{call}\n"
        "except setup.MissingPrerequisiteError as error:\n    sys.exit(str(error))"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=SETUP.parent,
        env={"PATH": str(path), "HOME": str(path), "PYENV_ROOT": str(path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def command(folder, name, prints):
    made = folder / name
    made.write_text(f"#!/bin/sh\necho '{prints}'\n")
    made.chmod(0o755)


MISSING = {
    "no Node.js": ("require_node()", {}, "'node' was not found. Install Node.js 18 or newer: nodejs.org"),
    "no npm": ("require_node()", {"node": "v22.1.0"}, "'npm' was not found. Install Node.js 18 or newer: nodejs.org"),
    "an old Node.js": (
        "require_node()",
        {"node": "v16.20.2", "npm": "8"},
        "node is 16.20, and 18.0 or newer is needed. Install Node.js 18 or newer: nodejs.org",
    ),
    "no Terraform": (
        "require_terraform()",
        {},
        "'terraform' was not found. Install Terraform 1.10 or newer: developer",
    ),
    "an old Terraform": (
        "require_terraform()",
        {"terraform": "Terraform v1.5.7"},
        "terraform is 1.5, and 1.10 or newer is needed. Install Terraform 1.10 or newer: developer.hashicorp.com",
    ),
}


@pytest.mark.parametrize(("call", "commands", "says"), MISSING.values(), ids=MISSING)
def test_what_is_missing_or_too_old_is_named_with_the_way_to_get_it(tmp_path, call, commands, says):
    for name, prints in commands.items():
        command(tmp_path, name, prints)

    ended = run(tmp_path, call)

    assert ended.returncode == 1
    assert says in ended.stderr


@pytest.mark.parametrize(
    ("call", "commands"),
    [
        ("require_node()", {"node": "v18.0.0", "npm": "10"}),
        ("require_terraform()", {"terraform": "Terraform v1.10.0\non linux_amd64"}),
    ],
)
def test_the_oldest_that_will_do_does(tmp_path, call, commands):
    for name, prints in commands.items():
        command(tmp_path, name, prints)

    assert run(tmp_path, call).returncode == 0


def test_an_old_python_is_named_with_the_way_to_get_another(tmp_path):
    # Given a machine on which every Python that is found is of 3.9
    command(tmp_path, "python3", "3.9")

    ended = run(tmp_path, "sys.executable = None; setup.find_python()")

    assert ended.returncode == 1
    assert "no Python 3.11 or newer was found. Install 3.13: 'pyenv install 3.13', or from python.org" in ended.stderr


@pytest.fixture
def unpacked(tmp_path):
    """A folder below which an AWS provider lies unpacked, somewhere in it."""
    folder = tmp_path / "opt" / "mirror" / TAIL
    folder.mkdir(parents=True)
    (folder / "terraform-provider-aws_v5.100.0_x5").touch()
    return tmp_path / "opt"


@pytest.mark.parametrize("below", ["", "mirror"])
def test_an_unpacked_provider_is_linked_where_terraform_looks(tmp_path, unpacked, below):
    for _ in range(2):
        assert run(tmp_path, "link_provider()", TERRAFORM_PROVIDER_DIR=str(unpacked / below)).returncode == 0

    link = tmp_path / ".terraform.d" / "plugins" / TAIL
    assert link.is_symlink()
    assert [found.name for found in link.iterdir()] == ["terraform-provider-aws_v5.100.0_x5"]


def test_a_provider_is_looked_for_under_the_usual_roots_too(tmp_path, unpacked):
    ended = run(tmp_path, f"USUAL_PROVIDER_ROOTS = ('/nowhere', {str(unpacked)!r}); setup.link_provider()")

    assert ended.returncode == 0
    assert (tmp_path / ".terraform.d" / "plugins" / TAIL).is_symlink()


def test_a_named_folder_without_a_provider_is_told_and_nothing_is_linked(tmp_path):
    ended = run(tmp_path, "link_provider()", TERRAFORM_PROVIDER_DIR=str(tmp_path))

    assert ended.returncode == 1
    assert f"TERRAFORM_PROVIDER_DIR is {tmp_path}, but no {TAIL} lies below it" in ended.stderr
    assert not (tmp_path / ".terraform.d").exists()


def test_what_was_found_is_left_to_terraform_when_there_is_none(tmp_path):
    # Given a machine without any: 'terraform init' downloads it
    assert run(tmp_path, "USUAL_PROVIDER_ROOTS = ('/nowhere',); setup.link_provider()").returncode == 0
    assert not (tmp_path / ".terraform.d").exists()
