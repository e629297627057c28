"""The generic entries' options: what can be set, what that does, and that nothing changes where nothing is set."""

import hashlib
import hmac

import pytest

from lambdas.shared.signatures.scheme import Verdict, key_id
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError
from tests.unit.providers.deployed import (
    ACCEPTED,
    BASE64URL,
    GENERIC,
    LIKE_SLACK,
    SHA512_BASE64,
    TIMESTAMPED,
    Deployed,
)
from tests.unit.webhooks import NOW, request

BODY = b'{"id":"evt_1","transaction_id":"tx_1"}'


def test_without_options_the_plain_entry_is_what_it_was():
    signature = "sha256=" + hmac.new(GENERIC.secret.encode(), BODY, hashlib.sha256).hexdigest()

    assert GENERIC.verify(request(BODY, {"X-Webhook-Signature": signature})) == Verdict(
        scheme="generic-sha256",
        signed_at=None,
        key_id=key_id(GENERIC.secret),
        headers={"x-webhook-signature": signature},
    )


def test_without_options_the_timestamped_entry_is_what_it_was():
    signature = hmac.new(TIMESTAMPED.secret.encode(), f"{NOW}.".encode() + BODY, hashlib.sha256).hexdigest()
    headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": str(NOW)}

    assert TIMESTAMPED.verify(request(BODY, headers)) == Verdict(
        scheme="generic-timestamped-sha256",
        signed_at=NOW,
        key_id=key_id(TIMESTAMPED.secret),
        headers={"x-webhook-signature": signature, "x-webhook-timestamp": str(NOW)},
    )


# https://docs.slack.dev/authentication/verifying-requests-from-slack prints secret, time, body and signature.
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
    b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
    b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


def test_a_published_vector_of_another_layout_is_accepted():
    secret = "8f742231b10e8888abcd99yyyzzz85a5"
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }

    verdict = LIKE_SLACK.provider.scheme.verify(request(SLACK_BODY, headers, received_at=1531420618), [secret])

    assert (verdict.signed_at, verdict.key_id) == (1531420618, key_id(secret))


# https://www.rfc-editor.org/rfc/rfc4231#section-4.3, HMAC-SHA-512 of test case 2.
def test_a_published_vector_of_sha_512_is_accepted():
    deployed = Deployed(entry="generic", options={"algorithm": "sha512"}, secret="Jefe")
    signature = (
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    )
    body = b"what do ya want for nothing?"

    assert deployed.verify(request(body, {"X-Webhook-Signature": signature})).scheme == "generic-sha512"
    assert deployed.verify(request(body, {"X-Webhook-Signature": f"sha512={signature}"})).scheme == "generic-sha512"


@pytest.mark.parametrize("deployed", [SHA512_BASE64, BASE64URL, LIKE_SLACK], ids=lambda each: str(dict(each.options)))
def test_what_is_signed_by_options_is_refused_without_them(deployed):
    signed = request(BODY, deployed.sign(BODY, now=NOW))

    assert deployed.answer(signed) == ACCEPTED
    assert Deployed(entry=deployed.entry).answer(signed) in ("401 signature_mismatch", "401 missing_signature_header")


def test_an_empty_prefix_is_no_prefix():
    deployed = Deployed(entry="generic", options={"prefix": ""})
    signature = hmac.new(deployed.secret.encode(), BODY, hashlib.sha256).hexdigest()

    assert deployed.answer(request(BODY, {"X-Webhook-Signature": signature})) == ACCEPTED
    assert deployed.answer(request(BODY, {"X-Webhook-Signature": f"sha256={signature}"})) == "401 signature_mismatch"


ALLOWED = [
    ("generic", {"algorithm": "sha256"}),
    ("generic", {"algorithm": "sha512", "encoding": "base64", "header": "X-Acme-Signature", "prefix": ""}),
    ("generic", {"encoding": "base64url"}),
    ("generic-timestamped", {"signed_content": "{timestamp}:{body}", "timestamp_header": "Acme-Time"}),
    ("generic-timestamped", {"signed_content": "v0:{timestamp}:{body}", "algorithm": "sha512"}),
]


@pytest.mark.parametrize(("entry", "options"), ALLOWED, ids=str)
def test_what_can_be_set(entry, options):
    given = {"providers": {"acme": entry}, "provider_options": {"acme": options}}

    assert build_settings("dev", given).provider_options == {"acme": options}


REFUSED = [
    ("generic", "algorithm", "sha1"),
    ("generic", "algorithm", "md5"),
    ("generic", "algorithm", "SHA256"),
    ("generic", "algorithm", ""),
    ("generic", "encoding", "base32"),
    ("generic", "encoding", "HEX"),
    ("generic", "header", ""),
    ("generic", "header", "X Signature"),
    ("generic", "header", "X-Signature:"),
    ("generic", "header", "X-Signature\n"),
    ("generic", "header", "X-Sign\u00e4ture"),
    ("generic", "header", "x" * 65),
    ("generic", "prefix", "sha256= "),
    ("generic", "prefix", "x" * 17),
    ("generic", "timestamp_header", "X-Time"),
    ("generic", "signed_content", "{timestamp}.{body}"),
    ("generic", "family", "github"),
    ("generic", "secret", "s3cret"),
    ("generic-timestamped", "tolerance_seconds", "86400"),
    ("generic-timestamped", "signed_content", "{body}"),
    ("generic-timestamped", "signed_content", "{timestamp}"),
    # A digit of the body could be one of the time.
    ("generic-timestamped", "signed_content", "{timestamp}{body}"),
    ("generic-timestamped", "signed_content", "{timestamp}0{body}"),
    ("generic-timestamped", "signed_content", "{body}.{timestamp}"),
    ("generic-timestamped", "signed_content", "{timestamp}.{body}."),
    ("generic-timestamped", "signed_content", "{timestamp}.{timestamp}.{body}"),
    ("generic-timestamped", "signed_content", "{timestamp}.{body}{body}"),
]


@pytest.mark.parametrize(("entry", "option", "value"), REFUSED, ids=ascii)
def test_what_cannot_be_set(entry, option, value):
    with pytest.raises(SettingsError, match=rf"^provider_options\.acme\.{option}: "):
        build_settings("dev", {"providers": {"acme": entry}, "provider_options": {"acme": {option: value}}})
