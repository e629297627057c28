"""Set up everything that this project needs, from its lock files, in folders of its own.

Runs on any Python from 3.8 with nothing installed: it is the step before there is anything to import. Every step is
skipped when its inputs have not changed since it last succeeded.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browser import find_browser

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
AUDIT = TOOLS / "audit"
AUDIT_LOCK = ROOT / "tools" / "audit" / "requirements.lock"
DOCS_ASSETS = ROOT / "tools" / "build" / "docs_assets"
DOCS_LOCK = DOCS_ASSETS / "package-lock.json"
BINDINGS = ROOT / "tools" / "build" / "bindings"
PIPENV = "pipenv==2026.10.3"
OLDEST_PYTHON = (3, 11)
DEPLOYED_PYTHON = (3, 13)
AWS_PROVIDER_VERSION = "5.100.0"
OLDEST_TERRAFORM = (1, 10)
OLDEST_NODE = (18, 0)
GET_NODE = "Install Node.js 18 or newer: nodejs.org, or your system's package manager"
GET_TERRAFORM = "Install Terraform 1.10 or newer: developer.hashicorp.com/terraform/install"
USUAL_PROVIDER_ROOTS = ("/opt", "/usr/share", "/usr/local/share")


class MissingPrerequisiteError(Exception):
    """Something that the machine must bring is not there."""


class InstallerError(Exception):
    """An installer failed; the message is what it printed."""


def main():
    """Run all steps, side by side; exit with 1 and one clear message when a prerequisite is missing."""
    try:
        python = find_python()
        require_node()
        require_terraform()
        link_provider()
        steps = [
            ("python packages", VENV, [ROOT / "Pipfile.lock"], python, lambda: install_python(python, VENV)),
            ("cdktf command line", ROOT / "node_modules", [ROOT / "package-lock.json"], "with pip", install_node),
            ("pages of the API's document", DOCS_ASSETS / "node_modules", [DOCS_LOCK], "", install_docs_assets),
        ]
        if "audit" in sys.argv[1:]:
            steps.append(
                ("audit tools", AUDIT, [AUDIT_LOCK], python, lambda: install_locked(python, AUDIT, AUDIT_LOCK))
            )
        if "versions" in sys.argv[1:]:
            steps += other_versions()
        if "provider-6" in sys.argv[1:]:
            steps.append(other_bindings("provider-6", python))
        if "cdktn" in sys.argv[1:]:
            node, node_lock = TOOLS / "node", BINDINGS / "cdktn" / "package-lock.json"
            steps.append(other_bindings("cdktn", python))
            steps.append(("Node.js for cdktn", node, [node_lock], "", lambda: install_newer_node(node, node_lock)))
        with ThreadPoolExecutor() as pool:
            # Pipenv is shared, and so made before what uses it.
            if not all(is_done(target, inputs, salt) for _, target, inputs, salt, _ in steps):
                install_pipenv(python)
            running = [pool.submit(step, *each) for each in steps]
            if "browser" in sys.argv[1:]:
                running.append(pool.submit(require_browser))
        for each in running:
            each.result()
    except (MissingPrerequisiteError, InstallerError) as error:
        sys.exit("\nset-up stopped: %s" % error)


def step(title, target, inputs, salt, run):
    """Run a step unless its target was made from the same inputs."""
    if is_done(target, inputs, salt):
        return
    # In one write, since steps run side by side.
    sys.stdout.write("set-up: %s ...\n" % title)
    sys.stdout.flush()
    run()
    (target / ".setup-digest").write_text(digest_of(inputs, salt))


def is_done(target, inputs, salt):
    """Tell whether a step's target was made from its inputs."""
    stamp = target / ".setup-digest"
    return stamp.is_file() and stamp.read_text() == digest_of(inputs, salt)


def digest_of(inputs, salt):
    """Return a digest of what a step follows from."""
    return hashlib.sha256(str(salt).encode() + b"".join(path.read_bytes() for path in inputs)).hexdigest()


def install(*command, **options):
    """Run an installer, and show what it prints only if it fails: most of its warnings are about the machine."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if ran.returncode:
        raise InstallerError("%s failed with exit code %d:\n%s" % (command[0], ran.returncode, ran.stdout[-4000:]))


def find_python():
    """Return the interpreter to use: 3.13, which is what is deployed, or else the newest from 3.11 on."""
    found = installed_pythons()
    if not found:
        raise MissingPrerequisiteError(
            "no Python 3.11 or newer was found. Install 3.13: 'pyenv install 3.13', or from python.org"
        )
    best = DEPLOYED_PYTHON if DEPLOYED_PYTHON in found else max(found)
    if best != DEPLOYED_PYTHON:
        print(
            "set-up: Python %d.%d is used; the functions run on 3.13 in AWS, and their bundle will hold no bytecode"
            % best
        )
    return found[best]


def installed_pythons():
    """Return the interpreters from 3.11 on that the machine has, by version."""
    candidates = [shutil.which("python3.%d" % minor) for minor in range(13, 10, -1)]
    candidates += sorted(str(path) for path in _pyenv_versions())
    candidates += [shutil.which("python3"), shutil.which("python"), sys.executable]
    found = {}
    for candidate in candidates:
        version = _python_version(candidate) if candidate else None
        if version and version >= OLDEST_PYTHON:
            found.setdefault(version[:2], candidate)
    return found


def other_versions():
    """Return the steps that make an environment for each older Python that README promises and the machine has."""
    steps = []
    for version, python in sorted(installed_pythons().items()):
        if version < DEPLOYED_PYTHON:
            venv = TOOLS / ("python-%d.%d" % version)
            title = "python packages for %d.%d" % version
            steps.append((title, venv, [ROOT / "Pipfile.lock"], python, lambda p=python, v=venv: install_python(p, v)))
    if not steps:
        print("set-up: no Python 3.11 or 3.12 is installed, so that nothing is tested under them")
    return steps


def _pyenv_versions():
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return root.glob("versions/3.*/bin/python")


def _python_version(python):
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    result = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    match = re.fullmatch(r"(\d+)\.(\d+)\s*", result.stdout)
    return (int(match[1]), int(match[2])) if match else None


def require_node():
    """Check that Node.js and npm are there."""
    for command in ("node", "npm"):
        if not shutil.which(command):
            raise MissingPrerequisiteError("'%s' was not found. %s" % (command, GET_NODE))
    _require_version("node", ["node", "--version"], OLDEST_NODE, GET_NODE)


def require_terraform():
    """Check that Terraform is there."""
    if not shutil.which("terraform"):
        raise MissingPrerequisiteError("'terraform' was not found. %s" % GET_TERRAFORM)
    _require_version("terraform", ["terraform", "version"], OLDEST_TERRAFORM, GET_TERRAFORM)


def _require_version(name, command, oldest, way):
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"v(\d+)\.(\d+)", output)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version < oldest:
        raise MissingPrerequisiteError("%s is %d.%d, and %d.%d or newer is needed. %s" % (name, *version, *oldest, way))


def install_pipenv(python):
    """Make an environment of its own for Pipenv."""
    pipenv = TOOLS / "pipenv"
    if not (pipenv / "bin" / "pipenv").exists():
        install(python, "-m", "venv", str(pipenv))
        install(str(pipenv / "bin" / "pip"), "install", PIPENV)


def install_python(python, venv):
    """Make an environment from Pipfile.lock."""
    shutil.rmtree(str(venv), ignore_errors=True)
    install(python, "-m", "venv", str(venv))
    environment = dict(os.environ, VIRTUAL_ENV=str(venv), PIPENV_VERBOSITY="-1", PIPENV_NOSPIN="1")
    command = [str(TOOLS / "pipenv" / "bin" / "pipenv"), "sync", "--categories", "packages dev-packages functions"]
    install(*command, cwd=str(ROOT), env=environment)


def other_bindings(name, python):
    """Return the step that makes an environment with other bindings than the project's own."""
    venv, lock = TOOLS / name, BINDINGS / name / "requirements.lock"
    # Of thousands of modules, a synth loads a hundred: compiling all of them takes longer than the download.
    return "bindings %s" % name, venv, [lock], python, lambda: install_locked(python, venv, lock, "--no-compile")


def install_locked(python, venv, lock, *options):
    """Make an environment of what must have other versions than the project's own, such as checkov."""
    shutil.rmtree(str(venv), ignore_errors=True)
    install(python, "-m", "venv", str(venv))
    install(str(venv / "bin" / "pip"), "install", *options, "--require-hashes", "-r", str(lock))


def install_newer_node(folder, lock):
    """Install the Node.js that cdktn's command line asks for, beside the machine's."""
    shutil.rmtree(str(folder), ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (lock, lock.with_name("package.json")):
        shutil.copy(str(path), str(folder))
    install("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=str(folder))


def install_node():
    """Install the cdktf command line from package-lock.json."""
    install("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=str(ROOT))
    # It asks pip for the versions of cdktf and the bindings, and npx puts this folder before the rest of the path.
    (ROOT / "node_modules" / ".bin" / "pip").symlink_to(Path("..", "..", VENV.name, "bin", "pip"))


def install_docs_assets():
    """Install Swagger UI and ReDoc, apart from the command line: ReDoc's React is not the one that cdktf wants."""
    command = ["npm", "ci", "--omit=peer", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
    install(*command, "--loglevel=error", cwd=str(DOCS_ASSETS))


def require_browser():
    """Find the browser that opens the pages in the tests; install Debian's where that can be done."""
    if find_browser():
        return
    if not (shutil.which("apt-get") and os.geteuid() == 0 and Path("/etc/debian_version").is_file()):
        raise MissingPrerequisiteError(
            "no browser was found for the tests. Install Chromium ('apt-get install chromium', 'dnf install chromium', "
            "'brew install --cask chromium') or Google Chrome, or name it: CHROMIUM=/path/to/it"
        )
    print("set-up: browser of the tests ...", flush=True)
    install("apt-get", "update", "-qq")
    unattended = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", env=unattended)
    if not find_browser():
        raise MissingPrerequisiteError("Debian's chromium was installed, and is not found on the PATH")


def link_provider():
    """Link an unpacked AWS provider into Terraform's implied mirror, where the machine has one.

    Without one, ``terraform init`` downloads the provider. Terraform looks in the implied mirror first; the
    link must be the platform's own folder, since Terraform does not follow one higher up.
    Source: https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    link = provider_link()
    if link.is_dir():
        return
    folder = find_provider()
    if folder:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        print("set-up: AWS provider %s linked from %s" % (AWS_PROVIDER_VERSION, folder))
    elif named := os.environ.get("TERRAFORM_PROVIDER_DIR"):
        raise MissingPrerequisiteError(
            "TERRAFORM_PROVIDER_DIR is %s, but no %s lies below it" % (named, _provider_tail())
        )


def provider_link():
    """Return where Terraform looks for the provider first."""
    return Path.home() / ".terraform.d" / "plugins" / _provider_tail()


def find_provider():
    """Return the folder of an unpacked provider, or None."""
    named = os.environ.get("TERRAFORM_PROVIDER_DIR")
    for root in [Path(named)] if named else [Path(root) for root in USUAL_PROVIDER_ROOTS]:
        for folder in [root / _provider_tail(), *root.glob("*/%s" % _provider_tail())]:
            if any(folder.glob("terraform-provider-aws*")):
                return folder
    return None


def _provider_tail():
    system = platform.system().lower()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return Path("registry.terraform.io/hashicorp/aws") / AWS_PROVIDER_VERSION / ("%s_%s" % (system, machine))


if __name__ == "__main__":
    main()
