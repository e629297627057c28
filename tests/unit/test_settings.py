"""Every setting by itself: its range, its type, and what is said of a value that is wrong."""

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from functools import reduce

import pytest

from modules.settings.environments import build_settings
from modules.settings.model import Settings
from modules.settings.sections import (
    RUNTIMES,
    ApiSettings,
    BackendSettings,
    FunctionSettings,
    MonitoringSettings,
    NetworkSettings,
    QuarantineSettings,
    QueueSettings,
    RoutingSettings,
    StorageSettings,
)
from modules.settings.validation import SettingsError, rule_of

SECTIONS = {
    "api": ApiSettings,
    "functions": FunctionSettings,
    "queue": QueueSettings,
    "storage": StorageSettings,
    "quarantine": QuarantineSettings,
    "routing": RoutingSettings,
    "network": NetworkSettings,
    "monitoring": MonitoringSettings,
    "backend": BackendSettings,
}
BACKEND = {"bucket": "state", "key": "webhooks/dev"}

RULES = {f"{group}.{field.name}": rule_of(field) for group, kind in SECTIONS.items() for field in fields(kind)}
# The generated docs/settings.md, which is reviewed, says each range once more: a change of one is seen there.
RANGES = {field: (rule.low, rule.high, rule.unit) for field, rule in RULES.items() if rule.low is not None}
CHOICES = {field: rule.choices for field, rule in RULES.items() if rule.choices}
SWITCHES = (
    "api.api_key",
    "api.manage_account_log_role",
    "queue.fifo",
    "quarantine.enabled",
    "network.vpc",
    "backend.use_path_style",
)
OPTIONAL_BACKEND_TEXTS = ("backend.kms_key_id", "backend.role_arn", "backend.profile")
BACKEND_TEXTS = ("backend.bucket", "backend.key", "backend.region", *OPTIONAL_BACKEND_TEXTS)
TEXTS = (*BACKEND_TEXTS, "network.cidr")
LISTS = ("api.api_key_added_for", "network.zones")
MAPPINGS = ("routing.subscribers", "routing.modes", "api.provider_rates", "monitoring.expect_every")
# Fields that may be left to what follows from others.
OPTIONAL = (
    "functions.ingestion_reserved_concurrency",
    "functions.processing_reserved_concurrency",
    "quarantine.enabled",
    *OPTIONAL_BACKEND_TEXTS,
)
TOP_LEVEL = (
    "environment",
    "preset",
    "region",
    "service",
    "tags",
    "inbound",
    "providers",
    "provider_options",
    "reconciliation",
    "statement",
    "backend",
    "delivery",
)

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
    top_level = {field.name for field in fields(Settings) if not is_dataclass(field.type)}

    assert set(RULES) == {*RANGES, *CHOICES, *SWITCHES, *TEXTS, *LISTS, *MAPPINGS}
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


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        (field, wrong)
        for field in RANGES
        for wrong in (True, "5", None, 5.0, [5])
        if not (field in OPTIONAL and wrong is None)
    ],
)
def test_a_number_of_another_type_is_refused(field, wrong):
    with pytest.raises(SettingsError) as refusal:
        environment(field, wrong)

    assert str(refusal.value) == f"{field}: {wrong!r} is not a whole number"


@pytest.mark.parametrize("wrong", [1, 0, "true", "false", None], ids=repr)
@pytest.mark.parametrize("field", SWITCHES)
def test_a_switch_of_another_type_is_refused(field, wrong):
    if wrong is None and field in OPTIONAL:
        return
    with pytest.raises(SettingsError) as refusal:
        environment(field, wrong)

    assert str(refusal.value) == f"{field}: {wrong!r} is not true or false"


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("field", SWITCHES)
def test_a_switch_is_accepted(field, value):
    assert getattr(section(field, value), field.split(".")[1]) is value


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, choices in CHOICES.items() for value in choices]
)
def test_every_choice_is_accepted(field, value):
    assert getattr(section(field, value), field.split(".")[1]) == value


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
        ("queue.ordered_by", "event"),
    ],
)
def test_what_is_no_choice_is_refused_with_all_choices(field, value):
    with pytest.raises(SettingsError) as refusal:
        environment(field, value)

    choices = ", ".join(str(choice) for choice in CHOICES[field])
    assert str(refusal.value) == f"{field}: {value!r} is not allowed; allowed: one of {choices}"


def test_the_log_retentions_are_those_of_cloudwatch_logs():
    assert set(CHOICES["functions.log_retention"]) == RETENTION_OF_CLOUDWATCH_LOGS


def test_the_runtime_that_requirements_ask_for_is_the_default_and_a_choice():
    assert Settings().functions.runtime == "python3.13"
    assert "python3.13" in RUNTIMES


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        (field, wrong)
        for field in [*TEXTS, "functions.runtime", "functions.log_level", "api.execution_log_level"]
        for wrong in (5, None, True, ["a"])
        if wrong is not None or field not in OPTIONAL
    ],
)
def test_a_text_of_another_type_is_refused(field, wrong):
    with pytest.raises(SettingsError) as refusal:
        environment(field, wrong)

    assert str(refusal.value) == f"{field}: {wrong!r} is not a text"


@pytest.mark.parametrize("wrong", ["stripe", 5, None, True, {"stripe": "stripe"}, [5], ["a", None], [["a"]]], ids=repr)
@pytest.mark.parametrize("field", LISTS)
def test_what_is_no_list_of_texts_is_refused(field, wrong):
    with pytest.raises(SettingsError) as refusal:
        environment(field, wrong)

    assert str(refusal.value) == f"{field}: {wrong!r} is not a list of texts"


@pytest.mark.parametrize("wrong", ["stripe", 5, None, True, ["stripe"]], ids=repr)
@pytest.mark.parametrize("field", MAPPINGS)
def test_what_is_no_mapping_is_refused(field, wrong):
    with pytest.raises(SettingsError) as refusal:
        environment(field, wrong)

    assert str(refusal.value) == f"{field}: {wrong!r} is not a mapping of texts"


@pytest.mark.parametrize("field", OPTIONAL)
def test_what_follows_from_other_settings_may_be_left_to_them(field):
    assert value_of(environment(field, None), field) is None


@pytest.mark.parametrize("field", sorted({*RANGES, *CHOICES, *SWITCHES, *TEXTS, *LISTS, *MAPPINGS} - {*OPTIONAL}))
def test_null_is_no_value(field):
    with pytest.raises(SettingsError) as refusal:
        environment(field, None)

    assert str(refusal.value).startswith(f"{field}: None is not ")


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

    assert str(refusal.value) == f"region: {region!r} is not allowed; allowed: the name of an AWS region"


KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
BACKEND_ACCEPTED = {
    "bucket": ("abc", "my.state-1", "a" * 63, "1.2.3.4.5"),
    "key": ("a", "webhooks/prod.tfstate", "a" * 1_000),
    "kms_key_id": (
        f"arn:aws:kms:us-east-1:123456789012:key/{KEY_ID}",
        "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        "arn:aws:kms:us-east-1:123456789012:alias/state",
        KEY_ID,
        "alias/state",
    ),
    "role_arn": ("arn:aws:iam::123456789012:role/state", "arn:aws-cn:iam::123456789012:role/path/of+it/state@x"),
    "profile": ("default", "My profile"),
}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html and what Terraform's backend refuses.
BACKEND_REFUSED = {
    "bucket": (
        *("", "ab", "a" * 64, "My-State", "my_state", "-state", "state-", "a..b", "192.168.5.4", "xn--state"),
        *("sthree-state", "amzn-s3-demo-state", "s3://state", "arn:aws:s3:::state", "state\n"),
    ),
    "key": ("", " ", "/webhooks", "webhooks/", "a" * 1_001),
    "region": ("", "useast1", "us-east-1a"),
    "kms_key_id": ("", "state", "arn:aws:iam::123456789012:role/state", "arn:aws:kms:us-east-1:123456789012:state"),
    "role_arn": ("", "state", "arn:aws:iam::123456789012:user/state", "arn:aws:iam::1234:role/state"),
    "profile": ("", " "),
}


@pytest.mark.parametrize(("name", "value"), [(n, value) for n, values in BACKEND_ACCEPTED.items() for value in values])
def test_what_terraforms_backend_takes_is_accepted(name, value):
    assert getattr(section(f"backend.{name}", value), name) == value


@pytest.mark.parametrize(("name", "value"), [(n, value) for n, values in BACKEND_REFUSED.items() for value in values])
def test_what_terraforms_backend_or_s3_refuses_is_refused(name, value):
    with pytest.raises(SettingsError) as refusal:
        environment(f"backend.{name}", value)

    rule = RULES[f"backend.{name}"]
    assert str(refusal.value) == f"backend.{name}: {value!r} is not allowed; allowed: {rule.allowed()}"
    assert rule.allowed()


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


# --- made without plain values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["ordered", "burst"])
def test_a_preset_that_would_change_nothing_is_refused(preset):
    with pytest.raises(SettingsError, match=f"preset: '{preset}' changes nothing here; call .*build_settings"):
        Settings(preset=preset)


@pytest.mark.parametrize("preset", ["standard", "ordered", "burst"])
def test_settings_of_a_preset_may_be_changed(preset):
    settings = build_settings("dev", {"preset": preset})

    assert replace(settings, service="orders").preset == preset


@pytest.mark.parametrize("section", ["api", "queue", "functions", "network", "delivery", "backend"])
def test_plain_values_for_a_section_are_refused_by_name(section):
    with pytest.raises(SettingsError, match=f"{section}: {{'fifo': True}} is not an? .*Settings; .*build_settings"):
        Settings(**{section: {"fifo": True}})


@pytest.mark.parametrize("wrong", [["queue"], "burst", None])
def test_values_that_are_no_mapping_are_refused_by_name(wrong):
    with pytest.raises(SettingsError, match=r"^values: .* is not a mapping of texts$"):
        build_settings("dev", wrong)
