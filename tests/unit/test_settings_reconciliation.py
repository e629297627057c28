"""Which providers are reconciled: what is refused, with the field and the value."""

import re

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.reconcile.lists.registry import LISTS
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError
from tools import ROOT

PROVIDERS = {
    "stripe": "stripe",
    "shop": "square",
    "github": "github",
    "paypal": "paypal",
    "adyen": "adyen",
    "lithic": "lithic",
}
OPTIONS = {"shop": {"url": "https://example.com/"}, "paypal": {"webhook_id": "5GP028458E2496506"}}


def settings(reconciliation, **more):
    values = {"providers": PROVIDERS, "provider_options": OPTIONS, "reconciliation": reconciliation, **more}
    return build_settings("dev", values)


def test_a_provider_is_read_with_its_defaults():
    hook = "repos/acme/shop/hooks/123"
    read = settings(
        {
            "stripe": {"every": "1h", "overlap": "1d", "types": ["charge.*", "payout.paid"]},
            "github": {"every": "15m", "hook": hook, "url": "https://hooks.example.com/github"},
        }
    ).reconciled
    stripe, github = read["stripe"], read["github"]
    assert (stripe.every, stripe.overlap, stripe.types, stripe.hook) == (
        3_600,
        86_400,
        ("charge.*", "payout.paid"),
        None,
    )
    assert (github.every, github.overlap, github.types, github.hook) == (900, 7_200, ("*",), hook)
    assert (stripe.url, github.url) == (None, "https://hooks.example.com/github")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"acme": {"every": "1h"}}, r"reconciliation: 'acme' is none of the deployed providers"),
        ({"adyen": {"every": "1h"}}, r"reconciliation\.adyen: Adyen payments has no list of events"),
        ({"paypal": "1h"}, r"reconciliation\.paypal: '1h' is not allowed"),
        ({"paypal": {"overlap": "1h"}}, r"reconciliation\.paypal: .* is not allowed; allowed: every"),
        ({"paypal": {"every": "1h", "evry": "1h"}}, r"reconciliation\.paypal: .*evry"),
        ({"paypal": {"every": "1m"}}, r"reconciliation\.paypal\.every: '1m' is not allowed; allowed: .* 5m to 24h"),
        ({"paypal": {"every": "2d"}}, r"reconciliation\.paypal\.every: '2d'"),
        ({"paypal": {"every": 60}}, r"reconciliation\.paypal\.every: 60"),
        ({"paypal": {"every": "1h", "overlap": "16d"}}, r"reconciliation\.paypal\.overlap: '16d'"),
        ({"stripe": {"every": "1h"}}, r"reconciliation\.stripe\.types: None is not allowed"),
        ({"shop": {"every": "1h"}}, r"reconciliation\.shop\.types: None is not allowed"),
        ({"lithic": {"every": "1h"}}, r"reconciliation\.lithic\.types: None is not allowed"),
        ({"stripe": {"every": "1h", "types": []}}, r"reconciliation\.stripe\.types: \[\]"),
        ({"stripe": {"every": "1h", "types": ["a b"]}}, r"reconciliation\.stripe\.types: \['a b'\]"),
        ({"github": {"every": "1h"}}, r"reconciliation\.github\.hook: None is not allowed"),
        ({"github": {"every": "1h", "hook": "repos/a/../hooks"}}, r"reconciliation\.github\.hook: 'repos/a"),
        ({"paypal": {"every": "1h", "url": "http://a/b"}}, r"reconciliation\.paypal\.url: 'http://a/b' is not allowed"),
        (
            {"paypal": {"every": "1h", "url": 7}},
            r"reconciliation\.paypal\.url: 7 is not allowed; allowed: the https URL",
        ),
        (
            {"shop": {"every": "1h", "types": ["*"], "url": "https://example.com/"}},
            r"reconciliation\.shop\.url: .* is not allowed for Square; .* provider_options\.shop\.url",
        ),
        ({"paypal": {"every": "1h", "hook": "repos/a/b/hooks/1"}}, r"reconciliation\.paypal\.hook: .* allowed: none"),
    ],
)
def test_what_is_wrong_is_told_with_its_field_and_value(given, told):
    with pytest.raises(SettingsError, match=told):
        settings(given)


def test_in_a_vpc_without_a_way_out_it_is_refused():
    given = {"stripe": {"every": "1h", "types": ["*"]}}
    with pytest.raises(SettingsError, match=r"reconciliation\.stripe: .* over the internet.*set network\.vpc to false"):
        build_settings("dev", {"reconciliation": given, "network": {"vpc": True}})
    assert settings(given).reconciled


def test_the_page_says_of_every_entry_whether_it_has_a_list():
    page = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    section = page.partition("\n## Which providers can be reconciled\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    told = [(entry, said) for names, said, *_ in rows for entry in names.strip("| `").split("`, `")]
    assert sorted(entry for entry, _ in told) == sorted(REGISTRY)
    assert {entry for entry, said in told if not re.match(r"not read here|no\b|the sender's own", said)} == set(LISTS)
