"""Show what this machine has of what the project needs, and how to get the rest.

Runs, as set-up does, on any Python from 3.8 with nothing installed. Nothing is changed, and no credential is printed.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import setup
from browser import find_browser

GOOD, MISSING, LATER = "ok", "MISSING", "not yet"
SET_UP = "make setup"


def main():
    """Print what was found, a line each; exit with 1 when something is missing that set-up cannot install."""
    table = [("", "", "found", "get it"), *rows()]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    for row in table:
        print("  ".join([*(row[column].ljust(widths[column]) for column in range(3)), row[3]]).rstrip())
    sys.exit(1 if any(row[1] == MISSING for row in table) else 0)


def rows():
    """Return name, state, what was found and the way to get it, of everything."""
    return [
        _command("make", [3, 81], "Install GNU Make: your system's package manager"),
        _python(),
        _command("node", setup.OLDEST_NODE, setup.GET_NODE),
        _command("npm", [0, 0], setup.GET_NODE),
        _command("terraform", setup.OLDEST_TERRAFORM, setup.GET_TERRAFORM),
        _provider(),
        _made(".venv", setup.VENV, [setup.ROOT / "Pipfile.lock"], _version_of(setup.VENV / "bin" / "python")),
        _made("node_modules", setup.ROOT / "node_modules", [setup.ROOT / "package-lock.json"], _cdktf()),
        _made("API's pages", setup.DOCS_ASSETS / "node_modules", [setup.DOCS_LOCK], ""),
        _made("audit's tools", setup.AUDIT, [setup.AUDIT_LOCK], "", "make audit-setup, which the audit and tests do"),
        _bundles(),
        _browser(),
        _credentials(),
        _ports(),
    ]


def _command(name, oldest, way):
    path = shutil.which(name)
    if not path:
        return name, MISSING, "", way
    version = _version_of(path, "version" if name == "terraform" else "--version")
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    if numbers >= list(oldest):
        return name, GOOD, "%s, %s" % (version, path), ""
    wanted = "%d.%d or newer is needed" % tuple(oldest)
    return name, MISSING, "%s, %s; %s" % (version or "does not answer", path, wanted), way


def _version_of(*command):
    """Return the first version in what a command prints; empty where it cannot be asked."""
    try:
        ran = subprocess.run(
            [str(part) for part in (command if len(command) > 1 else (*command, "--version"))],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    match = re.search(r"\d+\.\d+(\.\d+)?", ran.stdout)
    return match[0] if match else ""


def _python():
    found = setup.installed_pythons()
    way = "Install Python 3.13: python.org, or 'pyenv install 3.13'; on Debian, its package python3-venv too"
    if not found:
        return "python", MISSING, "none from 3.11 on that has venv", way
    best = setup.DEPLOYED_PYTHON if setup.DEPLOYED_PYTHON in found else max(found)
    others = ", ".join("%d.%d" % version for version in sorted(found) if version != best)
    text = "%s, %s" % (_version_of(found[best]), found[best]) + ("; also %s" % others if others else "")
    return "python", GOOD, text, "" if best == setup.DEPLOYED_PYTHON else "%s, which the functions run on" % way


def _provider():
    name = "AWS provider"
    link = setup.provider_link()
    if link.is_dir():
        return name, GOOD, "%s, %s" % (setup.AWS_PROVIDER_VERSION, link.resolve()), ""
    folder = setup.find_provider()
    if folder:
        return name, LATER, "%s, %s" % (setup.AWS_PROVIDER_VERSION, folder), "%s, which links it" % SET_UP
    return name, LATER, "", "'terraform init' downloads it; or name an unpacked one in TERRAFORM_PROVIDER_DIR"


def _made(name, target, inputs, version, way=SET_UP):
    """Tell whether a step of set-up has been done, by the stamp that it leaves."""
    stamp = target / ".setup-digest"
    if not stamp.is_file():
        return name, LATER, "", way
    # The salt says which Python, or what else, the step was done with: any that it may be.
    salts = ["", "with pip", *setup.installed_pythons().values()]
    if not any(setup.is_done(target, inputs, salt) for salt in salts):
        return name, LATER, "made from another %s" % inputs[0].name, way
    return name, GOOD, version or "as locked", ""


def _cdktf():
    try:
        package = json.loads((setup.ROOT / "node_modules" / "cdktf-cli" / "package.json").read_text(encoding="utf-8"))
        return "cdktf-cli %s" % package["version"]
    except (OSError, ValueError, KeyError):
        return ""


def _bundles():
    built = sorted((setup.ROOT / ".build" / "bundles").glob("*.zip"))
    return "bundles", GOOD if built else LATER, "%d" % len(built) if built else "", "" if built else "make bundle"


def _browser():
    found = find_browser()
    if found:
        return "chromium", GOOD, "%s, %s" % (_version_of(found), found), ""
    named = os.environ.get("CHROMIUM")
    text = "CHROMIUM is %s, which is not there" % named if named else ""
    return "chromium", LATER, text, "for the tests alone: make test-setup on Debian, or CHROMIUM=/path/to/it"


def _credentials():
    """Tell where credentials for AWS come from; never what they are."""
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        place = "in the environment"
    elif os.environ.get("AWS_PROFILE"):
        place = "by AWS_PROFILE"
    elif os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") or any(
        name.startswith("AWS_CONTAINER_CREDENTIALS") for name in os.environ
    ):
        place = "from this machine's role"
    elif any((Path.home() / ".aws" / name).is_file() for name in ("credentials", "config")):
        place = "in ~/.aws"
    else:
        return "AWS credentials", LATER, "", "to deploy to AWS alone: aws configure; nothing else needs them"
    return "AWS credentials", GOOD, "%s, not tried" % place, ""


def _ports():
    """Tell whether the local AWS can take a port, and whether it has one."""
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
    except OSError as error:
        return "ports", MISSING, str(error), "let this user open a port of 127.0.0.1: the local AWS takes a free one"
    try:
        port = json.loads((setup.ROOT / ".local" / "up.json").read_text(encoding="utf-8"))["port"]
    except (OSError, ValueError, KeyError):
        return "ports", GOOD, "a free one of 127.0.0.1 can be taken", ""
    with socket.socket() as caller:
        caller.settimeout(5)
        answers = caller.connect_ex(("127.0.0.1", port)) == 0
    if answers:
        return "ports", GOOD, "%d: 'make up' runs there" % port, ""
    return "ports", LATER, "%d: 'make up' ran there, and does not answer" % port, "make down"


if __name__ == "__main__":
    main()
