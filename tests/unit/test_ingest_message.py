"""The template that API Gateway renders, and the reader of what it makes: every byte and every header comes through."""

import base64
import json
from urllib.parse import parse_qs

import pytest
from airspeed import TemplateError
from hypothesis import given
from hypothesis import strategies as st

from lambdas.ingestion.ingest_message import NotAnIngestMessageError, read
from modules.constructs.ingest_template import KEPT_OUT, send_message
from modules.settings.rules import INGEST_MESSAGE_BYTES, MAX_DIRECT_BODY_BYTES
from tools.local.mapping_template import render

CONTEXT = {"requestId": "5f2c1e0a-request", "requestTimeEpoch": 1_614_265_330_250}
# What a provider's request has besides its signature, X-Ray's and the load balancer's among it.
USUAL_HEADERS = {f"X-Header-{number}": "v" * 60 for number in range(20)}


def sent(body=b"{}", headers=None, provider="stripe"):
    """Return the message that SQS gets, with the body as base64 that CONVERT_TO_TEXT makes of it."""
    rendered = render(
        send_message(provider), body=base64.b64encode(body).decode("ascii"), headers=headers or {}, context=CONTEXT
    )
    call = parse_qs(rendered.text, keep_blank_values=True, strict_parsing=True)
    assert call["Action"] == ["SendMessage"]
    assert set(call) == {"Action", "MessageBody"}
    (message,) = call["MessageBody"]
    return message


HEADERS = {
    "an apostrophe, which escapeJavaScript breaks": "it's",
    "quotes": 'say "yes"',
    "a backslash": "a\\b\\u0022",
    "what ends a JSON member": '","provider":"generic","x":"',
    "what ends a parameter of the call": "a&MessageBody=b&Action=DeleteMessage",
    "signs of a query": "t=1614265330,v1=ab+cd/ef==&%20 %",
    "no ASCII": "Grüße 漢字 🎉",
    "a directive": "#set($x = 1)$input.body#end",
    "nothing": "",
    "a tab": "a\tb",
}


@pytest.mark.parametrize("value", HEADERS.values(), ids=HEADERS)
def test_a_header_comes_through_as_it_was_sent(value):
    message = read(sent(headers={"Stripe-Signature": value}))

    assert message.request.headers == {"stripe-signature": [value]}
    assert message.provider == "stripe"


@given(
    st.binary(max_size=2_000),
    st.dictionaries(
        st.text(alphabet="abcdefghijklmnopqrstuvwxyzABC-_.~!#$%&'*+^`|0123456789", min_size=1, max_size=20),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
        max_size=8,
    ),
)
def test_whatever_is_sent_is_read_again(body, headers):
    wanted: dict[str, list[str]] = {}
    for name, value in headers.items():
        if name.lower() not in KEPT_OUT:
            wanted.setdefault(name.lower(), []).append(value)

    request = read(sent(body, headers)).request

    assert (request.body, request.headers) == (body, wanted)


def test_a_request_without_a_body_is_one_without_a_body():
    # API Gateway's $input.body is {} then.
    assert json.loads(sent(b""))["body"] == "{}"
    assert read(sent(b"")).request.body == b""


def test_the_time_and_the_id_are_api_gateways():
    message = read(sent())

    assert message.request.received_at == 1_614_265_330.25
    assert message.correlation_id == "5f2c1e0a-request"


def test_names_are_found_in_whatever_case_they_were_sent():
    assert read(sent(headers={"STRIPE-SIGNATURE": "x"})).request.header("Stripe-Signature") == "x"


def test_a_header_may_be_called_as_a_method_of_a_map_is():
    headers = {"get": "a", "keyset": "b", "put": "c"}

    assert read(sent(headers=headers)).request.headers == {name: [value] for name, value in headers.items()}


@pytest.mark.parametrize("name", ["X-Api-Key", "authorization", "Cookie"])
def test_what_lets_its_holder_in_is_kept_out(name):
    assert read(sent(headers={name: "secret", "a": "b"})).request.headers == {"a": ["b"]}


def test_without_a_provider_in_the_path_a_header_says_it():
    message = sent(headers={"X-Provider-ID": "generic"}, provider="")

    assert read(message).provider == "generic"
    # and where the path says it, no header changes it
    assert read(sent(headers={"X-Provider-ID": "generic"})).provider == "stripe"


def test_the_largest_body_fits_beside_usual_headers():
    assert len(sent(bytes(MAX_DIRECT_BODY_BYTES), USUAL_HEADERS)) < INGEST_MESSAGE_BYTES - 16_000


def changed(**members):
    return json.dumps(json.loads(sent()) | members)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "null",
        "[]",
        "{}",
        "not JSON",
        '"text"',
        changed(v="2"),
        changed(v=1),
        changed(receivedAt="١٦١٤"),
        changed(receivedAt="-1"),
        changed(receivedAt=1),
        changed(receivedAt="9" * 20),
        changed(body="%%"),
        changed(body="é"),
        changed(body=None),
        changed(headers=None),
        changed(headers=1),
        "[" * 100_000,
    ],
)
def test_what_the_template_did_not_write_is_no_message(message):
    with pytest.raises(NotAnIngestMessageError) as refused:
        read(message)

    # and the error quotes nothing of it
    assert str(refused.value) in {
        "NotAnIngestMessageError",
        "KeyError",
        "TypeError",
        "AttributeError",
        "RecursionError",
        "Error",
        "ValueError",
        "JSONDecodeError",
    }


# --- the emulation of the templates, which must not be more lenient than what it stands for ---------------------------


@pytest.mark.parametrize(
    "template",
    [
        "$unknown",
        "$input.unknown('x')",
        "$input.params().unknown",
        "$input.params().header.unknown()",
        "$util.unknown('x')",
        "$context.unknown",
        "#if($unknown)#end",
        "#end",
        "#if($input.body)",
        "#foreach(x)#end",
        "$util.urlEncode($input",
    ],
)
def test_a_template_of_more_than_is_known_is_an_error(template):
    with pytest.raises(TemplateError):
        render(template, body="", headers={}, context={})


@pytest.mark.parametrize(("body", "made"), [("a", "<yes>"), ("b", "<no>")], ids=["the condition holds", "it does not"])
def test_a_condition_chooses(body, made):
    template = '<#if($input.body.contains("a"))#set($context.responseOverride.status = 413)yes#{else}no#{end}>'

    rendered = render(template, body=body, headers={}, context={})

    assert rendered.text == made
    assert rendered.status == (413 if body == "a" else None)
