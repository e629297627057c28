"""Whatever JSON stands in ``cdktf.json``, an environment is right, or is refused with the place and the value."""

import json
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modules.settings.delivery import DeliverySettings
from modules.settings.environments import build_settings, load_settings
from modules.settings.model import Settings
from modules.settings.sections import BackendSettings
from modules.settings.validation import SettingsError, section_of

SECTIONS = {field.name: field.type for field in fields(Settings) if is_dataclass(field.type)} | {
    "backend": BackendSettings,
    "delivery": DeliverySettings,
}
FIELDS = {
    section: [field.name for field in fields(kind) if not section_of(field)] for section, kind in SECTIONS.items()
}
PATHS = [f"{section}.{field}" for section, names in FIELDS.items() for field in names]
TOP_LEVEL = [field.name for field in fields(Settings) if field.name not in SECTIONS and field.name != "environment"]
BACKEND = {"bucket": "state", "key": "webhooks/dev"}

# What somebody could mean, so that values get past the first checks, and anything else that JSON can say.
WORDS = "a b stripe generic github burst ordered transaction 10.0.0.0/23 us-east-1 eu-west-1 python3.13 ERROR INFO ${x}"
NUMBERS = (0, 1, 2, 3, 50, 300, 1_000, 10_000, -1, 1.0)
plausible = st.sampled_from([True, False, None, *NUMBERS, "", *WORDS.split(), "\ud800"])
scalars = plausible | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
names = plausible.map(str) | st.text(max_size=5)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def refusal_of(call, *arguments):
    """Return what a call says when it refuses, or None. Anything but a refusal is raised."""
    try:
        call(*arguments)
    except SettingsError as error:
        return str(error)
    return None


def places(value):
    """Yield a value and everything in it."""
    yield value
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from places(item)
    elif isinstance(value, list):
        for item in value:
            yield from places(item)


def named(message, field, value):
    """Tell whether a refusal names the field, and the value or that part of it which is wrong."""
    if message.startswith((f"{field}: ", f"{field}.")):
        return (
            any(
                f"{part!r:.60}" in message or f"{part} s" in message or f".{part}: " in message
                for part in places(value)
            )
            or "none is" in message
        )
    # A rule between this field and another, which is named first.
    return field in message or message.startswith("functions.account_concurrency: ")


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60)
@given(value=json_values)
def test_any_value_of_a_setting_is_accepted_or_refused_by_its_name_and_value(path, value):
    section, field = path.split(".")
    given_ = {**(BACKEND if section == "backend" else {}), field: value}

    message = refusal_of(build_settings, "dev", {section: given_})

    assert message is None or named(message, path, value), message


@pytest.mark.parametrize("field", TOP_LEVEL)
@given(value=json_values)
@example(value={"stripe": {"True": None}})
@example(value=[["\x1f"]])
def test_any_value_at_the_top_is_accepted_or_refused_by_its_name_and_value(field, value):
    message = refusal_of(build_settings, "dev", {field: value})

    assert message is None or named(message, field, value), message


@pytest.mark.parametrize("section", SECTIONS)
@given(value=json_values)
def test_any_value_of_a_group_is_accepted_or_refused_by_its_name(section, value):
    message = refusal_of(build_settings, "dev", {section: value})

    assert message is None or message.startswith((f"{section}: ", f"{section}.")) or section in message, message


environments = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(TOP_LEVEL, json_values),
        **{
            section: st.dictionaries(st.sampled_from(names_), json_values, max_size=3)
            for section, names_ in FIELDS.items()
        },
        "preset": st.sampled_from(["standard", "ordered", "burst"]) | json_values,
        "providers": st.sampled_from([["generic"], {"acme": "generic"}]) | json_values,
    },
)


@settings(max_examples=200)
@given(values=environments)
@example(values={"routing": {"subscribers": {"ledger": ["stripe"]}}})
@example(values={"providers": {"acme": ["generic"]}})
@example(values={"preset": ["burst"]})
def test_any_environment_is_accepted_or_refused(values):
    message = refusal_of(build_settings, "dev", values)

    known = ("preset", *TOP_LEVEL, *SECTIONS)
    assert message is None or message.startswith(tuple(f"{name}{end}" for name in known for end in ".:")), message


@settings(max_examples=200)
@given(content=json_values | st.fixed_dictionaries({"context": json_values}))
def test_any_file_is_accepted_or_refused_by_its_name(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "cdktf.json"
    path.write_text(json.dumps(content), encoding="utf-8")

    message = refusal_of(load_settings, path, "dev")

    assert message is None or "cdktf.json" in message


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5_000, '"\\ud800"'], ids=len)
def test_json_that_no_parser_takes_is_refused(tmp_path, text):
    path = tmp_path / "cdktf.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match=r"cdktf\.json"):
        load_settings(path, "dev")
