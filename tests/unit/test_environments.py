"""From ``cdktf.json`` to settings: environment names, what an environment may say, and files that are wrong."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.settings.environments import build_settings, load_declared, load_settings
from modules.settings.model import Settings
from modules.settings.validation import SettingsError
from tools import ROOT
from tools.local.stack import ENVIRONMENTS


@pytest.fixture
def cdktf_json(tmp_path):
    """Return a function that writes a ``cdktf.json``: a text as it is, everything else as JSON."""

    def write(content):
        path = tmp_path / "cdktf.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def of(**environments):
    return {"context": {"environments": environments}}


@pytest.mark.parametrize("name", ["dev", "a", "0", "42", "prod-eu-1", "a--b", "a" * 16, "0123456789abcdef"])
def test_an_environment_name_is_accepted(name):
    assert build_settings(name, {}).environment == name


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "a space", "my env", "Dev", "DEV", "a" * 17, "-dev", "dev-", "-", "--", "dev_1", "dev.1", "dev/1",
        "dév", "\uff44ev", "dev٣", "dev\n", "\ndev", "dev\x00", "${env}", "dev;rm -rf", "*", "dev\u200b", "\u2177",
    ],
)  # fmt: skip
def test_an_environment_name_that_cannot_be_part_of_a_resource_name_is_refused(name):
    with pytest.raises(SettingsError) as refusal:
        build_settings(name, {})

    assert str(refusal.value) == (
        f"environment: {name!r} is not allowed; allowed: 1 to 16 lower-case letters, digits and inner hyphens"
    )


@given(name=st.text(alphabet="aZ09-_ é٣\n.", max_size=18))
def test_an_environment_name_is_accepted_exactly_when_its_letters_and_length_are_right(name):
    right = (
        1 <= len(name) <= 16
        and set(name) <= set(string.ascii_lowercase + string.digits + "-")
        and not name.startswith("-")
        and not name.endswith("-")
    )

    try:
        accepted = build_settings(name, {}).environment == name
    except SettingsError:
        accepted = False

    assert accepted == right


def test_the_environment_of_the_file_is_read(cdktf_json):
    path = cdktf_json(of(dev={"preset": "ordered", "functions": {"timeout": 10}}, prod={"region": "eu-west-1"}))

    dev, prod = load_settings(path, "dev"), load_settings(path, "prod")

    assert (dev.environment, dev.preset, dev.functions.timeout, dev.region) == ("dev", "ordered", 10, "us-east-1")
    assert (prod.environment, prod.preset, prod.functions.timeout, prod.region) == ("prod", "standard", 30, "eu-west-1")


@pytest.mark.parametrize("content", [{}, {"context": {}}, {"context": {"environments": {}}}, of(prod={"region": "x"})])
def test_an_environment_that_the_file_does_not_name_has_the_standard_presets_values(cdktf_json, content):
    assert load_settings(cdktf_json(content), "dev") == Settings()


@pytest.mark.parametrize("path", [ROOT / "cdktf.json", ENVIRONMENTS], ids=lambda path: path.name)
def test_every_environment_of_the_projects_own_files_is_right(path):
    names = json.loads(path.read_text(encoding="utf-8"))["context"]["environments"]

    assert [load_settings(path, name).environment for name in names] == list(names)
    assert ("dev" if path.name == "cdktf.json" else "local") in names


def test_a_wrong_value_is_named_with_environment_file_field_value_and_range(cdktf_json):
    path = cdktf_json(of(dev={"functions": {"timeout": 51}}))

    with pytest.raises(SettingsError) as refusal:
        load_settings(path, "dev")

    assert str(refusal.value) == (
        "environment 'dev' in cdktf.json: functions.timeout: 51 is not allowed; allowed: 1 to 50 s"
    )


def test_a_wrong_value_of_another_environment_stands_in_nobodys_way(cdktf_json):
    path = cdktf_json(of(dev={}, broken={"functions": {"timeout": 51}}))

    assert load_settings(path, "dev").environment == "dev"


def test_an_environment_cannot_name_itself(cdktf_json):
    path = cdktf_json(of(dev={"environment": "prod"}))

    with pytest.raises(SettingsError, match="environment: is the name of the environment itself and cannot be set"):
        load_settings(path, "dev")


@pytest.mark.parametrize(
    ("values", "field"),
    [({"nothing": 1}, "nothing"), ({"queue": {"nothing": 1}}, "queue.nothing"), ({"Queue": {}}, "Queue")],
)
def test_an_unknown_setting_is_named(cdktf_json, values, field):
    with pytest.raises(SettingsError, match=rf"^environment 'dev' in cdktf.json: {field}: unknown setting; known: "):
        load_settings(cdktf_json(of(dev=values)), "dev")


@pytest.mark.parametrize(
    "text",
    ["", "{", "{'context': {}}", '{"context": {}} trailing', "\x00"],
    ids=["empty", "cut", "quotes", "more", "nul"],
)
def test_a_file_that_is_no_json_is_named(cdktf_json, text):
    with pytest.raises(SettingsError, match=r"^cdktf\.json is not JSON: "):
        load_settings(cdktf_json(text), "dev")


def test_a_file_that_is_no_utf_8_is_named(tmp_path):
    path = tmp_path / "cdktf.json"
    path.write_bytes(b'{"context": "\xff"}')

    with pytest.raises(SettingsError, match=r"^cdktf\.json is not JSON: "):
        load_settings(path, "dev")


# JSON, but not what is expected there: a typing error must not end in a traceback.
@pytest.mark.parametrize(
    "content",
    [
        [],
        "5",
        "null",
        {"context": None},
        {"context": []},
        {"context": {"environments": None}},
        {"context": {"environments": []}},
        {"context": {"environments": ["dev"]}},
        of(dev=None),
        of(dev=[]),
        of(dev="standard"),
        of(dev=5),
        of(dev={"preset": ["standard"]}),
        of(dev={"preset": {"name": "standard"}}),
        of(dev={"providers": {"acme": ["generic"]}}),
    ],
    ids=json.dumps,
)
def test_a_file_of_another_shape_is_refused_with_a_message_that_names_it(cdktf_json, content):
    with pytest.raises(SettingsError, match=r"cdktf\.json"):
        load_settings(cdktf_json(content), "dev")


def test_two_environments_cannot_have_one_state(cdktf_json):
    state = {"bucket": "my-state", "key": "webhooks/prod.tfstate"}
    path = cdktf_json(of(prod={"backend": state}, staging={"backend": {**state, "region": "eu-west-1"}}, dev={}))

    for environment, other in (("prod", "staging"), ("staging", "prod")):
        with pytest.raises(SettingsError, match=rf"{environment}.*backend.key: 'webhooks/prod.tfstate' in .*'{other}'"):
            load_settings(path, environment)
    assert load_settings(path, "dev").backend is None


def test_what_is_said_twice_in_one_object_is_refused(cdktf_json):
    twice = '{"functions": {"log_retention": 365}, "functions": {"memory": 256}}'
    path = cdktf_json('{"context": {"environments": {"prod": ' + twice + "}}}")

    with pytest.raises(SettingsError, match=r"^cdktf\.json: 'functions' is said twice"):
        load_settings(path, "prod")


def test_a_backend_without_anything_in_it_is_no_local_state():
    with pytest.raises(SettingsError, match=r"backend: a setting is missing: .*'bucket'"):
        build_settings("dev", {"backend": {}})


def test_what_is_written_or_audited_by_the_name_of_an_environment_must_have_it(cdktf_json):
    path = cdktf_json(of(prod={"functions": {"memory": 1_024}}, dev={}))

    assert load_declared(path, "prod").functions.memory == 1_024
    assert load_declared(path, "dev").preset == "standard"
    with pytest.raises(SettingsError, match=r"^environment 'prdo': cdktf\.json does not name it; named: prod, dev$"):
        load_declared(path, "prdo")
    with pytest.raises(SettingsError, match="does not name it"):
        load_declared(cdktf_json({}), "prod")
