"""Hostile XML that is signed all the same: nothing is fetched, nothing grows, and what is refused is a 400."""

import base64
import gc
import time

import pytest

from lambdas.inbound.providers.xmlbody import MAX_DEPTH, parse_element
from lambdas.shared.errors import MalformedWebhookError
from tests.unit.providers.braintree_webhooks import SECRET, XML, payload_request, xml_request
from tests.unit.providers.outcome import ACCEPTED, outcome

NOT_XML = "400 body_not_xml"
OTHER_ROOT = "400 unexpected_xml_root"
NO_NOTIFICATION = "400 body_not_a_notification"
NOT_BASE64 = "400 body_not_base64"


def wrapped(inner, before=b""):
    return before + b"<notification><kind>check</kind>" + inner + b"</notification>"


LAUGHS = b"<!DOCTYPE a [<!ENTITY a0 'ha'>%s]>" % b"".join(
    b"<!ENTITY a%d '%s'>" % (level, b"&a%d;" % (level - 1) * 10) for level in range(1, 10)
)
DOCUMENTS = {
    "a notification": (XML, ACCEPTED),
    "with its declaration": (b'<?xml version="1.0" encoding="UTF-8"?>\n' + XML, ACCEPTED),
    "byte order mark": (b"\xef\xbb\xbf" + XML, ACCEPTED),
    "CRLF": (XML.replace(b"\n", b"\r\n"), ACCEPTED),
    "predefined entities": (wrapped(b"<a>&lt;&amp;&#65;&#x1F4B6;</a>"), ACCEPTED),
    "comments, instructions, CDATA": (wrapped(b"<!--x--><?x y?><a><![CDATA[<b>]]></a>"), ACCEPTED),
    "a MiB of text": (wrapped(b"<a>" + b"x" * 2**20 + b"</a>"), ACCEPTED),
    "as deep as may be": (wrapped(b"<a>" * (MAX_DEPTH - 1) + b"</a>" * (MAX_DEPTH - 1)), ACCEPTED),
    "one deeper": (wrapped(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH), NOT_XML),
    "10,000 deep": (wrapped(b"<a>" * 10_000 + b"</a>" * 10_000), NOT_XML),
    "100,000 open": (b"<notification>" * 100_000, NOT_XML),
    "a document type": (wrapped(b"", b"<!DOCTYPE notification>"), NOT_XML),
    "an internal entity": (wrapped(b"<a>&a;</a>", b"<!DOCTYPE a [<!ENTITY a 'b'>]>"), NOT_XML),
    "a billion laughs": (wrapped(b"<a>&a9;</a>", LAUGHS), NOT_XML),
    "an external entity": (
        wrapped(b"<a>&a;</a>", b"<!DOCTYPE a [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"),
        NOT_XML,
    ),
    "an external document type": (wrapped(b"", b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/a.dtd'>"), NOT_XML),
    "a parameter entity": (
        wrapped(b"", b"<!DOCTYPE a [<!ENTITY % a SYSTEM 'http://127.0.0.1:1/a.dtd'> %a;]>"),
        NOT_XML,
    ),
    "an entity of nobody's": (wrapped(b"<a>&a;</a>"), NOT_XML),
    "an entity of HTML": (wrapped(b"<a>&nbsp;</a>"), NOT_XML),
    "not a character": (wrapped(b"<a>&#0;</a>"), NOT_XML),
    "a surrogate": (wrapped(b"<a>&#xD800;</a>"), NOT_XML),
    "NUL": (wrapped(b"<a>\0</a>"), NOT_XML),
    "not UTF-8": (wrapped(b"<a>\xff</a>"), NOT_XML),
    "Latin-1 that says so": (wrapped(b"<a>\xe9</a>", b'<?xml version="1.0" encoding="ISO-8859-1"?>'), NOT_XML),
    "UTF-16": (XML.decode().encode("utf-16"), NOT_XML),
    "UTF-16 that does not say so, the low byte first": (XML.decode().encode("utf-16-le"), NOT_XML),
    "UTF-16 that does not say so, the high byte first": (XML.decode().encode("utf-16-be"), NOT_XML),
    "UTF-16 that it is not": (wrapped(b"", b'<?xml version="1.0" encoding="UTF-16"?>'), ACCEPTED),
    "an encoding of nobody's": (wrapped(b"", b'<?xml version="1.0" encoding="x-y"?>'), ACCEPTED),
    "UTF-7": (wrapped(b"+ADw-a/+AD4-", b'<?xml version="1.0" encoding="UTF-7"?>'), ACCEPTED),
    "two byte order marks": (b"\xef\xbb\xbf\xef\xbb\xbf" + XML, NOT_XML),
    "blank": (b" \n", NOT_XML),
    "truncated": (XML[:-5], NOT_XML),
    "two notifications": (XML + XML, NOT_XML),
    "text behind": (XML + b"x", NOT_XML),
    "NUL behind": (XML + b"\0", NOT_XML),
    "a tag that is never closed": (wrapped(b"<a>"), NOT_XML),
    "an attribute twice": (wrapped(b'<a type="x" type="y"/>'), NOT_XML),
    "JSON": (b'{"kind":"check"}', NOT_XML),
    "another root": (XML.replace(b"notification", b"transaction"), OTHER_ROOT),
    "a root in capitals": (XML.replace(b"notification", b"Notification"), OTHER_ROOT),
    "a root with a prefix": (XML.replace(b"notification", b"a:notification"), OTHER_ROOT),
    "a root of text": (b"<notification>check</notification>", NO_NOTIFICATION),
    "a root of nothing": (b"<notification/>", NO_NOTIFICATION),
    "a root that is a list": (b'<notification type="array"><kind>check</kind></notification>', NO_NOTIFICATION),
    "a root that is nil": (b'<notification nil="true"/>', NO_NOTIFICATION),
    "no kind": (b"<notification><a>b</a></notification>", ACCEPTED),
}


@pytest.mark.parametrize(("xml", "expected"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_is_plain_xml_or_malformed(xml, expected):
    assert outcome("braintree", xml_request(xml), [SECRET]) == expected


@pytest.mark.parametrize("payload", ["A", "AAAAA", "=", "====", "A===", "AA=A", "PG5=vdA", "\n", "AA\nA"], ids=ascii)
def test_a_payload_that_only_looks_like_base64_is_malformed(payload):
    assert outcome("braintree", payload_request(payload), [SECRET]) == (NOT_XML if payload == "\n" else NOT_BASE64)


def test_the_encoding_of_the_payload_s_lines_does_not_matter_when_it_is_signed():
    text = base64.b64encode(XML).decode()

    for payload in (text, "\n".join(text[i : i + 60] for i in range(0, len(text), 60)) + "\n", "\n\n" + text):
        assert outcome("braintree", payload_request(payload), [SECRET]) == ACCEPTED


def test_a_document_of_very_many_elements_is_read_in_proportion_to_its_length():
    def seconds(count):
        document = b"<a>" + b"".join(b"<b%d/>" % number for number in range(count)) + b"</a>"
        start = time.process_time()
        assert len(parse_element(document, "a")) == count
        return time.process_time() - start

    # A collection of garbage goes through all that the tests before left, and is no part of reading.
    gc.collect()
    gc.disable()
    try:
        few, many = (min(seconds(count) for _ in range(5)) for count in (2_000, 20_000))
    finally:
        gc.enable()

    # Were it the square, ten times the elements would take a hundred times as long.
    assert many < 40 * max(few, 0.001)


# --- what becomes of elements ---------------------------------------------------------------------------------------

VALUES = {
    "text": (b"<a>b</a>", "b"),
    "text as it stands": (b"<a>\n b </a>", "\n b "),
    "nothing": (b"<a/>", ""),
    "nil": (b'<a nil="true"/>', None),
    "a number stays text": (b'<a type="integer">1</a>', "1"),
    "a mapping": (b"<a><b-c>d</b-c><e/></a>", {"b-c": "d", "e": ""}),
    "a mapping with text between": (b"<a> x <b>c</b> y </a>", {"b": "c"}),
    "a list": (b'<a type="array"><b>c</b><b>d</b><e>f</e></a>', ["c", "d", "f"]),
    "an empty list": (b'<a type="array"/>', []),
    "elements of one name": (b"<a><b>c</b><b>d</b><e>f</e></a>", {"b": ["c", "d"], "e": "f"}),
    "text in pieces": (b"<a>1<!-- 2 -->3<![CDATA[4]]>&#53;</a>", "1345"),
}


@pytest.mark.parametrize(("xml", "value"), VALUES.values(), ids=VALUES)
def test_an_element_has_a_value(xml, value):
    assert parse_element(xml, "a") == value


def test_another_root_than_the_expected_is_malformed():
    with pytest.raises(MalformedWebhookError) as refusal:
        parse_element(b"<a/>", "b")

    assert refusal.value.reason == "unexpected_xml_root"
