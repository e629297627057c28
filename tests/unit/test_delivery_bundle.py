"""The bundles of delivery: what each holds, that it runs, and that no stack carries the other's code."""

import json
import re
import zipfile

import pytest

from lambdas.delivery_docs.site import MADE, PACKED, VENDORED
from modules.constructs.bundling import DELIVERY_BUNDLES, INBOUND_BUNDLES
from tests.unit.test_bundle import AARCH64, import_handler, normal
from tools import ROOT
from tools.build import bundle
from tools.build.bundle import RUNTIME_PROVIDES, build_one, bundles_for_this_machine

# Every variable that any of the functions asks for.
VARIABLES = {
    "TENANTS_TABLE": "t",
    "ENDPOINTS_TABLE": "c",
    "EVENTS_TABLE": "e",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/q",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/q",
    "OPERATIONS_BUS": "operations",
    "SIGNING_KEYS_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s",
}
each_bundle = pytest.mark.parametrize("each", DELIVERY_BUNDLES, ids=lambda each: each.name)


@pytest.fixture(scope="module")
def built(bundles):
    """The folder with every bundle, as ``make bundle`` built them."""
    return bundles


def read(built, each):
    with zipfile.ZipFile(built / f"{each.name}.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@each_bundle
def test_a_bundle_holds_its_function_and_what_delivery_shares_and_no_other_function(built, each):
    expected = {"lambdas/__init__.py"} | {
        path.relative_to(ROOT).as_posix()
        for folder in ("shared", "delivery", each.function)
        for path in (ROOT / "lambdas" / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    ours = {name for name in read(built, each) if name.startswith("lambdas/") and not name.endswith(".pyc")}
    if each.function == "delivery_docs":
        expected |= {f"lambdas/delivery_docs/assets/{name}{PACKED}" for name in (*VENDORED, *MADE)}

    assert ours == expected
    assert f"lambdas/{each.function}/handler.py" in ours


@pytest.mark.parametrize("each", INBOUND_BUNDLES, ids=lambda each: each.name)
def test_no_bundle_of_the_inbound_stack_holds_anything_of_delivery(built, each):
    names = read(built, each)

    assert [name for name in names if re.match(r"lambdas/delivery|pydantic", name)] == []


@each_bundle
def test_the_dependencies_are_those_of_its_categories(built, each):
    lock = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    locked = {
        normal(name): entry["version"].removeprefix("==")
        for category in each.categories
        for name, entry in lock[category].items()
        if name not in RUNTIME_PROVIDES
    }

    bundled = {
        normal(match[1]): match[2]
        for name in read(built, each)
        if (match := re.match(r"([^/]+)-([^-/]+)\.dist-info/METADATA$", name))
    }

    assert bundled == locked


def test_no_two_categories_lock_another_version_of_one_package():
    lock = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    versions: dict[str, set[str]] = {}
    for category in bundle.INSTALLED:
        for name, entry in lock[category].items():
            versions.setdefault(name, set()).add(entry["version"])

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@each_bundle
def test_every_binary_is_for_arm64(built, each):
    binaries = {name: content for name, content in read(built, each).items() if re.search(r"\.so(\.|$)", name)}

    machines = {name: (content[:4], int.from_bytes(content[18:20], "little")) for name, content in binaries.items()}

    assert machines == dict.fromkeys(machines, (b"\x7fELF", AARCH64))
    assert ("pydantic_core" in str(sorted(binaries))) == ("functions-api" in each.categories)
    assert ("cryptography" in str(sorted(binaries))) == ("functions-native" in each.categories)


@pytest.mark.parametrize("name", ["delivery_api", "delivery_docs"])
def test_a_bundle_is_the_same_bytes_however_often_it_is_built(bundles, tmp_path, name):
    del bundles
    (each,) = [each for each in DELIVERY_BUNDLES if each.name == name]

    for folder in ("once", "again"):
        (tmp_path / folder).mkdir()
        build_one(each, tmp_path / folder / "bundle.zip")

    once, again = ((tmp_path / folder / "bundle.zip").read_bytes() for folder in ("once", "again"))
    assert once == again


@each_bundle
def test_a_bundle_is_small_enough_for_lambda(built, each):
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    assert (built / f"{each.name}.zip").stat().st_size < 50 * 1024 * 1024
    assert sum(len(content) for content in read(built, each).values()) < 250 * 1024 * 1024


@pytest.fixture(scope="module")
def local(bundles, tmp_path_factory):
    """The bundles for this machine."""
    del bundles
    return bundles_for_this_machine(tmp_path_factory.mktemp("local") / "bundles")


@each_bundle
def test_a_handler_is_imported_from_its_bundle_alone(local, tmp_path, each):
    task = tmp_path / "task"
    with zipfile.ZipFile(local / f"{each.name}.zip") as archive:
        archive.extractall(task)

    process = import_handler(task, each.function, VARIABLES)

    assert process.returncode == 0, process.stderr
    said = json.loads(process.stdout)
    bundled = {"lambdas", "aws_lambda_powertools", "aws_xray_sdk", "pydantic", "pydantic_core", "cryptography"}
    outside = {
        name: path
        for name, path in said["loaded"].items()
        if name.split(".")[0] in bundled and not path.startswith(str(task))
    }
    assert said["callable"] is True
    assert outside == {}
