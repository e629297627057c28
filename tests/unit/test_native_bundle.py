"""Ingestion's bundle with compiled code: what it holds beyond the plain one, and that it runs, here and on Lambda."""

import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import zipfile

import pytest

from modules.constructs.bundling import ALL_BUNDLES, BUNDLES
from tests.unit.test_bundle import AARCH64, ENVIRONMENT, VARIABLES, import_handler, normal
from tools import ROOT
from tools.build import bundle
from tools.build.bundle import (
    NATIVE_CATEGORY,
    NATIVE_DEPENDENCIES,
    RUNTIME_PYTHON,
    bundles_for_this_machine,
    locked_names,
)

MACHINES = {"aarch64": AARCH64, "arm64": AARCH64, "x86_64": 62}


@pytest.fixture(scope="module")
def built(bundles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    bundle.build("ingestion", folder / "plain.zip")
    bundle.build("ingestion", folder / "native.zip", (bundle.DEPENDENCIES, NATIVE_DEPENDENCIES))
    return folder


@pytest.fixture(scope="module")
def local_bundles(bundles, tmp_path_factory):
    return bundles_for_this_machine(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def local(local_bundles, tmp_path_factory):
    """The native bundle for this machine, unzipped."""
    task = tmp_path_factory.mktemp("local") / "task"
    with zipfile.ZipFile(local_bundles / "ingestion_native.zip") as archive:
        archive.extractall(task)
    return task


def read(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_is_the_plain_bundle_and_the_compiled_packages_of_the_lock(built):
    plain, native = read(built / "plain.zip"), read(built / "native.zip")

    more = {name: content for name, content in native.items() if plain.get(name) != content}

    assert set(plain) <= set(native)
    versions = {
        normal(match[1]): match[2]
        for name in more
        if (match := re.match(r"([^/]+)-([^-/]+)\.dist-info/METADATA$", name))
    }
    locked = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))[NATIVE_CATEGORY]
    assert versions == {normal(name): entry["version"].removeprefix("==") for name, entry in locked.items()}
    assert "cryptography" in versions
    assert {name.split("/")[0].split("-")[0].split(".")[0] for name in more} == {
        "__pycache__",
        "_cffi_backend",
        "cffi",
        "cryptography",
        "pycparser",
    } - ({"__pycache__"} if not any(name.startswith("__pycache__") for name in more) else set())


def test_no_other_bundle_holds_compiled_cryptography(bundles):
    holding = {
        path.name
        for path in BUNDLES.glob("*.zip")
        if any(name.startswith(("cryptography/", "_cffi_backend")) for name in zipfile.ZipFile(path).namelist())
    }

    assert holding == {"ingestion_native.zip", "delivery_worker.zip", "delivery_operator.zip"}


def test_every_binary_is_for_arm64_and_the_runtime(built):
    binaries = {name: content for name, content in read(built / "native.zip").items() if ".so" in name}

    machines = {name: (content[:4], int.from_bytes(content[18:20], "little")) for name, content in binaries.items()}

    assert machines == dict.fromkeys(machines, (b"\x7fELF", AARCH64))
    assert "cryptography/hazmat/bindings/_rust.abi3.so" in machines
    assert f"_cffi_backend.cpython-{RUNTIME_PYTHON[0]}{RUNTIME_PYTHON[1]}-aarch64-linux-gnu.so" in machines


def test_it_is_the_same_bytes_however_often_it_is_built(built, tmp_path):
    bundle.build("ingestion", tmp_path / "again.zip", (bundle.DEPENDENCIES, NATIVE_DEPENDENCIES))

    assert (tmp_path / "again.zip").read_bytes() == (built / "native.zip").read_bytes()


def test_it_is_small_enough_for_lambda(built):
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    assert (built / "native.zip").stat().st_size < 50 * 1024 * 1024
    assert sum(len(content) for content in read(built / "native.zip").values()) < 250 * 1024 * 1024


# --- on this machine ------------------------------------------------------------------------------------------------


def test_the_local_one_holds_binaries_of_this_machine_in_the_locked_versions(local):
    binary = (local / "cryptography/hazmat/bindings/_rust.abi3.so").read_bytes()

    assert int.from_bytes(binary[18:20], "little") == MACHINES[platform.machine()]
    locked = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))[NATIVE_CATEGORY]
    for name in locked_names(ROOT / "Pipfile.lock", NATIVE_CATEGORY):
        assert importlib.metadata.version(name) == locked[name]["version"].removeprefix("==")


def test_the_local_ones_are_otherwise_the_built_ones(local_bundles):
    for path in BUNDLES.glob("*.zip"):
        if path.stem not in {each.name for each in ALL_BUNDLES if each.is_native}:
            assert (local_bundles / path.name).read_bytes() == path.read_bytes()


VERIFY = """
import json, sys
sys.path[0] = sys.argv[1]
# botocore would load it, and cryptography with it, where it is installed; Lambda does not have it.
sys.modules["OpenSSL"] = None
from lambdas.ingestion.deployed import INGESTION
from lambdas.shared.request import WebhookRequest
from lambdas.inbound.providers.registry import REGISTRY
before = sorted(name for name in sys.modules if name.split(".")[0] in ("cryptography", "_cffi_backend"))
request = WebhookRequest(
    body=b'{"test": 2432232314}',
    headers={
        "webhook-id": ["msg_p5jXN8AQM9LWM0D4loKWxJek"],
        "webhook-timestamp": ["1614265330"],
        "webhook-signature": [
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
        ],
    },
    received_at=1614265330,
)
verdict = REGISTRY["standard-webhooks-ed25519"].scheme.verify(
    request, ["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="]
)
import cryptography.hazmat.bindings._rust as rust
from lambdas.inbound.signatures.paypal_certificates import paypal_authorities, _read
print(json.dumps({
    "scheme": verdict.scheme, "loaded before": before, "from": rust.__file__,
    "roots": len(_read(paypal_authorities().roots)),
}))
"""
DEPLOYED = {
    "paypal": {"entry": "paypal", "options": {"webhook_id": "4JH86294D6297924G"}},
    "pair": {"entry": "standard-webhooks-ed25519", "secretArn": "arn:aws:secretsmanager:::secret:s"},
}


@pytest.mark.skipif(
    sys.version_info[:2] != RUNTIME_PYTHON,
    reason="compiled code is taken from the environment of the runtime's version",
)
def test_it_verifies_from_its_bundle_alone_and_loads_compiled_code_only_then(local, tmp_path):
    variables = VARIABLES["ingestion"] | {"PROVIDERS": json.dumps(DEPLOYED)}

    process = subprocess.run(
        [sys.executable, "-c", VERIFY, str(local)],
        cwd=tmp_path,
        env=ENVIRONMENT | variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == {
        "scheme": "standard-webhooks-v1a",
        "loaded before": [],
        "from": str(local / "cryptography/hazmat/bindings/_rust.abi3.so"),
        "roots": 2,
    }


def test_the_plain_bundle_starts_with_every_other_provider_and_without_compiled_code(built, tmp_path):
    task = tmp_path / "task"
    with zipfile.ZipFile(built / "plain.zip") as archive:
        archive.extractall(task)

    process = import_handler(task, "ingestion", VARIABLES["ingestion"])

    assert process.returncode == 0, process.stderr
    loaded = {name.split(".")[0] for name in json.loads(process.stdout)["loaded"]}
    assert {"cryptography", "_cffi_backend"} & loaded == set()
