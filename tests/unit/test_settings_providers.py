"""Which providers are deployed, and under which names."""

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError
from tests.unit.options import OPTIONS


@pytest.mark.parametrize("entry", REGISTRY)
def test_a_list_of_providers_deploys_each_under_its_own_name(entry):
    options = {entry: OPTIONS[entry]}

    assert build_settings("dev", {"providers": [entry], "provider_options": options}).providers == {entry: entry}


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
        (["venmo"], "venmo", "venmo"),
        (["stripe", "Stripe"], "Stripe", None),
        ({"acme": "venmo"}, "acme", "venmo"),
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


def test_as_many_providers_are_deployed_as_fit_into_the_environment_of_ingestion():
    providers = {f"merchant-{number:02}": "generic-timestamped" for number in range(60)}

    with pytest.raises(SettingsError) as refusal:
        build_settings("production", {"providers": providers})

    assert str(refusal.value) == (
        "providers: 60 with their options take 6,481 bytes of a function's environment, of which Lambda leaves 3,616; "
        "allowed: fewer of them in one environment, or shorter ones"
    )
    assert build_settings("production", {"providers": dict(list(providers.items())[:30])})


def test_signature_and_time_cannot_have_one_header():
    given = {"generic-timestamped": {"timestamp_header": "x-webhook-signature"}}

    with pytest.raises(SettingsError, match=r"^provider_options.generic-timestamped.timestamp_header: 'x-webhook-sig"):
        build_settings("dev", {"providers": ["generic-timestamped"], "provider_options": given})
