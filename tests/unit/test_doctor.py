"""``make doctor``: what is there, what is missing and the way to get it, before anything is installed."""

import ast
import hashlib
import json
import shutil
import socket
import subprocess
import sys

import pytest

from tests.unit.test_setup import command
from tools import ROOT


@pytest.fixture
def machine(tmp_path):
    """A checkout's Makefile and set-up on a machine that has make and Python, and nothing else."""
    build = tmp_path / "checkout" / "tools" / "build"
    build.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path / "checkout")
    for name in ("setup.py", "doctor.py", "browser.py"):
        shutil.copy(ROOT / "tools" / "build" / name, build)
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "make").symlink_to(shutil.which("make"))
    (commands / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (commands / "python3").chmod(0o755)
    return tmp_path


def make(machine, target="doctor", **environment):
    home = str(machine / "home")
    return subprocess.run(
        [shutil.which("make"), target],
        cwd=machine / "checkout",
        env={"PATH": str(machine / "bin"), "HOME": home, "PYENV_ROOT": home, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def rows(printed):
    """Return the page's lines by what they begin with."""
    names = ("make", "python", "node ", "npm", "terraform", "AWS provider", ".venv", "node_modules", "API's pages")
    names += ("audit's tools", "bundles", "chromium", "AWS credentials", "ports")
    return {name.strip(): line for name in names for line in printed.splitlines() if line.startswith(name)}


def test_on_a_bare_machine_all_that_is_missing_is_said_at_once(machine):
    ran = make(machine)

    found = rows(ran.stdout)
    assert (ran.returncode, len(found)) == (2, 14)
    assert {name for name, line in found.items() if "MISSING" in line} == {"node", "npm", "terraform"}
    assert "Install Node.js 18 or newer: nodejs.org" in found["node"]
    assert found[".venv"].endswith("make setup")
    assert found["bundles"].endswith("make bundle")


def test_what_is_there_is_shown_with_version_and_place(machine):
    for name, prints in (("node", "v22.1.0"), ("npm", "10.9.2"), ("terraform", "Terraform v1.11.4"), ("chromium", "x")):
        command(machine / "bin", name, prints)
    bundles = machine / "checkout" / ".build" / "bundles"
    bundles.mkdir(parents=True)
    (bundles / "status.zip").touch()

    ran = make(machine)

    found = rows(ran.stdout)
    assert ran.returncode == 0
    assert f"ok       22.1.0, {machine}/bin/node" in found["node"]
    assert f"ok       1.11.4, {machine}/bin/terraform" in found["terraform"]
    assert " ok " in found["chromium"]
    assert found["bundles"].split()[1:] == ["ok", "1"]


@pytest.mark.parametrize(
    ("name", "prints", "says"),
    [("node", "v16.20.2", "16.20.2"), ("terraform", "Terraform v1.5.7", "1.5.7"), ("npm", "oops", "does not answer")],
)
def test_what_is_too_old_or_does_not_answer_is_missing(machine, name, prints, says):
    command(machine / "bin", name, prints)

    line = rows(make(machine).stdout)[name]

    assert "MISSING" in line
    assert f"{says}, {machine}/bin/{name}; " in line


def test_the_first_failure_of_a_target_shows_the_page(machine):
    ran = make(machine, "demo")

    assert ran.returncode == 2
    assert "set-up stopped: 'node' was not found" in ran.stderr
    assert "MISSING" in rows(ran.stdout)["terraform"]


CREDENTIALS = {
    "none": ({}, "to deploy to AWS alone"),
    "keys": ({"AWS_ACCESS_KEY_ID": "AKIASECRETKEY", "AWS_SECRET_ACCESS_KEY": "very-secret"}, "in the environment"),
    "a profile": ({"AWS_PROFILE": "very-secret-profile"}, "by AWS_PROFILE"),
    "a container's role": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://very-secret"}, "from this machine's role"),
}


@pytest.mark.parametrize(("environment", "says"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_are_told_by_where_they_are_and_never_printed(machine, environment, says):
    ran = make(machine, **environment)

    assert says in rows(ran.stdout)["AWS credentials"]
    assert [value for value in environment.values() if value in ran.stdout + ran.stderr] == []


def test_what_set_up_made_from_another_lock_file_is_to_be_made_again(machine):
    lock = machine / "checkout" / "package-lock.json"
    lock.write_text("{}")
    stamp = machine / "checkout" / "node_modules" / ".setup-digest"
    stamp.parent.mkdir()
    stamp.write_text(hashlib.sha256(b"with pip{}").hexdigest())

    assert "as locked" in rows(make(machine).stdout)["node_modules"]
    lock.write_text("{} ")
    line = rows(make(machine).stdout)["node_modules"]

    assert "made from another package-lock.json" in line
    assert line.endswith("make setup")


def test_the_port_of_what_runs_is_shown_and_of_what_ended_the_way_to_clean_up(machine):
    (machine / "checkout" / ".local").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (machine / "checkout" / ".local" / "up.json").write_text(json.dumps({"port": port}))
        assert f"{port}: 'make up' runs there" in rows(make(machine).stdout)["ports"]

    assert rows(make(machine).stdout)["ports"].endswith("make down")


@pytest.mark.parametrize("name", ["setup.py", "doctor.py", "browser.py"])
def test_the_step_before_set_up_is_of_a_python_that_any_machine_has(name):
    ast.parse((ROOT / "tools" / "build" / name).read_text(), feature_version=(3, 8))
