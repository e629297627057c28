"""Every setting's range, the presets, and the rules between settings."""

from dataclasses import FrozenInstanceError, fields, is_dataclass
from functools import reduce

import pytest

from lambdas.shared.providers.registry import REGISTRY
from modules.environments import build_settings
from modules.presets import PRESETS
from modules.settings import (
    LOG_RETENTION_DAYS,
    RUNTIMES,
    ApiSettings,
    BackendSettings,
    FunctionSettings,
    MonitoringSettings,
    NetworkSettings,
    QueueSettings,
    RoutingSettings,
    Settings,
    StorageSettings,
)
from modules.validation import SettingsError

SECTIONS = {
    "api": ApiSettings,
    "functions": FunctionSettings,
    "queue": QueueSettings,
    "storage": StorageSettings,
    "routing": RoutingSettings,
    "network": NetworkSettings,
    "monitoring": MonitoringSettings,
    "backend": BackendSettings,
}
BACKEND = {"bucket": "state", "key": "webhooks/dev"}

# Written out, so that a range that changes in the code is seen here.
RANGES = {
    # field                                      lowest     highest            unit
    "api.throttle_rate":                        (1,         10_000,            "requests/s"),
    "api.throttle_burst":                       (1,         10_000,            "requests"),
    "api.max_body_bytes":                       (1,         4_500_000,         "bytes"),
    "functions.memory":                         (128,       10_240,            "MB"),
    "functions.timeout":                        (1,         50,                "s"),
    "functions.ingestion_reserved_concurrency":  (1,        10_000,            "executions"),
    "functions.processing_reserved_concurrency": (2,        10_000,            "executions"),
    "queue.visibility_timeout":                 (1,         43_200,            "s"),
    "queue.max_receive_count":                  (1,         1_000,             "receives"),
    "queue.retention":                          (60,        1_209_599,         "s"),
    "queue.batch_size":                         (1,         10,                "messages"),
    "storage.glacier_after":                    (1,         36_500,            "days"),
    "storage.glacier_minimum_size":             (1,         1_099_511_627_776, "bytes"),
    "storage.noncurrent_versions":              (1,         36_500,            "days"),
    "routing.archive_retention":                (0,         36_500,            "days"),
    "monitoring.error_rate":                    (1,         100,               "%"),
    "monitoring.minimum_invocations":           (1,         1_000_000,         "invocations in 5 min"),
    "monitoring.backlog_age":                   (60,        1_209_600,         "s"),
    "monitoring.backlog_depth":                 (1,         100_000_000,       "messages"),
}  # fmt: skip
CHOICES = {
    "api.execution_log_level": ("ERROR", "INFO"),
    "functions.runtime": ("python3.12", "python3.13"),
    "functions.log_retention": LOG_RETENTION_DAYS,
    "functions.log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
}
SWITCHES = ("api.api_key", "api.manage_account_log_role", "queue.fifo", "network.vpc")
TEXTS = ("backend.bucket", "backend.key", "backend.region")
TOP_LEVEL = ("environment", "preset", "region", "service", "providers", "backend")

# CloudWatch Logs takes these and no other.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_OF_CLOUDWATCH_LOGS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731} | {
    1096, 1827, 2192, 2557, 2922, 3288, 3653,
}  # fmt: skip


def section(field, value):
    """Make the section of a field alone, where no other section's value can stand in the way."""
    group, name = field.split(".")
    return SECTIONS[group](**{**(BACKEND if group == "backend" else {}), name: value})


def environment(field, value):
    """Make settings as an environment of ``cdktf.json`` does."""
    group, name = field.split(".")
    return build_settings("dev", {group: {**(BACKEND if group == "backend" else {}), name: value}})


def value_of(settings, field):
    return reduce(getattr, field.split("."), settings)


def test_the_tables_of_this_file_know_every_setting():
    declared = {f"{group}.{field.name}" for group, kind in SECTIONS.items() for field in fields(kind)}
    top_level = {field.name for field in fields(Settings) if not is_dataclass(field.type)}

    assert declared == {*RANGES, *CHOICES, *SWITCHES, *TEXTS}
    assert top_level == set(TOP_LEVEL)


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, (low, high, _) in RANGES.items() for value in (low, high)]
)
def test_both_ends_of_a_range_are_accepted(field, value):
    made = section(field, value)

    assert getattr(made, field.split(".")[1]) == value


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, (low, high, _) in RANGES.items() for value in (low - 1, high + 1)]
)
def test_one_beyond_either_end_is_refused_with_field_value_and_range(field, value):
    low, high, unit = RANGES[field]

    with pytest.raises(SettingsError) as refusal:
        environment(field, value)

    assert str(refusal.value) == f"{field}: {value} is not allowed; allowed: {low} to {high} {unit}"


@pytest.mark.parametrize("wrong", [True, "5", None, 5.0, [5]], ids=repr)
@pytest.mark.parametrize("field", RANGES)
def test_a_number_of_another_type_is_refused(field, wrong):
    with pytest.raises(SettingsError) as refusal:
        environment(field, wrong)

    assert str(refusal.value) == f"{field}: {wrong!r} is not a whole number"


@pytest.mark.parametrize("wrong", [1, 0, "true", "false", None], ids=repr)
@pytest.mark.parametrize("field", SWITCHES)
def test_a_switch_of_another_type_is_refused(field, wrong):
    with pytest.raises(SettingsError) as refusal:
        environment(field, wrong)

    assert str(refusal.value) == f"{field}: {wrong!r} is not true or false"


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("field", SWITCHES)
def test_a_switch_is_accepted(field, value):
    assert value_of(environment(field, value), field) is value


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, choices in CHOICES.items() for value in choices]
)
def test_every_choice_is_accepted(field, value):
    assert value_of(environment(field, value), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api.execution_log_level", "OFF"),
        ("api.execution_log_level", "error"),
        ("functions.runtime", "python3.11"),
        ("functions.runtime", "python3.14"),
        ("functions.runtime", "nodejs18.x"),
        ("functions.log_retention", 0),
        ("functions.log_retention", 2),
        ("functions.log_retention", 3654),
        ("functions.log_level", "TRACE"),
        ("functions.log_level", ""),
    ],
)
def test_what_is_no_choice_is_refused_with_all_choices(field, value):
    with pytest.raises(SettingsError) as refusal:
        environment(field, value)

    choices = ", ".join(str(choice) for choice in CHOICES[field])
    assert str(refusal.value) == f"{field}: {value!r} is not allowed; allowed: one of {choices}"


def test_the_log_retentions_are_those_of_cloudwatch_logs():
    assert set(LOG_RETENTION_DAYS) == RETENTION_OF_CLOUDWATCH_LOGS


def test_the_runtime_that_requirements_ask_for_is_the_default_and_a_choice():
    assert Settings().functions.runtime == "python3.13"
    assert "python3.13" in RUNTIMES


@pytest.mark.parametrize("wrong", [5, None, True, ["a"]], ids=repr)
@pytest.mark.parametrize("field", [*TEXTS, "functions.runtime", "functions.log_level", "api.execution_log_level"])
def test_a_text_of_another_type_is_refused(field, wrong):
    with pytest.raises(SettingsError) as refusal:
        environment(field, wrong)

    assert str(refusal.value) == f"{field}: {wrong!r} is not a text"


@pytest.mark.parametrize("field", TEXTS)
def test_an_empty_backend_field_is_refused(field):
    with pytest.raises(SettingsError) as refusal:
        environment(field, "")

    assert str(refusal.value) == f"{field}: '' is not allowed; allowed: a text that is not empty"


@pytest.mark.parametrize("missing", ["bucket", "key"])
def test_a_backend_without_bucket_or_key_is_refused(missing):
    with pytest.raises(SettingsError, match=rf"^backend: .*missing.*'{missing}'"):
        build_settings("dev", {"backend": {name: value for name, value in BACKEND.items() if name != missing}})


def test_a_backend_is_in_us_east_1_unless_it_says_otherwise():
    given = {"backend": BACKEND}

    backend = build_settings("dev", given).backend

    assert backend == BackendSettings(bucket="state", key="webhooks/dev", region="us-east-1")


def test_there_is_no_remote_state_by_default():
    assert build_settings("dev", {}).backend is None


@pytest.mark.parametrize("wrong", [5, None, True], ids=repr)
@pytest.mark.parametrize("field", ["region", "service"])
def test_a_text_at_the_top_of_another_type_is_refused(field, wrong):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {field: wrong})

    assert str(refusal.value) == f"{field}: {wrong!r} is not a text"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "ap-southeast-4", "us-gov-west-1", "cn-north-1"])
def test_an_aws_region_is_accepted(region):
    assert build_settings("dev", {"region": region}).region == region


@pytest.mark.parametrize("region", ["", "useast1", "US-EAST-1", "us-east-", "us-east-1a", "us-east-1 ", "us-east-1\n"])
def test_what_is_no_region_is_refused(region):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"region": region})

    assert str(refusal.value) == f"region: {region!r} is not the name of an AWS region"


# The value of a tag, which AWS refuses otherwise when the stack is applied.
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
@pytest.mark.parametrize("service", ["x" * 257, "a\nb", "five € each"], ids=["257 characters", "line break", "€"])
def test_a_service_that_cannot_be_a_tag_is_refused(service):
    with pytest.raises(SettingsError, match="service"):
        build_settings("dev", {"service": service})


@pytest.mark.parametrize(
    ("values", "field", "kind"),
    [
        ({"nothing": 1}, "nothing", Settings),
        ({"Api": {}}, "Api", Settings),
        ({"api.throttle_rate": 1}, "api.throttle_rate", Settings),
        ({"": 1}, "", Settings),
        ({"api": {"nothing": 1}}, "api.nothing", ApiSettings),
        ({"functions": {"mem": 512}}, "functions.mem", FunctionSettings),
        ({"queue": {"Fifo": True}}, "queue.Fifo", QueueSettings),
        ({"storage": {"fifo": True}}, "storage.fifo", StorageSettings),
        ({"backend": {**BACKEND, "use_lockfile": True}}, "backend.use_lockfile", BackendSettings),
    ],
)
def test_an_unknown_setting_is_refused_with_those_that_are_known(values, field, kind):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", values)

    known = ", ".join(declared.name for declared in fields(kind))
    assert str(refusal.value) == f"{field}: unknown setting; known: {known}"


@pytest.mark.parametrize("wrong", [5, "fast", None, [1], True], ids=repr)
@pytest.mark.parametrize("group", SECTIONS)
def test_a_group_that_is_no_group_is_refused(group, wrong):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {group: wrong})

    assert str(refusal.value) == f"{group}: {wrong!r} is not a group of settings"


# The table of the requirements, as it stands there.
PRESET_TABLE = {
    # setting                                    standard  ordered  burst
    "api.throttle_rate":                        (1_000,    1_000,   10_000),
    "api.throttle_burst":                       (2_000,    2_000,   10_000),
    "functions.memory":                         (512,      256,     512),
    "functions.timeout":                        (30,       30,      30),
    "queue.fifo":                               (False,    True,    False),
    "queue.visibility_timeout":                 (300,      300,     300),
    "queue.max_receive_count":                  (3,        3,       3),
    "api.api_key":                              (False,    False,   True),
    "network.vpc":                              (False,    False,   True),
    "functions.ingestion_reserved_concurrency":  (50,      50,      500),
    "functions.processing_reserved_concurrency": (100,     100,     200),
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
    default, made = Settings(), build_settings("dev", {"preset": preset})

    changed = {
        f"{group}.{field.name}"
        for group, kind in SECTIONS.items()
        if group != "backend"
        for field in fields(kind)
        if getattr(getattr(made, group), field.name) != getattr(getattr(default, group), field.name)
    }

    column = PRESET_NAMES.index(preset)
    assert changed == {field for field, row in PRESET_TABLE.items() if row[column] != row[0]}


def test_the_burst_presets_concurrency_is_sized_for_its_throttle():
    burst = build_settings("dev", {"preset": "burst"})
    seconds_of_a_request = 0.05

    needed = burst.api.throttle_rate * seconds_of_a_request

    assert burst.functions.ingestion_reserved_concurrency >= needed


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
    assert {other: value_of(settings, other) for other in PRESET_TABLE} == expected


@pytest.mark.parametrize("preset", ["Standard", "", "fast", None, 1], ids=repr)
def test_an_unknown_preset_is_refused(preset):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"preset": preset})

    assert str(refusal.value) == f"preset: {preset!r} is not allowed; allowed: one of standard, ordered, burst"


@pytest.mark.parametrize(("timeout", "visibility"), [(1, 6), (30, 180), (30, 181), (50, 300), (50, 43_200)])
def test_a_visibility_timeout_of_six_timeouts_or_more_is_accepted(timeout, visibility):
    values = {"functions": {"timeout": timeout}, "queue": {"visibility_timeout": visibility}}

    settings = build_settings("dev", values)

    assert (settings.functions.timeout, settings.queue.visibility_timeout) == (timeout, visibility)


@pytest.mark.parametrize(("timeout", "visibility"), [(1, 5), (30, 179), (50, 299), (50, 1)])
def test_a_visibility_timeout_under_six_timeouts_is_refused_with_both(timeout, visibility):
    values = {"functions": {"timeout": timeout}, "queue": {"visibility_timeout": visibility}}

    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", values)

    assert str(refusal.value).startswith(
        f"queue.visibility_timeout: {visibility} s is less than six times functions.timeout, {timeout} s"
    )


@pytest.mark.parametrize("entry", REGISTRY)
def test_a_list_of_providers_deploys_each_under_its_own_name(entry):
    assert build_settings("dev", {"providers": [entry]}).providers == {entry: entry}


def test_a_list_of_providers_keeps_its_order():
    assert list(build_settings("dev", {"providers": ["stripe", "github", "generic"]}).providers) == [
        "stripe",
        "github",
        "generic",
    ]


def test_a_mapping_of_providers_deploys_entries_under_other_names():
    given = {"acme": "generic", "acme-eu": "generic", "stripe": "stripe"}

    assert build_settings("dev", {"providers": given}).providers == given


def test_the_default_providers_are_of_the_registry_and_not_shared_between_settings():
    one, other = build_settings("dev", {}), build_settings("dev", {})

    assert set(one.providers.values()) <= set(REGISTRY)
    assert "stripe" in one.providers
    assert one.providers is not other.providers


@pytest.mark.parametrize("providers", [[], {}], ids=repr)
def test_no_provider_at_all_is_refused(providers):
    with pytest.raises(SettingsError, match=r"^providers: none is given"):
        build_settings("dev", {"providers": providers})


@pytest.mark.parametrize(
    ("providers", "field", "value"),
    [
        (["paypal"], "paypal", "paypal"),
        (["stripe", "Stripe"], "Stripe", None),
        ({"acme": "paypal"}, "acme", "paypal"),
        ({"acme": ""}, "acme", ""),
        ({"acme": None}, "acme", None),
        ({"acme": 5}, "acme", 5),
        ({"acme": ["generic"]}, "acme", ["generic"]),
        ({"acme": {"entry": "generic"}}, "acme", {"entry": "generic"}),
    ],
    ids=repr,
)
def test_an_entry_that_the_registry_does_not_have_is_refused(providers, field, value):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"providers": providers})

    message = str(refusal.value)
    assert message.startswith("providers")
    assert field in message
    assert value is None or repr(value) in message


@pytest.mark.parametrize("name", ["", "Acme", "a b", "-a", "a-", "a_b", "é", "a/b", "a" * 33, "${x}", "a\n"])
def test_a_provider_name_that_cannot_be_in_a_url_and_a_resource_name_is_refused(name):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"providers": {name: "generic"}})

    assert str(refusal.value) == (
        f"providers: {name!r} is not allowed; allowed: 1 to 32 lower-case letters, digits and inner hyphens"
    )


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a" * 32])
def test_a_provider_name_is_accepted(name):
    assert build_settings("dev", {"providers": {name: "generic"}}).providers == {name: "generic"}


@pytest.mark.parametrize("providers", ["stripe", 5, None, True], ids=repr)
def test_providers_that_are_neither_list_nor_mapping_are_refused(providers):
    with pytest.raises(SettingsError, match=r"^providers: "):
        build_settings("dev", {"providers": providers})


def test_settings_cannot_be_changed_after_they_were_checked():
    settings = build_settings("dev", {})

    with pytest.raises(FrozenInstanceError):
        settings.region = "nowhere"
    with pytest.raises(FrozenInstanceError):
        settings.queue.visibility_timeout = 1


@pytest.mark.parametrize("kind", [*SECTIONS.values(), Settings], ids=lambda kind: kind.__name__)
def test_every_setting_says_what_it_means(kind):
    undocumented = [field.name for field in fields(kind) if not field.metadata["rule"].doc.strip()]

    assert undocumented == []


@pytest.mark.parametrize(("retention", "fits"), [(900, False), (901, True)])
def test_a_message_outlives_its_last_receive(retention, fits):
    # Otherwise it would expire before SQS moves it to the dead letter queue, and be gone.
    values = {"queue": {"retention": retention}, "functions": {"timeout": 50}}

    if fits:
        assert build_settings("dev", values).queue.retention == retention
    else:
        with pytest.raises(SettingsError, match=r"queue\.retention: 900 s .* 900 s"):
            build_settings("dev", values)
