"""Synth is a pure function of the code, the bundles and the environment's values.

One baseline, written in this process, and the same stack written in every other way that somebody may choose. All of
them must be the same bytes: of ``cdk.tf.json``, and of the bundles beside it.

``Testing.synth`` cannot be compared by bytes: it leaves out the ``//`` metadata, and prints for itself. Its content is.
"""

import getpass
import json
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pytest

from main import build_app
from modules.guards.app import App
from modules.inbound.stack import WebhookStack
from modules.settings.environments import build_settings, load_settings
from modules.settings.validation import SettingsError
from modules.synth import cdk
from tools import ROOT

SOURCES = ("main.py", "cdktf.json", "modules", "lambdas")
# Names that are in no file of the project, so that they can only come from the machine.
ELSEWHERE_USER = "zaphod-beeblebrox"

# Raises on every attempt to reach anything, and leaves a trace, so that an attempt whose error is swallowed shows too.
BLOCK_PYTHON = """
import os, pathlib, socket
def refuse(self, address, *args):
    pathlib.Path(os.environ["NETWORK_ATTEMPTS"]).open("a").write(f"python {address}\\n")
    raise OSError("the network is blocked")
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
socket.getaddrinfo = lambda host, *args, **kwargs: refuse(None, host)
"""
# Of what is installed here, a user's Pipfile may have only what `[packages]` brings.
BLOCK_PACKAGES = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"{{name}} is not among what [packages] installs")
sys.meta_path.insert(0, Absent())
"""
BLOCK_NODE = """
const refuse = (what) => function (...args) {
  require("fs").appendFileSync(process.env.NETWORK_ATTEMPTS, `node ${what}\\n`);
  throw new Error("the network is blocked");
};
require("net").Socket.prototype.connect = refuse("connect");
require("dns").lookup = refuse("lookup");
require("dgram").createSocket = refuse("dgram");
"""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to synthesize, in a process of its own.

    ``{out}`` is the folder to write to, ``{elsewhere}`` an empty folder, ``{copy}`` a copy of the sources.
    """

    command: tuple[str, ...]
    cwd: str = str(ROOT)
    variables: Mapping[str, str] = field(default_factory=dict)


WITHOUT = "without network and credentials, and with what [packages] installs"
MAIN = (sys.executable, "main.py")
WAYS = {
    "python main.py": Way(command=MAIN),
    "cdktf synth": Way(command=("npx", "cdktf", "synth", "--output", "{out}")),
    "a copy, from another folder, by another user": Way(
        command=(sys.executable, "{copy}/main.py"),
        cwd="{elsewhere}",
        variables={
            "HOME": "{elsewhere}",
            "USER": ELSEWHERE_USER,
            "LOGNAME": ELSEWHERE_USER,
            "TMPDIR": "{elsewhere}",
            "TZ": "Pacific/Kiritimati",
            "LC_ALL": "C",
            "PYTHONHASHSEED": "4242",
            "AWS_REGION": "ap-southeast-4",
            "AWS_PROFILE": ELSEWHERE_USER,
        },
    ),
    WITHOUT: Way(
        command=MAIN,
        variables={
            "PYTHONPATH": "{block}",
            "NODE_OPTIONS": "--require {block}/block.js",
            "NETWORK_ATTEMPTS": "{block}/attempts",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_CONFIG_FILE": "/nonexistent",
        },
    ),
}


def clean_environment(**variables):
    """Return this process's environment without anything that says where AWS or the output is."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "CDKTF_", "ENVIRONMENT_SUFFIX", "PYTHON", "TF_"))
    }
    quiet = {"CHECKPOINT_DISABLE": "1", "DISABLE_VERSION_CHECK": "1", "CI": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return kept | quiet | variables


def absent_packages():
    """Return the top-level modules that are installed here, and not by the Pipfile's `[packages]`."""
    present = set()
    left = list(tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))["packages"])
    while left:
        name = re.match(r"[\w.-]+", left.pop())[0].lower().replace("_", "-")
        if name not in present:
            present.add(name)
            # Some are for older Pythons only.
            with suppress(metadata.PackageNotFoundError):
                left += [each for each in metadata.requires(name) or () if "extra ==" not in each]
    return {
        module
        for module, packages in metadata.packages_distributions().items()
        if not present & {package.lower().replace("_", "-") for package in packages}
    }


@pytest.fixture(scope="session")
def places(bundles, tmp_path_factory):
    """The folders that the ways of synthesizing need, by name."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    copy = tmp_path_factory.mktemp("copy")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    shutil.copytree(bundles, copy / ".build" / "bundles")
    block = tmp_path_factory.mktemp("block")
    (block / "sitecustomize.py").write_text(BLOCK_PYTHON + BLOCK_PACKAGES.format(absent=absent_packages()))
    (block / "block.js").write_text(BLOCK_NODE)
    return {"elsewhere": str(elsewhere), "copy": str(copy), "block": str(block)}


@pytest.fixture(scope="session")
def synths(places, tmp_path_factory):
    """Every way of synthesizing, already running: name to (folder written to, what became of the process)."""

    def run(way, out):
        names = places | {"out": str(out)}
        return subprocess.run(
            [part.format(**names) if part.startswith("{") else part for part in way.command],
            cwd=way.cwd.format(**names),
            env=clean_environment(
                CDKTF_OUTDIR=str(out), **{name: value.format(**names) for name, value in way.variables.items()}
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    with ThreadPoolExecutor(max_workers=2) as pool:
        started: dict[str, tuple[Path, Future[subprocess.CompletedProcess[str]]]] = {}
        for name, way in WAYS.items():
            out = tmp_path_factory.mktemp("out")
            started[name] = out, pool.submit(run, way, out)
        yield started


def written(synths, name):
    """Wait for a way of synthesizing, and return the folder that it wrote."""
    out, running = synths[name]
    process = running.result()
    assert process.returncode == 0, f"{name}:\n{process.stdout}\n{process.stderr}"
    return out


def files(folder):
    """Return a folder's files: path to bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_synths_in_one_process_write_the_same_bytes(synthesized, bundles, tmp_path):
    # In a folder that is not there, nor the one that it is in.
    build_app("dev", tmp_path / "a" / "b").synth()

    assert files(tmp_path / "a" / "b") == files(synthesized)


def test_an_app_makes_the_folder_that_it_writes_to(tmp_path, monkeypatch):
    monkeypatch.setenv("CDKTF_OUTDIR", str(tmp_path / "a" / "b"))

    App()

    assert (tmp_path / "a" / "b").is_dir()


def test_an_app_that_cannot_make_its_folder_names_it(tmp_path):
    (tmp_path / "file").touch()

    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=re.escape(str(folder))):
            build_app("dev", folder)


def test_arguments_of_an_app_are_refused_by_name():
    with pytest.raises(TypeError, match="outdir: 5 is not a Path or a text"):
        build_app("dev", 5)
    with pytest.raises(TypeError, match=re.escape("path: 'cdktf.json' is not a Path")):
        load_settings("cdktf.json", "dev")


@pytest.mark.parametrize("name", WAYS)
def test_every_way_to_synthesize_writes_the_same_bytes(synths, stack_folder, name):
    out = written(synths, name)

    assert files(out / "stacks" / "webhooks-dev") == files(stack_folder)


def test_a_synth_needs_no_package_of_the_developers():
    assert {"botocore", "pytest", "cryptography", "pydantic"} <= absent_packages()
    assert not {"cdktf", "constructs", "jsii"} & absent_packages()


def test_without_network_nothing_even_tries_to_reach_it(synths, places):
    written(synths, WITHOUT)

    assert not Path(places["block"], "attempts").exists()


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"),
        ("node", "-e", "require('net').connect(9, '127.0.0.1')"),
    ],
    ids=["python", "node"],
)
def test_the_block_of_the_network_blocks(places, tmp_path, command):
    way = WAYS[WITHOUT]
    variables = {name: value.format(**places) for name, value in way.variables.items()}
    attempts = tmp_path / "attempts"

    process = subprocess.run(
        command,
        env=clean_environment(**variables | {"NETWORK_ATTEMPTS": str(attempts)}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode != 0
    assert "the network is blocked" in process.stderr
    assert attempts.is_file()


def test_testing_synth_says_the_same_without_the_metadata(synthesized, stack_text, bundles):
    settings = load_settings(ROOT / "cdktf.json", "dev")
    stack = WebhookStack(cdk.Testing.app(), "webhooks-dev", settings, bundles)

    document = json.loads(cdk.Testing.synth(stack, True))

    assert document == without_metadata(json.loads(stack_text))


def without_metadata(value):
    if isinstance(value, dict):
        return {name: without_metadata(item) for name, item in value.items() if name != "//"}
    if isinstance(value, list):
        return [without_metadata(item) for item in value]
    return value


def test_nothing_of_the_machine_is_in_it(synths, stack_text, synthesized, places, bundles):
    elsewhere = written(synths, "a copy, from another folder, by another user")
    texts = stack_text + (elsewhere / "stacks" / "webhooks-dev" / "cdk.tf.json").read_text(encoding="utf-8")
    machine = {
        str(ROOT),
        str(bundles),
        str(synthesized),
        str(Path.home()) + "/",
        f"/{getpass.getuser()}/",
        ELSEWHERE_USER,
        "Kiritimati",
        "ap-southeast-4",
        *places.values(),
    }

    assert {name for name in machine if name in texts} == set()
    # A short name may stand in a digest by chance.
    assert re.findall(rf"(?<![\w+/=-]){re.escape(socket.gethostname())}(?![\w+/=-])", texts) == []
    assert re.findall(r"(?<![\w.$/}])/(?:home|root|tmp|usr|work|var|opt|private|Users)/[^\"]*", texts) == []


def test_no_time_is_in_it(stack_text):
    dates_and_epochs = r"\b20\d\d-\d\d-\d\d\b|\b\d\d:\d\d:\d\d\b|\b1[6-9]\d{8}(?:\d{3})?\b"

    assert re.findall(dates_and_epochs, stack_text) == []


IMPORTS = "\n".join(
    [
        "import main",
        *(
            "import " + ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for path in sorted((ROOT / "modules").rglob("[a-z]*.py"))
        ),
    ]
)


def test_importing_synthesizes_nothing(places, tmp_path):
    copy = Path(places["copy"])
    before = set(copy.rglob("*"))

    process = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(copy), CDKTF_OUTDIR=str(tmp_path / "out")),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (process.returncode, process.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
    assert set(copy.rglob("*")) - before == set()


@pytest.fixture(scope="session")
def wrong(tmp_path_factory):
    """A copy of main.py beside a ``cdktf.json`` that is wrong."""
    folder = tmp_path_factory.mktemp("wrong")
    shutil.copy(ROOT / "main.py", folder)
    environments = {"keyed": {"preset": "burst", "providers": ["stripe"]}, "wrong": {"region": 5}}
    (folder / "cdktf.json").write_text(json.dumps({"context": {"environments": environments}}))
    return folder


ONE_LINE = {
    "my env": "error: environment 'my env' in cdktf.json: environment: 'my env' is not allowed; "
    "allowed: 1 to 16 lower-case letters, digits and inner hyphens",
    "keyed": "error: environment 'keyed' in cdktf.json: providers.stripe: Stripe cannot send the API key that "
    "api.api_key asks for, so that every webhook of it would be refused; set api.api_key to false, or name it in "
    "api.api_key_added_for if it comes through something that adds the key",
    "wrong": "error: environment 'wrong' in cdktf.json: region: 5 is not a text",
    "prdo": "error: environment 'prdo': cdktf.json does not name it; named: keyed, wrong",
}


@pytest.mark.parametrize("environment", ONE_LINE)
def test_a_wrong_setting_ends_main_with_one_line(wrong, tmp_path, monkeypatch, environment):
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", environment)
    monkeypatch.setenv("CDKTF_OUTDIR", str(tmp_path))
    monkeypatch.chdir(wrong)

    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(wrong / "main.py"), run_name="__main__")

    assert end.value.code == ONE_LINE[environment]
    assert list(tmp_path.rglob("cdk.tf.json")) == []


def test_the_file_of_the_working_directory_is_the_one_that_counts(wrong, monkeypatch):
    monkeypatch.chdir(wrong)

    with pytest.raises(SettingsError, match="region: 5 is not a text"):
        build_app("wrong")


def test_that_line_is_all_that_is_printed_and_the_exit_status_is_not_zero(tmp_path):
    process = subprocess.run(
        MAIN,
        cwd=ROOT,
        env=clean_environment(CDKTF_OUTDIR=str(tmp_path), ENVIRONMENT_SUFFIX="my env"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.splitlines() == [ONE_LINE["my env"]]


def test_the_cdktf_command_line_finds_what_is_installed():
    process = subprocess.run(
        ("npx", "cdktf", "provider", "list", "--json"),
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Could not determine" not in process.stdout + process.stderr
    assert '"cdktf-cdktf-provider-aws"' in process.stdout


def test_a_missing_bundle_says_what_to_do(bundles, tmp_path):
    some = tmp_path / "bundles"
    some.mkdir()
    shutil.copy(bundles / "ingestion.zip", some)

    with pytest.raises(FileNotFoundError) as refusal:
        WebhookStack(cdk.Testing.app(), "webhooks-dev", build_settings("dev", {}), some)

    assert str(refusal.value) == "the bundle of processing has not been built: run 'make bundle' first"
