"""What must be said, and may not be, of a stack with PayPal or another provider of compiled signatures."""

import pytest

from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError

PAYPAL = {"providers": ["paypal"], "provider_options": {"paypal": {"webhook_id": "4JH86294D6297924G"}}}


def test_paypal_is_deployed_with_its_webhook_s_id():
    assert build_settings("dev", PAYPAL).provider_options == {"paypal": {"webhook_id": "4JH86294D6297924G"}}


WRONG = {
    "no webhook id": ({"providers": ["paypal"]}, "provider_options.paypal.webhook_id: is missing"),
    "empty webhook id": ({"webhook_id": ""}, "provider_options.paypal.webhook_id"),
    "the simulator's webhook id": ({"webhook_id": "WEBHOOK_ID"}, "provider_options.paypal.webhook_id"),
    "webhook id with a separator": ({"webhook_id": "a|b"}, "provider_options.paypal.webhook_id"),
    "webhook id with a newline": ({"webhook_id": "4JH86294D6297924G\n"}, "provider_options.paypal.webhook_id"),
    "unknown environment": ({"webhook_id": "1", "environment": "LIVE"}, "provider_options.paypal.environment"),
    "a field of the scheme that is no option": ({"webhook_id": "1", "tolerance_seconds": "9"}, "tolerance_seconds"),
}


@pytest.mark.parametrize(("options", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_option_is_refused(options, field):
    values = options if "providers" in options else {**PAYPAL, "provider_options": {"paypal": options}}

    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", values)

    assert field in str(refusal.value)


def test_paypal_s_certificate_cannot_be_fetched_from_a_network_without_a_way_out():
    with pytest.raises(SettingsError, match=r"providers\.paypal: .*api\.paypal\.com.*network\.vpc"):
        build_settings("dev", {**PAYPAL, "network": {"vpc": True}})


@pytest.mark.parametrize(
    "values", [PAYPAL, {"providers": ["standard-webhooks-ed25519"]}], ids=["paypal", "standard-webhooks-ed25519"]
)
def test_compiled_code_runs_on_the_runtime_that_it_was_compiled_for(values):
    with pytest.raises(SettingsError, match=r"functions\.runtime: 'python3\.12'"):
        build_settings("dev", {**values, "functions": {"runtime": "python3.12"}})
    assert build_settings("dev", values).functions.runtime == "python3.13"
    assert build_settings("dev", {"functions": {"runtime": "python3.12"}}).functions.runtime == "python3.12"
