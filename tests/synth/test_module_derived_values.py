"""``make module`` writes a reference only where the stack has the very value of an input, and stops everywhere else.

The stacks here are stand-ins of a few lines, each with one thing in it that a real stack could come to have.
"""

import pytest

from modules.constructs.bundling import BUNDLES
from modules.inbound.stack import WebhookStack
from modules.settings.concurrency import reserved_concurrency
from modules.settings.environments import build_settings
from tools.export_module.errors import ModuleError
from tools.export_module.offered import OFFERED, offer
from tools.export_module.parametrize import parametrize
from tools.export_module.probes import choose
from tools.export_module.synthesis import _refuse_chosen_providers, synthesize

# With so many executions no rule between settings keeps a value from its ends.
SETTINGS = build_settings("dev", {"functions": {"account_concurrency": 1_000_000}})
NAMES = ("environment_suffix", "api_throttle_rate", "functions_timeout", "functions_log_level")
INPUTS = [item for item in OFFERED if item.name in NAMES]


def written(block, inputs=INPUTS):
    """Return what a resource becomes in the module; `block` makes it from settings."""

    def synth(settings):
        uses = {
            "every": [
                settings.environment,
                settings.api.throttle_rate,
                settings.functions.timeout,
                settings.functions.log_level,
            ]
        }
        return {"resource": {"aws_x": {"uses": uses, "it": block(settings)}}, "data": {}}

    document = parametrize(SETTINGS, inputs, choose(SETTINGS, inputs), synth)
    return document["resource"]["aws_x"]["it"]


LET_THROUGH = {
    "a number": (lambda s: s.functions.timeout, "${var.functions_timeout}"),
    "a number as text": (lambda s: str(s.functions.timeout), "${var.functions_timeout}"),
    "a number in a text": (lambda s: f"after {s.functions.timeout}s.", "after ${var.functions_timeout}s."),
    "a number in JSON": (lambda s: f'{{"at":{s.functions.timeout},"of":1}}', '{"at":${var.functions_timeout},"of":1}'),
    "two in one text": (
        lambda s: f"{s.functions.timeout}/{s.api.throttle_rate}",
        "${var.functions_timeout}/${var.api_throttle_rate}",
    ),
    "a word": (lambda s: f"level={s.functions.log_level}", "level=${var.functions_log_level}"),
    "a name": (lambda s: f"webhook-x-{s.environment}.fifo", "webhook-x-${var.environment_suffix}.fifo"),
    "the region": (lambda s: f"com.amazonaws.{s.region}.s3", "com.amazonaws.${data.aws_region.current.name}.s3"),
    "a constant that an input happens to have": (lambda s: [30, "30", "INFO", 1], [30, "30", "INFO", 1]),
    "a reference": (lambda s: "${aws_y.z_1.arn}/*", "${aws_y.z_1.arn}/*"),
}


@pytest.mark.parametrize("case", LET_THROUGH)
def test_the_value_of_an_input_becomes_a_reference(case):
    make, expected = LET_THROUGH[case]

    assert written(lambda settings: {"value": make(settings)}) == {"value": expected}


COMPUTED = {
    "a multiple": lambda s: 6 * s.functions.timeout,
    "a share": lambda s: s.api.throttle_rate / 20,
    "cut at a limit": lambda s: min(s.api.throttle_rate, 5_000),
    "raised to a least": lambda s: max(s.api.throttle_rate, 5),
    "a digest": lambda s: str(hash(s.functions.timeout)) + "x" * s.functions.timeout,
    "a length": lambda s: len(s.environment),
    "cut short": lambda s: f"webhook-{s.environment[:12]}",
    "in other letters": lambda s: s.environment.upper(),
    "with other characters": lambda s: s.environment.replace("-", "_"),
    "a switch": lambda s: s.functions.timeout > 10,
    "a number of things": lambda s: ["x"] * min(s.functions.timeout, 3),
    "there or not": lambda s: {"x": 1} if s.functions.log_level == "DEBUG" else {},
    "part of the region": lambda s: s.region.split("-")[1],
}


@pytest.mark.parametrize("case", COMPUTED)
def test_a_value_that_is_computed_from_an_input_stops_it_and_is_named(case):
    with pytest.raises(ModuleError, match=r"resource\.aws_x\.it") as refusal:
        written(lambda settings: {"attribute": COMPUTED[case](settings)})

    assert "computed from an input" in str(refusal.value)


def test_a_value_that_is_right_at_both_ends_and_wrong_between_them_stops_it():
    def rounded(settings):
        rate = settings.api.throttle_rate
        return {"attribute": rate if rate in (1, 10_000) else rate // 300 * 300}

    with pytest.raises(ModuleError) as refusal:
        written(rounded)

    assert str(refusal.value) == (
        "resource.aws_x.it.attribute: '1000' with the inputs' defaults, but '900' in the stack"
    )


def test_an_input_in_the_name_of_an_attribute_stops_it():
    with pytest.raises(ModuleError, match="a name contains an input"):
        written(lambda settings: {f"for-{settings.environment}": 1})


def test_an_input_of_which_another_is_computed_is_used_only_if_that_is():
    budget, concurrency = (
        next(item for item in OFFERED if item.name == f"functions_ingestion_{name}")
        for name in ("budget", "reserved_concurrency")
    )

    block = written(
        lambda s: {"reserved": reserved_concurrency(s.api.throttle_rate, s.functions)["ingestion"]},
        [*INPUTS, budget, concurrency],
    )

    assert block == {"reserved": "${local.functions_ingestion_reserved_concurrency}"}
    assert concurrency.local == (
        "${coalesce(var.functions_ingestion_reserved_concurrency, "
        "max(1, ceil(var.api_throttle_rate * var.functions_ingestion_budget / 1000)))}"
    )
    with pytest.raises(ModuleError, match="functions_ingestion_budget: without effect"):
        written(lambda s: {}, [*INPUTS, budget])


def test_an_input_without_effect_stops_it():
    inputs = [*INPUTS, offer("storage.archive_by")]

    with pytest.raises(ModuleError, match="storage_archive_by: without effect on the stack"):
        written(lambda settings: {}, inputs)


def test_inputs_of_the_same_range_are_told_apart():
    names = {"storage_glacier_after", "storage_noncurrent_versions", "api_throttle_rate", "api_throttle_burst"}
    inputs = [item for item in OFFERED if item.name in names]

    one, other = choose(SETTINGS, inputs)

    assert len({(one[item.path], other[item.path]) for item in inputs}) == len(names)
    assert [item.name for item in inputs if one[item.path] == other[item.path]] == []


def test_what_the_real_stack_cuts_at_a_limit_cannot_be_offered_beyond_it():
    # Given processing's concurrency offered as far as the setting goes; its event source mapping takes 1,000 at most
    path = "functions.processing_reserved_concurrency"
    inputs = [offer(path, computed=item.computed) if item.path == path else item for item in OFFERED]

    with pytest.raises(ModuleError, match="maximum_concurrency: 2 in one synth, 1000 in the other"):
        parametrize(SETTINGS, inputs, choose(SETTINGS, inputs), lambda s: synthesize(WebhookStack, s, BUNDLES).document)


@pytest.mark.parametrize("kind", ["resource", "data"])
def test_a_block_that_chooses_its_provider_stops_it(kind):
    with pytest.raises(ModuleError, match=r"aws_x\.it: chooses the provider 'aws\.other'"):
        _refuse_chosen_providers({kind: {"aws_x": {"it": {"provider": "aws.other"}}}})


def api(settings, path):
    """Return a stack of one API with two paths, of which one may have an input in it."""
    name = f"webhook-api-{settings.environment}"
    return {
        "resource": {
            "aws_api_gateway_rest_api": {"api": {"name": name, "tags": {"a": str(settings.api.throttle_rate)}}},
            "aws_api_gateway_resource": {
                "mine": {"rest_api_id": "${aws_api_gateway_rest_api.api.id}", "path_part": path(settings)},
                "of_another": {"rest_api_id": "another", "path_part": str(settings.api.throttle_rate)},
            },
            "aws_api_gateway_deployment": {
                "it": {"rest_api_id": "${aws_api_gateway_rest_api.api.id}", "triggers": {"definition": path(settings)}}
            },
        },
        "data": {},
    }


def trigger(path):
    inputs = [item for item in OFFERED if item.name in {"environment_suffix", "api_throttle_rate"}]
    document = parametrize(SETTINGS, inputs, choose(SETTINGS, inputs), lambda settings: api(settings, path))
    return document["resource"]["aws_api_gateway_deployment"]["it"]["triggers"]["definition"]


def test_an_api_is_deployed_anew_when_its_definition_or_an_input_in_it_changes():
    digest, *inputs = trigger(lambda settings: "one").split(" ")

    assert inputs == ["${var.environment_suffix}"]
    assert trigger(lambda settings: "one") == f"{digest} {inputs[0]}"
    assert not trigger(lambda settings: "other").startswith(digest)
    assert trigger(lambda settings: f"at-{settings.api.throttle_rate}").split(" ")[1:] == [
        "${var.environment_suffix}",
        "${var.api_throttle_rate}",
    ]
