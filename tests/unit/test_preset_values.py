"""The presets: the table of the requirements, and what an environment changes of one."""

from dataclasses import fields, is_dataclass
from functools import reduce

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from modules.settings.concurrency import reserved_concurrency
from modules.settings.environments import build_settings
from modules.settings.model import Settings
from modules.settings.presets import PRESETS
from modules.settings.validation import SettingsError


def value_of(settings, field):
    return reduce(getattr, field.split("."), settings)


def all_values(settings, prefix=""):
    """Return path to value, of every setting."""
    found = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        nested = is_dataclass(value)
        found |= all_values(value, f"{prefix}{field.name}.") if nested else {prefix + field.name: value}
    return found


# The table of the requirements, as it stands there.
PRESET_TABLE = {
    # setting                                    standard  ordered  burst
    "api.ingest":                               ("function", "function", "direct"),
    "api.max_body_bytes":                       (4_194_304, 4_194_304, 180_000),
    "api.throttle_rate":                        (1_000,    1_000,   10_000),
    "api.throttle_burst":                       (2_000,    2_000,   10_000),
    "functions.memory":                         (512,      256,     512),
    "functions.timeout":                        (30,       30,      30),
    "functions.processing_budget":              (100,      100,     20),
    "queue.fifo":                               (False,    True,    False),
    "queue.batch_size":                         (100,      10,      100),
    "queue.batch_window":                       (1,        0,       1),
    "queue.visibility_timeout":                 (300,      300,     300),
    "queue.max_receive_count":                  (3,        3,       3),
    "api.api_key":                              (False,    False,   True),
    "network.vpc":                              (False,    False,   True),
}  # fmt: skip
PRESET_NAMES = ("standard", "ordered", "burst")
preset_cases = pytest.mark.parametrize(
    ("preset", "field", "value"),
    [(PRESET_NAMES[i], field, row[i]) for field, row in PRESET_TABLE.items() for i in range(3)],
)


def test_the_presets_are_those_of_the_requirements():
    assert tuple(PRESETS) == PRESET_NAMES


@preset_cases
def test_a_preset_has_the_values_of_the_requirements(preset, field, value):
    settings = build_settings("dev", {"preset": preset})

    assert value_of(settings, field) == value


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_a_preset_changes_nothing_that_its_table_does_not_name(preset):
    default, made = all_values(Settings()), all_values(build_settings("dev", {"preset": preset}))

    changed = {field for field in default if made[field] != default[field]} - {"preset"}

    column = PRESET_NAMES.index(preset)
    named = {field for field, row in PRESET_TABLE.items() if row[column] != row[0]}
    assert changed == named | ({"providers"} if preset == "burst" else set())


@pytest.mark.parametrize(
    ("preset", "ingestion", "processing"), [("standard", 50, 100), ("ordered", 50, 100), ("burst", 500, 200)]
)
def test_a_preset_reserves_what_the_requirements_say(preset, ingestion, processing):
    settings = build_settings("dev", {"preset": preset})

    reserved = reserved_concurrency(settings.api.throttle_rate, settings.functions)

    assert reserved == {"ingestion": ingestion, "processing": processing}


FOUR = ["stripe", "github", "standard-webhooks", "generic"]


@pytest.mark.parametrize(
    ("preset", "providers"),
    [("standard", FOUR), ("ordered", FOUR), ("burst", ["generic", "generic-timestamped"])],
)
def test_a_preset_deploys_the_providers_that_it_can(preset, providers):
    # With an API key, those that can send one.
    settings = build_settings("dev", {"preset": preset})

    assert settings.providers == {name: name for name in providers}
    assert not settings.api.api_key or {REGISTRY[entry].sends_api_key for entry in providers} == {True}


@pytest.mark.parametrize("given", [["generic"], {"acme": "generic-timestamped"}], ids=["list", "mapping"])
@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_an_environments_own_providers_stand_instead_of_its_presets(preset, given):
    settings = build_settings("dev", {"preset": preset, "providers": given})

    assert settings.providers == (given if isinstance(given, dict) else {"generic": "generic"})


def test_standard_is_the_preset_of_an_environment_that_names_none():
    assert build_settings("dev", {}) == build_settings("dev", {"preset": "standard"})


OVERRIDES = {
    "api.throttle_rate": 77,
    "api.throttle_burst": 78,
    "api.api_key": False,
    "functions.memory": 1024,
    "functions.timeout": 7,
    "functions.ingestion_reserved_concurrency": 3,
    "functions.processing_reserved_concurrency": 4,
    "queue.fifo": False,
    "queue.visibility_timeout": 400,
    "queue.max_receive_count": 9,
    "network.vpc": False,
}


@pytest.mark.parametrize(("field", "value"), OVERRIDES.items())
@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_an_environments_value_wins_over_its_presets_and_leaves_the_others(preset, field, value):
    group, name = field.split(".")

    settings = build_settings("dev", {"preset": preset, group: {name: value}})

    column = PRESET_NAMES.index(preset)
    expected = {other: row[column] for other, row in PRESET_TABLE.items()} | {field: value}
    assert {other: value_of(settings, other) for other in expected} == expected


@pytest.mark.parametrize("preset", ["Standard", "", "fast", None, 1], ids=repr)
def test_an_unknown_preset_is_refused(preset):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"preset": preset})

    assert str(refusal.value) == f"preset: {preset!r} is not allowed; allowed: one of standard, ordered, burst"
