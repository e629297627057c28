"""``make module STACK=delivery``: the delivery stack as a plain Terraform module."""

import json
import re
import sys

import pytest

from modules.settings.environments import build_settings
from modules.settings.reference import all_settings
from modules.settings.validation import rule_of
from tests.synth.template import Template
from tests.synth.test_module_files import called, comparable, synthesized
from tools.export_module.kinds import DELIVERY, INBOUND, KINDS
from tools.export_module.paths import value_at, with_values
from tools.export_module.terraform_module import TerraformModule

# A value for each input, other than its default.
OTHER_VALUES = {
    "environment_suffix": "live-eu",
    "service": "Payments: EU",
    "api_execution_log_level": "INFO",
    "functions_account_concurrency": 2_000,
    "functions_log_retention": 365,
    "functions_log_level": "WARNING",
    "functions_system_log_level": "INFO",
    "monitoring_error_rate": 3,
    "monitoring_minimum_invocations": 50,
    "monitoring_refused_requests": 40,
    "monitoring_backlog_depth": 25_000,
    "delivery_throttle_rate": 1_234,
    "delivery_throttle_burst": 2_345,
    "delivery_tenant_rate": 123,
    "delivery_tenant_burst": 234,
    "delivery_tenant_events_per_day": 345_678,
    "delivery_tenant_endpoints": 45,
    "delivery_max_event_bytes": 65_536,
    "delivery_memory": 1_769,
    "delivery_timeout": 20,
    "delivery_worker_memory": 2_048,
    "delivery_worker_timeout": 90,
    "delivery_worker_concurrency": 77,
    "delivery_docs_concurrency": 9,
    "delivery_batch_size": 7,
    "delivery_visibility_timeout": 300,
    "delivery_max_receive_count": 6,
    "delivery_retention": 86_400,
    "delivery_attempt_timeout": 25,
    "delivery_retry_schedule": "minutes",
    "delivery_disable_after": 48,
    "delivery_delivered_ttl": 31,
    "delivery_dead_ttl": 8,
}
OF_ITS_OWN = build_settings("module", {"inbound": False, "delivery": {}})
BESIDE = build_settings("module", {"delivery": {"receiver": True, "subscriptions": {"stripe": ["acme", "globex"]}}})


def written(settings, bundles):
    files = TerraformModule(settings=settings, source="the tests", bundles=bundles, kind=DELIVERY).files()
    return files, {name: json.loads(content) for name, content in files.items() if name.endswith(".tf.json")}


@pytest.fixture(scope="module")
def module(bundles):
    return written(OF_ITS_OWN, bundles)


@pytest.fixture(scope="module")
def module_beside(bundles):
    return written(BESIDE, bundles)


def test_without_a_delivery_in_the_settings_it_is_the_one_of_the_defaults():
    assert DELIVERY.settings_of(build_settings("module", {})) == OF_ITS_OWN
    assert DELIVERY.settings_of(BESIDE) is BESIDE
    assert INBOUND.settings_of(settings := build_settings("module", {})) is settings


@pytest.mark.parametrize("settings", [OF_ITS_OWN, BESIDE], ids=["of its own", "beside the inbound stack"])
def test_called_with_values_it_is_the_stack_of_these_values(settings, bundles, tmp_path, module, module_beside):
    # Given a value for every input that is not its default
    defaults = {item.name: value_at(settings, item.path) for item in DELIVERY.inputs}
    assert OTHER_VALUES.keys() == defaults.keys()
    assert [name for name, value in OTHER_VALUES.items() if value == defaults[name]] == []

    # When the stack is synthesized with them as settings, in another region
    values = {item.path: OTHER_VALUES[item.name] for item in DELIVERY.inputs}
    elsewhere = {"region": "eu-central-1", "api.manage_account_log_role": False}
    text = json.dumps(synthesized(with_values(settings, {**values, **elsewhere}), bundles, tmp_path, DELIVERY.stack))
    text = text.replace('"ManagedBy": "cdktf"', '"ManagedBy": "terraform"')
    stack = json.loads(re.sub(r'"assets/[^"]*/([^/"]+\.zip)"', r'"${path.module}/bundles/\1"', text))

    # Then the module is that, but for what makes the API be deployed anew
    _, documents = module if settings is OF_ITS_OWN else module_beside
    assert comparable(called(documents, OTHER_VALUES, "eu-central-1")) == comparable(stack)


def test_the_accounts_log_role_comes_with_one_module_of_the_two(module, module_beside):
    assert "account/main.tf.json" in module[0]
    assert not [name for name in module_beside[0] if name.startswith("account/")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_is_an_input_or_fixed_or_somebody_elses(kind):
    kind = KINDS[kind]
    known = [*(item.path for item in kind.inputs), *kind.fixed, *kind.elsewhere]

    assert sorted(known) == sorted(path for path, _ in all_settings())


def test_every_delivery_setting_is_an_input_or_says_why_not():
    known = {item.path for item in DELIVERY.inputs} | set(DELIVERY.fixed)

    assert {path for path, _ in all_settings() if path.startswith("delivery.")} <= known


@pytest.mark.parametrize("item", DELIVERY.inputs, ids=lambda item: item.name)
def test_an_input_says_what_its_setting_says(module, item):
    block = module[1]["variables.tf.json"]["variable"][item.name]

    declared = dict(all_settings())[item.path]
    assert block["description"] == f"{rule_of(declared).doc} Allowed: {item.rule.allowed()}"
    assert block.get("default") == (None if item.required else value_at(OF_ITS_OWN, item.path))
    assert block["validation"] != []


def test_the_bundles_are_those_of_the_stacks_functions(module, bundles):
    files, documents = module
    names = {name.removeprefix("bundles/") for name in files if name.startswith("bundles/")}

    assert names == {f"delivery_{each}.zip" for each in ("api", "authorizer", "docs", "operator", "sweeper", "worker")}
    assert {name: files[f"bundles/{name}"] for name in names} == {name: (bundles / name).read_bytes() for name in names}
    functions = Template(documents["main.tf.json"]).all("aws_lambda_function")
    assert {function["filename"] for function in functions} == {f"${{path.module}}/bundles/{name}" for name in names}


def test_its_readme_has_every_input_and_output_and_is_not_the_inbound_ones(module):
    files, documents = module
    readme = files["README.md"].decode()

    for name in [*documents["variables.tf.json"]["variable"], *documents["outputs.tf.json"]["output"]]:
        assert f"| `{name}` |" in readme, name
    assert readme.startswith("# Webhook delivery")
    for rule in DELIVERY.rules:
        assert f"- `{rule.of}` {rule.refusal}" in readme


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        ([], "standard"),
        (["--preset", "burst"], "burst"),
        (["--environment", "prod"], "prod"),
        (["--stack", "delivery"], "delivery"),
        (["--stack", "delivery", "--environment", "prod"], "prod-delivery"),
    ],
)
def test_each_stack_goes_into_a_folder_of_its_own(monkeypatch, tmp_path, capsys, arguments, folder):
    from tools.export_module import __main__ as command

    # Given that nothing is written
    document = {"context": {"environments": {"prod": {"delivery": {}}}}}
    (tmp_path / "cdktf.json").write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    went = []
    monkeypatch.setattr(command.TerraformModule, "write", lambda module, out: went.append((module.kind, out.name)))
    monkeypatch.setattr(sys, "argv", ["make module", *arguments])

    command.main()

    assert went == [(DELIVERY if "delivery" in arguments else INBOUND, folder)]
    assert "written from" in capsys.readouterr().out
