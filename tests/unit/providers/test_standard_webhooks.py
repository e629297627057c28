"""Standard Webhooks under other names of the headers, as Svix and its customers send them."""

import pytest

from lambdas.inbound.event import read_events
from lambdas.ingestion.ingest_message import read as read_message
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError
from tests.unit.providers.deployed import ACCEPTED, DEPLOYED, Deployed
from tests.unit.test_ingest_message import sent as sent_to_the_ingest_queue
from tests.unit.webhooks import NOW, OTHER_SECRET, request

SVIX = DEPLOYED["standard-webhooks, svix-"]
PLAIN = DEPLOYED["standard-webhooks"]
ENTRIES = ("standard-webhooks", "standard-webhooks-ed25519")
MISSING = "401 missing_signature_header"


def event_of(deployed, webhook):
    (event,) = read_events("acme", deployed.provider, webhook)
    return event


@pytest.mark.parametrize("case", ["standard-webhooks, svix-", "standard-webhooks-ed25519"])
def test_the_prefix_names_the_headers_that_are_verified_and_the_one_with_the_id(case):
    deployed = Deployed(**{**vars(DEPLOYED[case]), "options": {"header_prefix": "svix"}})
    body = deployed.body()
    webhook = request(body, deployed.sign(body, now=NOW))

    assert deployed.signed_headers == ("svix-id", "svix-timestamp", "svix-signature")
    assert deployed.answer(webhook) == ACCEPTED
    assert event_of(deployed, webhook).event_id == webhook.headers["svix-id"][0]
    assert set(deployed.verify(webhook).headers) == set(deployed.signed_headers)


def test_the_vector_that_svix_publishes_is_accepted():
    # https://docs.svix.com/receiving/verifying-payloads/how-manual
    headers = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    verdict = SVIX.verify(request(b'{"test": 2432232314}', headers, received_at=1614265330), [secret])

    assert (verdict.signed_at, verdict.headers) == (1614265330, headers)


def test_headers_of_another_prefix_are_not_taken():
    body = PLAIN.body()

    assert SVIX.answer(request(body, PLAIN.sign(body, now=NOW))) == MISSING
    assert PLAIN.answer(request(body, SVIX.sign(body, now=NOW))) == MISSING


def test_an_unsigned_id_under_the_usual_name_makes_no_other_event():
    body = SVIX.body()
    headers = SVIX.sign(body, now=NOW)

    first = event_of(SVIX, request(body, headers))
    again = event_of(SVIX, request(body, headers | {"webhook-id": "msg_forged"}))

    assert again == first


def test_direct_integration_brings_the_headers_to_the_verifier():
    body = SVIX.body()
    # HTTP leaves the case of a name to the sender.
    headers = {name.title(): value for name, value in SVIX.sign(body, now=NOW).items()}

    webhook = read_message(sent_to_the_ingest_queue(body, headers, provider="acme")).request

    assert SVIX.outcome(request(webhook.body, webhook.headers)) == ACCEPTED
    assert SVIX.outcome(request(webhook.body, webhook.headers), [OTHER_SECRET]) == "401 signature_mismatch"


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("prefix", ["svix", "webhook", "x-acme", "a1", "a" * 32])
def test_what_can_be_set(entry, prefix):
    options = {"acme": {"header_prefix": prefix}}

    built = build_settings("dev", {"providers": {"acme": entry}, "provider_options": options})

    assert built.provider_options == options


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    "prefix", ["", "svix-", "-svix", "Svix", "svix_", "svix id", "svix\n", "s\u0456vix", "1svix", "a" * 33], ids=ascii
)
def test_what_cannot_be_set(entry, prefix):
    with pytest.raises(SettingsError, match=r"^provider_options\.acme\.header_prefix: .*svix-signature"):
        build_settings("dev", {"providers": {"acme": entry}, "provider_options": {"acme": {"header_prefix": prefix}}})


def test_a_fixed_sender_has_no_prefix_to_set():
    options = {"lithic": {"header_prefix": "svix"}}

    with pytest.raises(SettingsError, match=r"^provider_options\.lithic\.header_prefix: unknown option"):
        build_settings("dev", {"providers": ["lithic"], "provider_options": options})
