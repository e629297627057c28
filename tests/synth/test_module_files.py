"""What ``make module`` writes."""

import getpass
import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pytest

from lambdas import VERSION
from modules.constructs.bundling import FUNCTIONS
from modules.constructs.tags import tags_of
from modules.settings.environments import build_settings
from modules.settings.model import Settings
from modules.settings.presets import PRESETS
from modules.settings.reference import all_settings
from modules.settings.validation import rule_of
from modules.synth import cdk
from tests.synth.template import Template, texts
from tools import ROOT
from tools.export_module.account import account_of
from tools.export_module.errors import ModuleError
from tools.export_module.hcl import quoted
from tools.export_module.kinds import INBOUND
from tools.export_module.offered import FIXED, OF_ANOTHER_STACK, OF_THE_CALLER, OFFERED
from tools.export_module.paths import value_at, with_values
from tools.export_module.probes import TEXTS
from tools.export_module.tags import with_callers_tags
from tools.export_module.terraform_module import TerraformModule

# A value for each input, other than its default.
OTHER_VALUES = {
    "environment_suffix": "live-eu",
    "service": "Payments: EU",
    "api_throttle_rate": 1_234,
    "api_throttle_burst": 2_345,
    "api_max_body_bytes": 131_072,
    "api_execution_log_level": "INFO",
    "functions_memory": 1_769,
    "functions_timeout": 20,
    "functions_ingestion_budget": 40,
    "functions_processing_budget": 60,
    "functions_ingestion_reserved_concurrency": 62,
    "functions_processing_reserved_concurrency": 41,
    "functions_account_concurrency": 2_000,
    "functions_log_retention": 365,
    "functions_log_level": "WARNING",
    "functions_system_log_level": "INFO",
    "queue_visibility_timeout": 240,
    "queue_max_receive_count": 5,
    "queue_retention": 86_400,
    "storage_archive_by": "event",
    "storage_glacier_after": 90,
    "storage_glacier_minimum_size": 131_072,
    "storage_noncurrent_versions": 14,
    "routing_archive_retention": 0,
    "monitoring_error_rate": 3,
    "monitoring_minimum_invocations": 50,
    "monitoring_refused_requests": 40,
    "monitoring_refused_of_provider": 30,
    "monitoring_backlog_age": 900,
    "monitoring_backlog_depth": 25_000,
}


COMPUTED = [item.name for item in OFFERED if item.computed]


@dataclass
class Written:
    """A preset's module."""

    module: TerraformModule

    @cached_property
    def files(self):
        return self.module.files()

    @cached_property
    def documents(self):
        return {name: json.loads(content) for name, content in self.files.items() if name.endswith(".tf.json")}


@pytest.fixture(scope="session")
def written(bundles):
    settings = {preset: build_settings("module", {"preset": preset}) for preset in PRESETS}
    return {
        preset: Written(TerraformModule(settings=values, source=f"the preset `{preset}`", bundles=bundles))
        for preset, values in settings.items()
    }


@pytest.fixture
def files(written):
    return written["standard"].files


@pytest.fixture
def documents(written):
    return written["standard"].documents


@pytest.fixture
def variables(documents):
    return documents["variables.tf.json"]["variable"]


def synthesized(settings, bundles, folder, stack=INBOUND.stack):
    """Return the stack of settings as `cdktf synth` writes it, without metadata."""
    app = cdk.App(outdir=str(folder))
    stack(app, "stack", settings, bundles)
    app.synth()
    return without_metadata(json.loads((folder / "stacks/stack/cdk.tf.json").read_text(encoding="utf-8")))


def without_metadata(value):
    if isinstance(value, dict):
        return {name: without_metadata(item) for name, item in value.items() if name != "//"}
    if isinstance(value, list):
        return [without_metadata(item) for item in value]
    return value


def comparable(document):
    """Return resources, data sources and outputs, with numbers as texts, because Terraform takes either."""

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value if value is None or isinstance(value, bool) else str(value)

    parts = {name: plain(document[name]) for name in ("resource", "data", "output")}
    for deployment in parts["resource"]["aws_api_gateway_deployment"].values():
        del deployment["triggers"]
    return parts


def called(documents, values, region):
    """Return the module's document as Terraform has it for some values."""
    text = json.dumps({**documents["main.tf.json"], **documents["outputs.tf.json"]})
    tags = {
        "Environment": values["environment_suffix"],
        "Service": values["service"],
        "ManagedBy": "terraform",
        "Version": VERSION,
    }
    text = text.replace('"${local.tags}"', json.dumps(tags))
    more = re.compile(r'"\$\{merge\(local\.tags, \{\\"Name\\" = \\"([^"]+)\\"\}\)\}"')
    text = more.sub(lambda match: json.dumps(tags | {"Name": match[1]}), text)
    for name, value in values.items():
        text = text.replace(f"${{{'local' if name in COMPUTED else 'var'}.{name}}}", str(value))
    document = json.loads(text.replace("${data.aws_region.current.name}", region))
    del document["data"]["aws_region"]
    return document


@pytest.mark.parametrize("given", [True, False], ids=["given", "computed"])
@pytest.mark.parametrize("preset", PRESETS)
def test_called_with_values_it_is_the_stack_of_these_values(written, bundles, tmp_path, preset, given):
    # Given a value for every input that is not its default, the computed ones perhaps left out
    defaults = {item.name: item.default_in(written[preset].module.settings) for item in OFFERED}
    assert OTHER_VALUES.keys() == defaults.keys()
    assert [name for name, value in OTHER_VALUES.items() if value == defaults[name]] == []
    values = {name: None if name in COMPUTED and not given else value for name, value in OTHER_VALUES.items()}

    # When the stack is synthesized with them as settings, in another region
    settings = with_values(
        written[preset].module.settings,
        {
            **{item.path: values[item.name] for item in OFFERED},
            "region": "eu-central-1",
            "api.manage_account_log_role": False,
        },
    )
    text = json.dumps(synthesized(settings, bundles, tmp_path))
    text = text.replace('"ManagedBy": "cdktf"', '"ManagedBy": "terraform"')
    stack = json.loads(re.sub(r'"assets/[^"]*/([^/"]+\.zip)"', r'"${path.module}/bundles/\1"', text))

    # Then the module is that, but for what makes the API be deployed anew
    values |= {item.name: item.default_in(settings) for item in OFFERED if item.computed}
    assert comparable(called(written[preset].documents, values, "eu-central-1")) == comparable(stack)


@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_of_a_root_module_is_in_it(written, preset):
    documents = written[preset].documents
    blocks = {name: set(document) for name, document in documents.items()}

    assert blocks == {
        "main.tf.json": {"data", "locals", "resource"},
        "outputs.tf.json": {"output"},
        "variables.tf.json": {"variable"},
        "versions.tf.json": {"terraform"},
        "account/main.tf.json": {"data", "locals", "resource"},
        "account/variables.tf.json": {"variable"},
        "account/versions.tf.json": {"terraform"},
    }
    for document in documents.values():
        declared = [*Template(document).resources(), *Template(document).data()]
        assert [resource.address for resource in declared if resource.get("provider") is not None] == []
        assert "//" not in set(texts(document))


def test_it_asks_for_the_very_provider_that_the_stack_was_made_for(documents, stack_text):
    pinned = json.loads(stack_text)["terraform"]["required_providers"]["aws"]["version"]
    terraform = {
        "required_version": ">= 1.10",
        "required_providers": {"aws": {"source": "hashicorp/aws", "version": pinned}},
    }

    assert documents["versions.tf.json"] == documents["account/versions.tf.json"] == {"terraform": terraform}


@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_of_the_machine_and_no_region_is_in_it(written, bundles, preset):
    files = written[preset].files
    text = "".join(content.decode() for name, content in files.items() if not name.endswith(".zip"))
    machine = {str(ROOT), str(bundles), f"{Path.home()}/", f"/{getpass.getuser()}/"}

    assert {name for name in machine if name in text} == set()
    # A short name may stand in a digest by chance.
    assert re.findall(rf"(?<![\w+/=-]){re.escape(socket.gethostname())}(?![\w+/=-])", text) == []
    assert re.findall(r"(?<![\w.$/}`])/(?:home|root|tmp|usr|work|var|opt|private|Users)/[^\"]*", text) == []
    assert "us-east-1" not in text
    assert [probe for pair in TEXTS.values() for probe in pair if probe in text] == []


def test_another_process_elsewhere_writes_the_same_bytes(files, tmp_path):
    # Given what an earlier module left, and a file of the user's
    (tmp_path / "bundles").mkdir()
    for name in ("README.md", "main.tf.json", "bundles/ingestion.zip"):
        (tmp_path / name).write_bytes(files[name])
    (tmp_path / "bundles" / "gone.zip").write_bytes(b"old")
    (tmp_path / "user.tf").write_text("# mine\n")

    # When it is written as `make module` does, into that folder
    process = subprocess.run(
        [sys.executable, "-m", "tools.export_module", "--out", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "4242", "AWS_REGION": "ap-southeast-4"},
        capture_output=True,
        text=True,
        check=False,
    )

    # Then it is the same, and the user's file is still there
    assert process.returncode == 0, process.stderr
    written = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert written == {**files, "user.tf": b"# mine\n"}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_resource_has_the_address_that_it_has_in_the_stack(written, bundles, tmp_path, preset):
    stack = Template(synthesized(written[preset].module.settings, bundles, tmp_path))

    instance, account = (
        {resource.address for resource in Template(written[preset].documents[name]).resources()}
        for name in ("main.tf.json", "account/main.tf.json")
    )

    assert instance | account == {resource.address for resource in stack.resources()}
    assert instance & account == set()


def test_what_an_account_has_once_is_a_module_of_its_own(documents):
    account = Template(documents["account/main.tf.json"])

    assert sorted(resource.type for resource in account.resources()) == [
        "aws_api_gateway_account",
        "aws_iam_role",
        "aws_iam_role_policy_attachment",
    ]
    # and all that it refers to is there
    account.meaning(documents["account/main.tf.json"])
    assert set(documents["account/variables.tf.json"]["variable"]) == {"environment_suffix", "service", "tags"}


def test_an_accounts_part_that_needs_a_resource_of_the_instance_is_refused():
    instance = {"resource": {"aws_x": {"mine": {}}}}
    whole = {"resource": {"aws_x": {"mine": {}}, "aws_y": {"once": {"of": "${aws_x.mine.arn}"}}}}

    with pytest.raises(ModuleError, match=r"aws_x\.mine: belongs to an instance"):
        account_of(whole, instance)


def test_the_bundles_are_those_that_were_built(files, documents, bundles):
    names = {Path(name).name for name in files if name.startswith("bundles/")}

    assert {name: files[f"bundles/{name}"] for name in names} == {
        # Neither the native one, for providers that this preset does not deploy, nor those of the other stack.
        f"{function}.zip": (bundles / f"{function}.zip").read_bytes()
        for function in FUNCTIONS
    }
    functions = Template(documents["main.tf.json"]).all("aws_lambda_function")
    assert {function["filename"] for function in functions} == {f"${{path.module}}/bundles/{name}" for name in names}


def test_every_setting_is_an_input_or_fixed_or_the_callers():
    offered = [item.path for item in OFFERED]

    assert sorted([*offered, *FIXED, *OF_THE_CALLER, *OF_ANOTHER_STACK]) == sorted(path for path, _ in all_settings())


@pytest.mark.parametrize("item", OFFERED, ids=lambda item: item.name)
def test_an_input_says_what_its_setting_says(variables, item):
    declared = dict(all_settings())[item.path]
    block = variables[item.name]

    assert block["description"] == f"{rule_of(declared).doc} Allowed: {item.rule.allowed()}"
    assert block["type"] == ("string" if declared.type is str else "number")
    assert block["nullable"] is (item.name in COMPUTED)
    assert block["validation"] != []


def test_only_the_suffix_has_no_default_and_the_others_have_the_presets(variables, bundles):
    preset = build_settings("x", {"preset": "standard"})
    required = [name for name, block in variables.items() if "default" not in block]

    assert required == ["environment_suffix"]
    assert {item.name: variables[item.name]["default"] for item in OFFERED if not item.required} == {
        item.name: value_at(preset, item.path) for item in OFFERED if not item.required
    }


def test_an_environments_values_are_the_modules_shape_and_defaults(bundles):
    settings = build_settings("prod", {"providers": ["stripe"], "functions": {"memory": 1_024, "timeout": 20}})

    files = TerraformModule(settings=settings, source="prod", bundles=bundles).files()

    variables = json.loads(files["variables.tf.json"])["variable"]
    assert (variables["functions_memory"]["default"], variables["functions_timeout"]["default"]) == (1_024, 20)
    secrets = json.loads(files["main.tf.json"])["resource"]["aws_secretsmanager_secret"]
    assert set(secrets) == {"secrets_stripe"}
    assert "| `providers` | `stripe` |" in files["README.md"].decode()


def test_behind_an_ingest_queue_it_takes_no_more_than_settings_do(bundles):
    api = {"ingest": "direct", "max_body_bytes": 180_000}
    settings = build_settings("prod", {"providers": ["stripe"], "api": api})

    files = TerraformModule(settings=settings, source="prod", bundles=bundles).files()

    variables = json.loads(files["variables.tf.json"])["variable"]

    def conditions(name):
        return " ".join(rule["condition"] for rule in variables[name]["validation"])

    assert "var.api_max_body_bytes <= 180000" in conditions("api_max_body_bytes")
    # and says what happens to a larger one with either integration
    described = variables["api_max_body_bytes"]["description"]
    assert [words for words in ("413", "202", "dead letter queue") if words not in described] == []
    reserved = "var.functions_ingestion_reserved_concurrency"
    assert f"{reserved} >= 2 && {reserved} <= 1000" in conditions("functions_ingestion_reserved_concurrency")
    assert "var.api_throttle_rate * var.functions_ingestion_budget <= 1000000" in conditions(
        "functions_ingestion_budget"
    )
    # of one request a second there is no mapping of one execution, which AWS would refuse
    local = json.loads(files["main.tf.json"])["locals"]["functions_ingestion_reserved_concurrency"]
    assert "max(2, ceil(" in local
    assert b"| 1 to 180000 bytes |" in files["README.md"]


def test_every_output_is_described(documents, template):
    outputs = documents["outputs.tf.json"]["output"]

    assert set(outputs) == set(template.document["output"])
    assert [name for name, output in outputs.items() if not output.get("description")] == []


def test_a_sensitive_output_stays_sensitive(written):
    outputs = written["burst"].documents["outputs.tf.json"]["output"]

    assert {name for name, output in outputs.items() if output.get("sensitive")} == {"api_key"}
    assert "| `api_key` | yes | " in written["burst"].files["README.md"].decode()


def test_every_resource_that_takes_tags_has_the_modules_and_the_callers(documents, template):
    tagged = {resource.address for resource in template.resources() if resource.get("tags") is not None}

    for name in ("main.tf.json", "account/main.tf.json"):
        resources = list(Template(documents[name]).resources())
        have = {resource.address: resource["tags"] for resource in resources if resource.get("tags") is not None}
        assert set(have) == {resource.address for resource in resources} & tagged
        assert set(have.values()) == {"${local.tags}"}
        assert documents[name]["locals"]["tags"] == (
            '${merge(var.tags, {"Environment" = "${var.environment_suffix}", "ManagedBy" = "terraform", '
            f'"Service" = "${{var.service}}", "Version" = "{VERSION}"}})}}'
        )


def test_a_tag_of_one_resource_stays_beside_those_of_all():
    common = tags_of(Settings())
    document = {"resource": {"aws_x": {"one": {"tags": common}, "other": {"tags": {**common, "Name": "n-${var.a}"}}}}}

    tagged = with_callers_tags(document)["resource"]["aws_x"]

    assert tagged["one"]["tags"] == "${local.tags}"
    assert tagged["other"]["tags"] == '${merge(local.tags, {"Name" = "n-${var.a}"})}'


def test_a_quoted_text_holds_no_template():
    assert quoted('a ${var.x} %{ if } "b" \\ $ %') == r'"a $${var.x} %%{ if } \"b\" \\ $ %"'


def test_what_a_guard_stops_is_not_written(bundles, tmp_path):
    from modules.inbound.stack import WebhookStack

    class Mistaken(WebhookStack):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.fleet.status.configure({"API_TOKEN": "open sesame"})

    kind = replace(INBOUND, stack=Mistaken)

    with pytest.raises(ModuleError, match="module/fleet/status/function: secret-in-variable"):
        TerraformModule(settings=Settings(), source="s", bundles=bundles, kind=kind).write(tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


def test_what_the_accounts_part_only_looks_up_is_looked_up_there_too():
    part = {"resource": {"aws_y": {"once": {"of": "${data.aws_partition.it.partition}"}}}}
    instance = {"resource": {"aws_x": {"mine": {}}}, "data": {"aws_partition": {"it": {}}}}
    whole = {"resource": {**instance["resource"], **part["resource"]}, "data": instance["data"]}

    assert account_of(whole, instance) == part | {"data": instance["data"]}


def test_its_readme_has_every_input_and_output(files, variables, documents):
    readme = files["README.md"].decode()

    for name in [*variables, *documents["outputs.tf.json"]["output"]]:
        assert f"| `{name}` |" in readme, name
    for name in ("environment_suffix", "service", "tags"):
        assert f"| `{name}` |" in files["account/README.md"].decode()


def test_the_page_shows_the_example_that_the_tests_apply():
    example = (ROOT / "examples" / "terraform" / "main.tf").read_text(encoding="utf-8")

    assert f"```hcl\n{example}```" in (ROOT / "docs" / "terraform-module.md").read_text(encoding="utf-8")


def test_a_folder_with_something_else_in_it_is_left_alone(written, tmp_path):
    (tmp_path / "main.tf.json").write_text("the user's own")

    with pytest.raises(ModuleError, match="is neither empty nor a module"):
        written["standard"].module.write(tmp_path)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"main.tf.json": "the user's own"}


WRONG = {
    "no such preset": (("--preset", "huge"), "invalid choice: 'huge'"),
    "wrong environment": (("--environment", "My Env"), "error: environment 'My Env' in cdktf.json: environment:"),
    "both": (("--preset", "standard", "--environment", "dev"), "not allowed with argument"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_written_ends_with_one_line_and_writes_nothing(tmp_path, case, capsys, monkeypatch):
    from tools.export_module.__main__ import main

    arguments, message = WRONG[case]
    monkeypatch.setattr(sys, "argv", ["make module", *arguments, "--out", str(tmp_path / "out")])

    with pytest.raises(SystemExit) as end:
        main()

    assert message in f"{end.value.code} {capsys.readouterr().err}"
    assert list(tmp_path.iterdir()) == []
