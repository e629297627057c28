"""Webhooks as API Gateway hands them over."""

import base64

import pytest

from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.request import from_api_gateway
from tests.unit.outcomes import (
    ACCEPTED,
    EVERY_SIGNED_HEADER,
    MISMATCH,
    MISSING,
    OUTSIDE,
    REPEATED,
    every_provider,
    every_timestamped_provider,
    outcome,
)
from tests.unit.signers import sign
from tests.unit.webhooks import BODY, NOW, SECRETS


def api_gateway(body, headers, *, base64_encoded=False, epoch_ms=NOW * 1000):
    return {
        "body": body,
        "isBase64Encoded": base64_encoded,
        "multiValueHeaders": headers,
        "requestContext": {"requestTimeEpoch": epoch_ms},
    }


@every_provider
@pytest.mark.parametrize("body", [BODY, b"\xff\xfe\x00", b"\xef\xbb\xbf{}\r\n", b""], ids=repr)
def test_a_binary_body_is_verified_as_it_was_before_api_gateway_encoded_it(provider, body):
    headers = {name: [value] for name, value in sign(provider, body, SECRETS[provider], NOW).items()}
    encoded = base64.b64encode(body).decode()

    assert outcome(provider, from_api_gateway(api_gateway(encoded, headers, base64_encoded=True))) == ACCEPTED
    if body:
        assert outcome(provider, from_api_gateway(api_gateway(encoded, headers))) == MISMATCH


@every_provider
@pytest.mark.parametrize("text", ["{}", "Zoë", "\r\n", "\x00", None], ids=ascii)
def test_a_text_body_is_verified_as_utf_8(provider, text):
    body = (text or "").encode()
    headers = {name: [value] for name, value in sign(provider, body, SECRETS[provider], NOW).items()}

    assert outcome(provider, from_api_gateway(api_gateway(text, headers))) == ACCEPTED


@pytest.mark.parametrize("body", ["not base64!", "e30", "e30=\n", "é", "e30=e30="], ids=ascii)
def test_a_body_that_only_claims_to_be_base64_is_refused(body):
    with pytest.raises(MalformedWebhookError) as refusal:
        from_api_gateway(api_gateway(body, {}, base64_encoded=True))

    assert refusal.value.reason == "body_not_base64"


@pytest.mark.parametrize(("provider", "name"), EVERY_SIGNED_HEADER)
def test_a_header_repeated_in_another_case_is_repeated(provider, name):
    headers = {key: [value] for key, value in sign(provider, BODY, SECRETS[provider], NOW).items()}
    headers[name.swapcase()] = list(headers[name])

    assert outcome(provider, from_api_gateway(api_gateway(BODY.decode(), headers))) == REPEATED


@every_provider
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_the_case_of_header_names_does_not_matter(provider, spell):
    headers = {spell(name): [value] for name, value in sign(provider, BODY, SECRETS[provider], NOW).items()}

    assert outcome(provider, from_api_gateway(api_gateway(BODY.decode(), headers))) == ACCEPTED


@every_provider
@pytest.mark.parametrize("headers", [None, {}], ids=str)
def test_a_request_without_headers_is_refused(provider, headers):
    assert outcome(provider, from_api_gateway(api_gateway(BODY.decode(), headers))) == MISSING


@every_timestamped_provider
@pytest.mark.parametrize(("epoch_ms", "expected"), [((NOW + 300) * 1000, ACCEPTED), ((NOW + 300) * 1000 + 1, OUTSIDE)])
def test_the_window_counts_from_api_gateway_s_milliseconds(provider, epoch_ms, expected):
    headers = {name: [value] for name, value in sign(provider, BODY, SECRETS[provider], NOW).items()}
    event = api_gateway(BODY.decode(), headers, epoch_ms=epoch_ms)

    assert outcome(provider, from_api_gateway(event)) == expected
