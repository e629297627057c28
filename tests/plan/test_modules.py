"""What real Terraform makes of the modules, and of their inputs."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from modules.settings.concurrency import MAX_MAPPING_CONCURRENCY, reserved_concurrency
from modules.settings.environments import build_settings
from modules.settings.presets import PRESETS
from modules.settings.validation import SettingsError
from tools.export_module.input_rules import RULES_BETWEEN_INPUTS
from tools.export_module.kinds import DELIVERY, INBOUND
from tools.export_module.offered import OFFERED
from tools.export_module.paths import value_at, with_values
from tools.export_module.terraform_module import TerraformModule
from tools.local.aws import LocalAws
from tools.local.terraform import TerraformError, Workspace

# The presets' modules, and the delivery stack's, by the names of their folders.
MODULES = {
    **{preset: (INBOUND, build_settings("module", {"preset": preset})) for preset in PRESETS},
    "delivery": (DELIVERY, build_settings("module", {"inbound": False, "delivery": {}})),
}
SETTINGS = MODULES["standard"][1]
DEFAULTS = {item.path: value_at(SETTINGS, item.path) for item in OFFERED}
NUMBERS = [item for item in OFFERED if item.rule.low is not None]


@pytest.fixture(scope="module")
def written(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every module."""
    folder = tmp_path_factory.mktemp("modules")
    for name, (kind, settings) in MODULES.items():
        TerraformModule(settings=settings, source="the tests", bundles=bundles, kind=kind).write(folder / name)
    return folder


def declared(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "main.tf.json").read_text(encoding="utf-8"))


def test_terraform_finds_the_modules_valid_and_would_only_create_what_the_stacks_have(written, local_aws: LocalAws):
    # Given a root that calls each with no more than it asks for, but two inputs of delivery's
    calls = {name: {"source": f"./{name}", "environment_suffix": "live"} for name in MODULES}
    calls["account"] = {"source": "./standard/account", "environment_suffix": "live"}
    calls["delivery"] |= {"delivery_visibility_timeout": 240, "delivery_worker_memory": 2_048}
    root = {"provider": {"aws": {"region": "us-east-1"}}, "module": calls}
    (written / "main.tf.json").write_text(json.dumps(root), encoding="utf-8")

    # When
    workspace = Workspace.reopen(written, local_aws.environment())
    workspace.run("init", "-input=false")
    verdict = json.loads(workspace.run("validate", "-json"))
    planned = [each for each in workspace.plan()["resource_changes"] if each["mode"] == "managed"]

    # Then
    assert verdict["valid"] is True
    assert verdict["diagnostics"] == [], "such as attributes that a later version of the provider does not know"
    assert {tuple(each["change"]["actions"]) for each in planned} == {("create",)}
    assert {each["address"] for each in planned} == {
        f"module.{name}.{type_}.{id_}"
        for name, call in calls.items()
        for type_, named in declared(written / call["source"])["resource"].items()
        for id_ in named
    }
    after = [each["change"]["after"] for each in planned]
    (queue,) = [each for each in after if each.get("name") == "webhook-delivery-queue-live"]
    (worker,) = [each for each in after if each.get("function_name") == "webhook-delivery-worker-live"]
    assert (queue["visibility_timeout_seconds"], worker["memory_size"]) == (240, 2_048)


@pytest.mark.parametrize("version", ["5.100.0", "6.25.0"])
def test_a_root_may_ask_for_either_generation_of_the_provider(written, tmp_path, version):
    # Given a mirror of a provider that is nothing but a name: nothing here runs it
    mirror, root = tmp_path / "mirror", tmp_path / "root"
    for system in ("linux", "darwin"):
        for machine in ("amd64", "arm64"):
            folder = mirror / "registry.terraform.io" / "hashicorp" / "aws" / version / f"{system}_{machine}"
            folder.mkdir(parents=True)
            (folder / f"terraform-provider-aws_v{version}").touch(mode=0o755)
    configuration = tmp_path / "terraform.rc"
    configuration.write_text(f'provider_installation {{\n filesystem_mirror {{\n path = "{mirror}"\n }}\n}}\n')
    root.mkdir()
    required = {"aws": {"source": "hashicorp/aws", "version": f"~> {version.split('.')[0]}.0"}}
    calls = {name: {"source": str(written / name), "environment_suffix": "live"} for name in MODULES}
    document = {"terraform": {"required_providers": required}, "module": calls}
    (root / "main.tf.json").write_text(json.dumps(document), encoding="utf-8")

    # When
    said = Workspace.reopen(root, {"TF_CLI_CONFIG_FILE": str(configuration)}).run("init", "-input=false")

    # Then
    assert f"Installed hashicorp/aws v{version}" in said


@pytest.fixture(scope="module")
def inputs(written: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workspace]:
    """Inputs of a module, and what it computes of them, as a root of their own: these need no provider."""
    found = {}
    for name in ("standard", "delivery"):
        folder = tmp_path_factory.mktemp(name)
        (folder / "variables.tf.json").write_bytes((written / name / "variables.tf.json").read_bytes())
        of_inputs = {item.name: item.local for item in MODULES[name][0].inputs if item.local}
        (folder / "locals.tf.json").write_text(json.dumps({"locals": of_inputs}), encoding="utf-8")
        found[name] = Workspace.reopen(folder, {})
    return found


def plan(inputs: dict[str, Workspace], module: str, values: dict[str, Any]) -> str:
    given = {"environment_suffix": "live", **values}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    return inputs[module].run("plan", "-input=false", *(f"-var={name}={text}" for name, text in texts.items()))


REFUSED = [
    ("standard", {"environment_suffix": "My-Env"}, "allowed: 1 to 16 lower-case letters, digits and inner hyphens"),
    ("standard", {"functions_timeout": 51}, "functions_timeout: allowed: 1 to 50 s"),
    ("standard", {"functions_memory": 512.5}, "functions_memory: allowed: 128 to 10240 MB"),
    ("standard", {"functions_log_level": "TRACE"}, "functions_log_level: allowed: one of DEBUG, INFO, WARNING, ERROR"),
    (
        "standard",
        {"tags": {"Service": "other"}},
        "Environment, ManagedBy, Service, Version are set by the module",
    ),
    ("standard", {"functions_timeout": 50, "queue_visibility_timeout": 299}, RULES_BETWEEN_INPUTS[0].refusal),
    ("delivery", {"delivery_attempt_timeout": 61}, "allowed: 1 to 60 s"),
    ("delivery", {"delivery_retry_schedule": "never"}, "one of standard-webhooks, minutes"),
    *(
        ("delivery", values, rule.refusal)
        for rule, values in zip(
            DELIVERY.rules,
            (
                {"delivery_visibility_timeout": 179},
                {"delivery_attempt_timeout": 46},
                {"delivery_retention": 3_600, "delivery_max_receive_count": 20},
                {"functions_account_concurrency": 1_000, "delivery_worker_concurrency": 896},
            ),
            strict=True,
        )
    ),
]


@pytest.mark.parametrize(("module", "values", "message"), REFUSED, ids=[", ".join(each[1]) for each in REFUSED])
def test_a_wrong_input_stops_terraform_as_the_setting_stops_synth(inputs, module, values, message):
    with pytest.raises(TerraformError) as refusal:
        plan(inputs, module, values)

    assert message in " ".join(re.sub("[│╷╵]", " ", str(refusal.value)).split())
    kind, settings = MODULES[module]
    paths = {item.name: item.path for item in kind.inputs}
    if values.keys() <= paths.keys():
        with pytest.raises(SettingsError):
            with_values(settings, {paths[name]: value for name, value in values.items()})


ALLOWED = [
    {"delivery_visibility_timeout": 180},
    {"delivery_attempt_timeout": 45},
    {"delivery_retention": 3_601, "delivery_max_receive_count": 20},
    {"functions_account_concurrency": 1_000, "delivery_worker_concurrency": 895},
]


@pytest.mark.parametrize("values", ALLOWED, ids=lambda values: next(iter(values)))
def test_the_nearest_value_that_is_allowed_is_allowed_by_both(inputs, values):
    kind, settings = MODULES["delivery"]
    paths = {item.name: item.path for item in kind.inputs}

    assert "No changes" in plan(inputs, "delivery", values)
    assert with_values(settings, {paths[name]: value for name, value in values.items()})


def reserved(values: dict[str, Any]) -> dict[str, int] | None:
    """Return what the stack reserves for its functions; nothing where settings, or an event source mapping, refuse."""
    try:
        settings = with_values(SETTINGS, values)
    except SettingsError:
        return None
    found = reserved_concurrency(settings.api.throttle_rate, settings.functions)
    # The stack cuts what its event source mapping uses, and the module has no use for more.
    return found if found["processing"] <= MAX_MAPPING_CONCURRENCY else None


def cases() -> list[dict[str, Any]]:
    """Return sets of values: each number at and beyond its ends, two numbers at their ends, choices, texts."""
    found: list[dict[str, Any]] = []
    for item in NUMBERS:
        low, high = item.rule.low, item.rule.high
        found += [{item.path: value} for value in (low - 1, low, high, high + 1)]
    # Of the pairs, those that one side may refuse as pairs: Terraform looks at inputs together in these rules only.
    text = str([(rule.condition, [item.local for item in OFFERED]) for rule in RULES_BETWEEN_INPUTS])
    together = {item.path for item in OFFERED if item.name in text}
    for one, other in itertools.combinations(NUMBERS, 2):
        for a, b in itertools.product((one.rule.low, one.rule.high), (other.rule.low, other.rule.high)):
            pair = {one.path: a, other.path: b}
            alone = [reserved({path: value}) for path, value in pair.items()]
            if {*pair} <= together or (reserved(pair) is None and None not in alone):
                found.append(pair)
    # Around the edges of the rules between settings.
    found += [{"functions.timeout": t, "queue.visibility_timeout": 6 * t + more} for t in (1, 20) for more in (0, 1)]
    found += [{"queue.max_receive_count": 2, "queue.retention": 600 + more} for more in (0, 1)]
    found += [{"api.throttle_rate": rate, "functions.ingestion_budget": ms} for rate in (1, 19, 333) for ms in (1, 7)]
    found += [{"functions.account_concurrency": 250 + more} for more in (-1, 0)]
    found += [
        {"functions.processing_budget": 1_000, "api.throttle_rate": rate, "functions.account_concurrency": 10_000}
        for rate in (1_000, 1_001)
    ]
    found += [{"functions.log_retention": days} for days in range(10)]
    found += [{"functions.log_level": level} for level in ("DEBUG", "ERROR", "debug", "TRACE", "")]
    suffixes = ["a", "7", "eu-1", "a" * 16, "a" * 17, "", "-a", "a-", "A", "a_b", "a b", "a\n", "é", "a.b", "${x}"]
    found += [{"environment": suffix} for suffix in suffixes]
    services = ["x", "A b.c:d/e=f+g@h-i_j", "Zürich ٣ 日本", "x" * 256, "x" * 257, "", "a\nb", "five €", "a,b", "\t"]
    found += [{"service": service} for service in services]
    return found


def test_terraform_accepts_and_computes_what_settings_do(written, tmp_path):
    # Given all conditions of the module's variables, and what it computes, as functions of a case
    variables = json.loads((written / "standard" / "variables.tf.json").read_text(encoding="utf-8"))["variable"]
    names = {item.path: item.name for item in OFFERED}
    computed = {f"local.{item.name}": of_case(item.local) for item in OFFERED if item.local}
    conditions = [
        of_case(rule["condition"], computed) for name in names.values() for rule in variables[name]["validation"]
    ]
    both = [computed[f"local.functions_{name}_reserved_concurrency"] for name in ("ingestion", "processing")]
    tried = cases()
    (tmp_path / "cases.json").write_text(
        json.dumps([{names[path]: value for path, value in (DEFAULTS | case).items()} for case in tried])
    )
    verdict = f"alltrue([{', '.join(conditions)}]) ? [{', '.join(both)}] : null"
    judged = f'${{[for case in jsondecode(file("cases.json")) : {verdict}]}}'
    (tmp_path / "main.tf.json").write_text(json.dumps({"output": {"judged": {"value": judged}}}))

    # When Terraform judges every case
    workspace = Workspace.reopen(tmp_path, {})
    workspace.run("init", "-input=false")
    verdicts = workspace.plan()["planned_values"]["outputs"]["judged"]["value"]

    # Then it says of each what settings say
    expected = [None if (found := reserved(case)) is None else list(found.values()) for case in tried]
    disagreed = [trio for trio in zip(tried, verdicts, expected, strict=True) if trio[1] != trio[2]]
    assert disagreed == []
    assert None in verdicts


def of_case(expression: str, computed: dict[str, str] | None = None) -> str:
    """Return an expression over variables as one over the members of ``case``."""
    code = expression.removeprefix("${").removesuffix("}")
    for name, local in (computed or {}).items():
        code = code.replace(name, f"({local})")
    return re.sub(r"\bvar\.", "case.", code)
