"""What real Terraform makes of the module's inputs."""

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modules.concurrency import MOST_OF_A_MAPPING, reserved_concurrency
from modules.environments import build_settings
from modules.presets import PRESETS
from modules.validation import SettingsError
from tools.ministack import LocalAws
from tools.module.input_rules import RULES_BETWEEN_INPUTS
from tools.module.offered import OFFERED
from tools.module.paths import value_at, with_values
from tools.module.terraform_module import TerraformModule
from tools.terraform import TerraformError, Workspace

PROVIDER = 'provider "aws" {\n  region = "us-east-1"\n}\n'
CALL = 'module "webhooks" {{\n  source = "{source}"\n{arguments}}}\n'
Root = Callable[..., Workspace]

SETTINGS = build_settings("module", {})
DEFAULTS = {item.path: value_at(SETTINGS, item.path) for item in OFFERED}
NUMBERS = [item for item in OFFERED if item.rule.low is not None]


@pytest.fixture(scope="module")
def written(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the module of the preset ``standard`` in ``webhooks``, and of the others under their names."""
    folder = tmp_path_factory.mktemp("module")
    for preset in PRESETS:
        settings = build_settings("module", {"preset": preset})
        module = TerraformModule(settings=settings, source="the tests", bundles=bundles)
        module.write(folder / ("webhooks" if preset == "standard" else preset))
    return folder


@pytest.fixture
def root(written: Path, local_aws: LocalAws) -> Root:
    """Return a function that makes a root module which calls the module with arguments."""

    def make(**arguments: str) -> Workspace:
        text = "".join(f"  {name} = {value}\n" for name, value in arguments.items())
        (written / "main.tf").write_text(PROVIDER + CALL.format(source="./webhooks", arguments=text), encoding="utf-8")
        workspace = Workspace.reopen(written, local_aws.environment())
        if not (written / ".terraform").exists():
            workspace.run("init", "-input=false")
        return workspace

    return make


@pytest.mark.parametrize("preset", PRESETS)
def test_terraform_finds_the_module_valid(written, local_aws, preset):
    # Given a root that calls it with no more than it asks for
    source = "webhooks" if preset == "standard" else preset
    folder = written / f"root-{preset}"
    folder.mkdir()
    (folder / "main.tf").write_text(
        PROVIDER + CALL.format(source=f"../{source}", arguments='  environment_suffix = "live"\n')
    )

    # When
    workspace = Workspace.reopen(folder, local_aws.environment())
    workspace.run("init", "-input=false")
    verdict = json.loads(workspace.run("validate", "-json"))

    # Then
    assert (verdict["valid"], verdict["diagnostics"]) == (True, [])


REFUSED = {
    "a wrong suffix": (
        {"environment_suffix": '"My-Env"'},
        "environment_suffix: allowed: 1 to 16 lower-case letters, digits and inner hyphens",
    ),
    "out of range": (
        {"functions_timeout": "51"},
        "functions_timeout: allowed: 1 to 50 s",
    ),
    "no whole number": (
        {"functions_memory": "512.5"},
        "functions_memory: allowed: 128 to 10240 MB",
    ),
    "none of the choices": (
        {"functions_log_level": '"TRACE"'},
        "functions_log_level: allowed: one of DEBUG, INFO, WARNING, ERROR",
    ),
    "a tag of the module": (
        {"tags": '{ Service = "other" }'},
        "tags: Environment, ManagedBy, Service are set by the module",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_input_stops_terraform_with_what_is_allowed(root, case):
    arguments, message = REFUSED[case]

    with pytest.raises(TerraformError) as refusal:
        root(**{"environment_suffix": '"live"', **arguments}).run("validate")

    assert message in " ".join(str(refusal.value).split())


def test_inputs_that_do_not_go_together_stop_the_plan(root):
    workspace = root(environment_suffix='"live"', functions_timeout="50", queue_visibility_timeout="299")

    with pytest.raises(TerraformError) as refusal:
        workspace.run("plan", "-input=false")

    assert RULES_BETWEEN_INPUTS[0].refusal in " ".join(str(refusal.value).split())


def reserved(values: dict[str, Any]) -> dict[str, int] | None:
    """Return what the stack reserves for its functions; nothing where settings, or an event source mapping, refuse."""
    try:
        settings = with_values(SETTINGS, values)
    except SettingsError:
        return None
    found = reserved_concurrency(settings.api.throttle_rate, settings.functions)
    # The stack cuts what its event source mapping uses, and the module has no use for more.
    return found if found["processing"] <= MOST_OF_A_MAPPING else None


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
    variables = json.loads((written / "webhooks" / "variables.tf.json").read_text(encoding="utf-8"))["variable"]
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
