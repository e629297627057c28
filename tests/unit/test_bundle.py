"""The functions' bundles: what is in them, that it runs on Lambda, and that the same sources make the same bytes."""

import importlib.util
import json
import marshal
import os
import re
import subprocess
import sys
import zipfile
from types import CodeType

import pytest

from tools import ROOT
from tools.build import bundle
from tools.build.bundle import DEPENDENCIES, FUNCTIONS, RUNTIME_PROVIDES, RUNTIME_PYTHON, build

# What Lambda's Python runtime brings, and whatever that needs.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
NEVER_BUNDLED = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six", "six.py")
AARCH64 = 183
UNCHECKED_HASH = 1
VARIABLES = {
    "ingestion": {
        "PROVIDERS": json.dumps({"stripe": {"entry": "stripe", "secretArn": "arn:aws:secretsmanager:::secret:s"}}),
        "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
        "MESSAGE_GROUP_BY": "provider",
        "BUCKET_NAME": "b",
        "MAX_BODY_BYTES": "1000",
    },
    "processing": {
        "TABLE_NAME": "t",
        "BUCKET_NAME": "b",
        "EVENT_BUS_NAME": "e",
        "MAX_RECEIVE_COUNT": "3",
        "ARCHIVE_BY": "batch",
    },
    "status": {"TABLE_NAME": "t"},
    "dead_letter": {"TABLE_NAME": "t", "BUCKET_NAME": "b"},
    "replay": {
        "TABLE_NAME": "t",
        "BUCKET_NAME": "b",
        "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/q",
        "MESSAGE_GROUP_BY": "provider",
    },
    "operator": {"TABLE_NAME": "t", "BUCKET_NAME": "b", "PROVIDERS": '{"stripe": "stripe"}'},
}
each_function = pytest.mark.parametrize("function", FUNCTIONS)
runtime_only = pytest.mark.skipif(
    sys.version_info[:2] != RUNTIME_PYTHON, reason="bytecode is made and read by the runtime's own version of Python"
)

BUILD_APART = """
import pathlib, sys
sys.path.insert(0, {root!r})
{imports}
from tools.build import bundle
bundle.BUILD = pathlib.Path({folder!r})
bundle.build("status", bundle.BUILD / "status.zip")
"""


@pytest.fixture(scope="module")
def dependencies():
    assert DEPENDENCIES.is_dir(), "the dependencies have not been installed: run 'make bundle'"


@pytest.fixture(scope="module")
def built(dependencies, tmp_path_factory):
    """A folder with every bundle, built now from the sources as they are."""
    folder = tmp_path_factory.mktemp("bundles")
    for function in FUNCTIONS:
        build_into(folder, function)
    return folder


def build_into(folder, function):
    with pytest.MonkeyPatch.context() as patch:
        # Its scratch file is in there, and somebody else may be building at this moment.
        patch.setattr(bundle, "BUILD", folder)
        build(function, folder / f"{function}.zip")
    return (folder / f"{function}.zip").read_bytes()


@pytest.fixture(scope="module")
def plain(dependencies, tmp_path_factory):
    """A bundle that a process of its own built, which did nothing else: as ``make bundle`` does."""
    return build_apart(tmp_path_factory.mktemp("plain"))


def build_apart(folder, imports="", **variables):
    script = BUILD_APART.format(root=str(ROOT), imports=imports, folder=str(folder))
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ | variables)
    return folder


def read(built, function):
    """Return a bundle's files: name to bytes."""
    with zipfile.ZipFile(built / f"{function}.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("function", ["status", "processing"])
def test_a_bundle_is_the_same_bytes_however_often_it_is_built(built, tmp_path, function):
    again = build_into(tmp_path, function)

    assert again == (built / f"{function}.zip").read_bytes()


@pytest.mark.parametrize(
    ("imports", "variables"),
    [
        ("import os; os.umask(0o077)", {"PYTHONHASHSEED": "2", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}),
        # Whoever builds may have imported anything before, the bundled packages among it.
        ("import typing_extensions, aws_lambda_powertools, boto3, pytest", {}),
    ],
    ids=["elsewhere", "much imported"],
)
def test_a_bundle_is_the_same_bytes_whatever_process_builds_it(plain, tmp_path, imports, variables):
    other = build_apart(tmp_path, imports, **variables)

    one, two = read(plain, "status"), read(other, "status")

    assert [name for name in one | two if one.get(name) != two.get(name)] == []
    assert (plain / "status.zip").read_bytes() == (other / "status.zip").read_bytes()


def test_bundles_are_built_again_only_from_other_inputs(tmp_path, monkeypatch):
    source, built = tmp_path / "source.py", []
    source.write_text("one", encoding="utf-8")
    monkeypatch.setattr(bundle, "INPUTS", (str(source),))
    monkeypatch.setattr(bundle, "BUNDLES", tmp_path / "bundles")
    monkeypatch.setattr(bundle, "DOCS_ASSETS", tmp_path / "assets")
    monkeypatch.setattr(bundle, "copy_assets", lambda folder: None)
    monkeypatch.setattr(bundle, "install_dependencies", lambda *what: None)
    monkeypatch.setattr(bundle, "build_one", lambda each, zipped: (built.append(each.name), zipped.write_bytes(b"")))
    everything = [each.name for each in bundle.ALL_BUNDLES]

    bundle.main()
    bundle.main()
    assert built == everything

    # Other content, or a bundle that is gone, has all of them built.
    source.write_text("two", encoding="utf-8")
    bundle.main()
    assert built == everything * 2
    (tmp_path / "bundles" / "status.zip").unlink()
    bundle.main()
    assert built == everything * 3


@each_function
def test_a_bundle_holds_its_function_and_the_shared_code_and_no_other_function(built, function):
    package = ROOT / "lambdas"
    expected = {"lambdas/__init__.py"} | {
        path.relative_to(ROOT).as_posix()
        for folder in ("shared", "inbound", function)
        for path in (package / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    ours = {name for name in read(built, function) if name.startswith("lambdas/") and not name.endswith(".pyc")}

    assert ours == expected
    assert f"lambdas/{function}/handler.py" in ours


@each_function
def test_a_bundles_code_is_the_source_as_it_is(built, function):
    ours = {name: content for name, content in read(built, function).items() if re.match(r"lambdas/.*\.py$", name)}

    assert {name for name, content in ours.items() if content != (ROOT / name).read_bytes()} == set()


@each_function
def test_a_bundle_holds_neither_tests_nor_what_the_runtime_brings_nor_what_the_installer_wrote(built, function):
    names = read(built, function)

    unwanted = {
        name
        for name in names
        if name.split("/")[0] in NEVER_BUNDLED
        or re.match(rf"({'|'.join(NEVER_BUNDLED)})-.*\.dist-info/", name.replace("python_dateutil", "dateutil"))
        or {"tests", "test", "bin", ".git"} & set(name.split("/"))
        or re.search(r"(^|/)(test_\w+|conftest)\.pyc?$", name)
        or re.search(r"\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$", name)
        or name.split("/")[0].startswith(".")
    }

    assert unwanted == set()


def test_no_bundle_is_built_of_the_project_beyond_its_functions(built):
    tops = {name.split("/")[0] for function in FUNCTIONS for name in read(built, function)}

    assert tops & {"modules", "tools", "tests", "main.py", "cdktf.json", "cdktf", "constructs", "jsii"} == set()


@each_function
def test_the_dependencies_are_those_of_the_lock(built, function):
    locked = {
        normal(name): entry["version"].removeprefix("==")
        for name, entry in json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))["functions"].items()
        if name not in RUNTIME_PROVIDES
    }

    bundled = {
        normal(match[1]): match[2]
        for name in read(built, function)
        if (match := re.match(r"([^/]+)-([^-/]+)\.dist-info/METADATA$", name))
    }

    assert bundled == locked
    assert "aws-lambda-powertools" in bundled


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@each_function
def test_a_bundle_holds_nothing_compiled_for_one_kind_of_machine(built, function):
    # test_native_bundle has the bundle that does.
    assert [name for name in read(built, function) if re.search(r"\.(so|pyd|dylib)(\.|$)", name)] == []


@runtime_only
@each_function
def test_every_module_has_its_bytecode_and_all_bytecode_its_module(built, function):
    names = set(read(built, function))

    sources = {name for name in names if name.endswith(".py")}
    compiled = {
        re.sub(r"__pycache__/([^/]+)\.cpython-313\.pyc$", r"\1.py", name) for name in names if name.endswith(".pyc")
    }

    assert compiled == sources


def code_objects(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


@runtime_only
@each_function
def test_bytecode_is_used_unchecked_and_says_where_it_is_on_lambda(built, function):
    # https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
    names = read(built, function)
    wrong = {}
    for name, content in names.items():
        if not name.endswith(".pyc"):
            continue
        source = re.sub(r"__pycache__/([^/]+)\.cpython-313\.pyc$", r"\1.py", name)
        code = marshal.loads(content[16:])
        told = {
            "magic": content[:4],
            "flags": int.from_bytes(content[4:8], "little"),
            "hash": content[8:16],
            "files": {one.co_filename for one in code_objects(code)},
        }
        right = {
            "magic": importlib.util.MAGIC_NUMBER,
            "flags": UNCHECKED_HASH,
            "hash": importlib.util.source_hash(names[source]),
            "files": {f"/var/task/{source}"},
        }
        if told != right:
            wrong[name] = told

    assert wrong == {}


@each_function
def test_every_file_can_be_read_by_whoever_runs_it_and_has_no_time(built, function):
    with zipfile.ZipFile(built / f"{function}.zip") as archive:
        entries = archive.infolist()

    assert {entry.external_attr >> 16 for entry in entries} == {0o644}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [entry.filename for entry in entries] == sorted({entry.filename for entry in entries})


@each_function
def test_a_bundle_is_small_enough_for_lambda(built, function):
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    unzipped = sum(len(content) for content in read(built, function).values())

    assert (built / f"{function}.zip").stat().st_size < 50 * 1024 * 1024
    assert unzipped < 250 * 1024 * 1024


# What a cold start has to fetch and unpack; the figures of `make bench` are far below.
MAX_BUNDLE_BYTES = 2_000_000


@each_function
def test_a_bundle_is_small(built, function):
    assert (built / f"{function}.zip").stat().st_size < MAX_BUNDLE_BYTES


@each_function
def test_a_bundle_holds_no_second_sdk(built, function):
    tops = {name.split("/")[0].removesuffix(".py") for name in read(built, function)}

    ours = {"lambdas", "aws_lambda_powertools", "typing_extensions"}
    assert {top for top in tops if not top.endswith(".dist-info")} - {"__pycache__"} == ours


IMPORT_AS_LAMBDA_DOES = """
import json, sys
sys.path[0] = sys.argv[1]
# botocore would load it, and cryptography with it, where it is installed; Lambda does not have it.
sys.modules["OpenSSL"] = None
module = __import__(sys.argv[2], fromlist=["handler"])
files = {name: getattr(found, "__file__", None) for name, found in list(sys.modules.items())}
loaded = {name: path for name, path in files.items() if path}
print(json.dumps({"callable": callable(module.handler), "loaded": loaded}))
"""
# As little as Lambda gives: no credentials, no home, nothing of this machine.
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def unzip(built, function, folder):
    with zipfile.ZipFile(built / f"{function}.zip") as archive:
        archive.extractall(folder)


def import_handler(task, function, variables):
    """Import a function's handler from its unzipped bundle, in a new process somewhere else."""
    elsewhere = task.parent / "elsewhere"
    elsewhere.mkdir()
    return subprocess.run(
        [sys.executable, "-c", IMPORT_AS_LAMBDA_DOES, str(task), f"lambdas.{function}.handler"],
        cwd=elsewhere,
        env=ENVIRONMENT | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@each_function
def test_a_handler_is_imported_from_its_bundle_alone(built, tmp_path, function):
    task = tmp_path / "task"
    unzip(built, function, task)

    process = import_handler(task, function, VARIABLES[function])

    assert process.returncode == 0, process.stderr
    said = json.loads(process.stdout)
    bundled = {"lambdas", "aws_lambda_powertools", "typing_extensions"}
    outside = {
        name: path
        for name, path in said["loaded"].items()
        if name.split(".")[0] in bundled and not path.startswith(str(task))
    }
    assert said["callable"] is True
    assert outside == {}
    assert {name for name in said["loaded"] if name.split(".")[0] in {"modules", "tools", "tests", "cdktf"}} == set()
    assert {name for name in said["loaded"] if name.split(".")[0] in {"aws_xray_sdk", "wrapt"}} == set()


def test_ingestion_imports_no_aws_client_but_its_own(built, tmp_path):
    task = tmp_path / "task"
    unzip(built, "ingestion", task)

    process = import_handler(task, "ingestion", VARIABLES["ingestion"])

    # Powertools imports botocore's outermost module, which is small and needs none of these.
    loaded = json.loads(process.stdout)["loaded"]
    assert {name for name in loaded if name.split(".")[0] in {"boto3", "urllib3", "s3transfer"}} == set()
    assert {name for name in loaded if name.startswith("botocore.")} == set()


@runtime_only
def test_an_import_takes_the_bytecode_and_does_not_look_at_the_source(built, tmp_path):
    task = tmp_path / "task"
    unzip(built, "status", task)
    for source in task.rglob("*.py"):
        source.write_text("raise AssertionError('compiled anew')")

    process = import_handler(task, "status", VARIABLES["status"])

    assert process.returncode == 0, process.stderr


@each_function
def test_a_handler_says_which_variable_the_stack_did_not_set(built, tmp_path, function):
    task = tmp_path / "task"
    unzip(built, function, task)
    missing = sorted(VARIABLES[function])[0]
    others = {name: value for name, value in VARIABLES[function].items() if name != missing}

    process = import_handler(task, function, others)

    assert process.returncode != 0
    assert f"environment variable {missing} is not set" in process.stderr
