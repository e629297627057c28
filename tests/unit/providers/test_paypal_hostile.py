"""PayPal's deliveries as an attacker, a broken proxy or a careless operator would bring them, each with its outcome."""

import base64
import json

import pytest

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures.paypal import PayPalScheme
from lambdas.shared.errors import MalformedWebhookError, WebhookRefusedError
from tests.unit import signers
from tests.unit.providers import paypal_world as world
from tests.unit.providers.paypal_world import BODY, NOW, URL, CertificateHost, delivery, headers_for
from tests.unit.webhooks import OTHER_SECRET, request

ACCEPTED = "accepted"
MISMATCH = "401 signature_mismatch"
MALFORMED = "401 malformed_signature_header"
MISSING = "401 missing_signature_header"
REPEATED = "401 repeated_signature_header"
TOO_LONG = "401 signature_header_too_long"
BAD_TIME = "401 malformed_timestamp"
OUTSIDE = "401 timestamp_outside_window"
ALGORITHM = "401 unknown_signature_algorithm"
BAD_URL = "401 certificate_url_refused"
OTHER_ENVIRONMENT = "401 other_environment"
ID, TIME, SIG, CERT, ALGO = (
    f"PAYPAL-{name}" for name in ("TRANSMISSION-ID", "TRANSMISSION-TIME", "TRANSMISSION-SIG", "CERT-URL", "AUTH-ALGO")
)
HEADERS = (ID, TIME, SIG, CERT, ALGO)


def outcome(webhook, scheme=None, secrets=()):
    try:
        (scheme or CertificateHost().scheme()).verify(webhook, secrets)
    except WebhookRefusedError as refusal:
        return f"{refusal.status} {refusal.reason}"
    return ACCEPTED


def test_an_untouched_delivery_is_accepted():
    assert outcome(delivery()) == ACCEPTED


# --- the body -------------------------------------------------------------------------------------------------------

CHANGED_BODIES = {
    "first byte": b"[" + BODY[1:],
    "last byte": BODY[:-1] + b"]",
    "one bit in the middle": BODY[:20] + bytes([BODY[20] ^ 1]) + BODY[21:],
    "one byte less": BODY[:-1],
    "newline appended": BODY + b"\n",
    "NUL appended": BODY + b"\0",
    "byte order mark in front": b"\xef\xbb\xbf" + BODY,
    "empty": b"",
    "twice": BODY + BODY,
    "same JSON, other bytes": json.dumps(json.loads(BODY)).encode(),
}


@pytest.mark.parametrize("body", CHANGED_BODIES.values(), ids=CHANGED_BODIES.keys())
def test_a_changed_body_is_refused(body):
    assert outcome(delivery(body, headers_for(BODY))) == MISMATCH


EXACT_BODIES = {
    "not UTF-8": (b'{"id":"\xff\xfe"}', b'{"id":"\xef\xbf\xbd\xef\xbf\xbd"}'),
    "byte order mark": (b'\xef\xbb\xbf{"id":"WH-1"}', b'{"id":"WH-1"}'),
    "CRLF": (b'{\r\n"id":"WH-1"\r\n}', b'{\n"id":"WH-1"\n}'),
    "trailing newline": (b'{"id":"WH-1"}\n', b'{"id":"WH-1"}'),
    "compressed": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", b"\x1f\x8b\x08\x00\x00\x00\x00"),
    "one byte": (b"\x80", b"\x00"),
    "empty": (b"", b"\n"),
    "the size limit": (b"x" * 2**22, b"x" * (2**22 - 1)),
}


@pytest.mark.parametrize(("exact", "normalised"), EXACT_BODIES.values(), ids=EXACT_BODIES.keys())
def test_the_signature_counts_over_the_exact_bytes(exact, normalised):
    assert outcome(delivery(exact)) == ACCEPTED
    assert outcome(delivery(normalised, headers_for(exact))) == MISMATCH


def test_another_body_with_the_same_checksum_passes_the_signature_and_carries_its_transmission_along():
    # What no check of the signature can refuse. Processing does, by the transmission: see tests/lambdas.
    forged = world.forge(BODY, {"id": "WH-2", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "C2"}})

    verdict = CertificateHost().scheme().verify(delivery(forged, headers_for(BODY)), ())

    assert forged != BODY
    assert (
        verdict.signature_id == CertificateHost().scheme().verify(delivery(), ()).signature_id == world.TRANSMISSION_ID
    )


BAD_JSON = {
    "duplicate key": b'{"id":"WH-1","id":"WH-2"}',
    "NaN": b'{"id":"WH-1","amount":NaN}',
    "10,000 deep": b'{"id":"WH-1","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "not UTF-8": b'{"id":"\xff"}',
    "compressed": b"\x1f\x8b\x08\x00",
    "one byte": b"1",
    "empty": b"",
    "array": b'[{"id":"WH-1"}]',
    "no id": b'{"event_type":"X"}',
}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_a_signed_body_that_is_no_event_is_malformed(body):
    webhook = delivery(body)

    assert outcome(webhook) == ACCEPTED
    with pytest.raises(MalformedWebhookError):
        read_events("paypal", REGISTRY["paypal"], webhook)


# --- the headers ----------------------------------------------------------------------------------------------------

CHANGES = {
    "absent": (lambda value: [], MISSING),
    "empty": (lambda value: [""], MISSING),
    "on two lines": (lambda value: [value, value], REPEATED),
    "on two lines, the first one empty": (lambda value: ["", value], REPEATED),
    "4,097 characters": (lambda value: [value + "0" * (4097 - len(value))], TOO_LONG),
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_header_is_refused(name, change, expected):
    headers = headers_for()

    assert outcome(request(BODY, headers | {name: change(headers[name])}, NOW)) == expected


GARBAGE = (" ", "\t", "\n", "\0", "é", "\ud800", "\uff11", ",", "=", "|", "null", "-1", "x" * 4096)
GARBAGE_IS = {ID: MALFORMED, TIME: BAD_TIME, SIG: MALFORMED, CERT: BAD_URL, ALGO: ALGORITHM}
# What has the form is compared.
GARBAGE_BUT = {(ID, "null"): MISMATCH, (ID, "-1"): MISMATCH, (SIG, "null"): MISMATCH, (SIG, "x" * 4096): MISMATCH}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: ascii(value)[:16])
def test_a_header_that_holds_garbage_is_refused(name, value):
    expected = GARBAGE_BUT.get((name, value), GARBAGE_IS[name])

    assert outcome(delivery(headers=headers_for() | {name: value})) == expected


ALGORITHMS = (
    "SHA1withRSA",
    "sha256WithRSA",
    "SHA256WITHRSA",
    "SHA256withRSA ",
    " SHA256withRSA",
    "SHA512withRSA",
    "none",
)


@pytest.mark.parametrize("value", [*ALGORITHMS, "SHA256withRSA,SHA1withRSA", "HS256", "SHA256withECDSA"])
def test_every_other_algorithm_is_refused_whatever_the_signature(value):
    assert outcome(delivery(headers=headers_for() | {ALGO: value})) == ALGORITHM


# Each id is signed correctly.
IDS = [
    ("69cd13f0-d67a-11e5-baa3-778b53f4ae55", ACCEPTED),
    ("0", ACCEPTED),
    ("x" * 64, ACCEPTED),
    ("x" * 65, MALFORMED),
    ("a|b", MALFORMED),
    ("a b", MALFORMED),
    ("a\n", MALFORMED),
    ("é", MALFORMED),
    ("\uff11", MALFORMED),
]


@pytest.mark.parametrize(("value", "expected"), IDS, ids=lambda value: ascii(value)[:16])
def test_a_transmission_id_is_letters_digits_and_hyphens(value, expected):
    assert outcome(delivery(headers=headers_for(transmission_id=value))) == expected


def test_what_is_signed_cannot_be_cut_elsewhere():
    # id|time|webhook|sum has one reading only while no part may hold the separator.
    headers = headers_for(transmission_id="a", time="2026-09-21T14:13:20Z|b")

    assert outcome(delivery(headers=headers)) == BAD_TIME
    assert outcome(delivery(headers=headers | {ID: "a|2026-09-21T14:13:20Z"})) == MALFORMED


def encoded(change):
    """Return a change of the signature's bytes as one of its text."""
    return lambda text: base64.b64encode(change(base64.b64decode(text))).decode()


SIGNATURES = {
    "first bit flipped": (encoded(lambda raw: bytes([raw[0] ^ 128]) + raw[1:]), MISMATCH),
    "last byte missing": (encoded(lambda raw: raw[:-1]), MISMATCH),
    "zero in front": (encoded(lambda raw: b"\0" + raw), MISMATCH),
    "zero behind": (encoded(lambda raw: raw + b"\0"), MISMATCH),
    "backwards": (encoded(lambda raw: raw[::-1]), MISMATCH),
    "twice": (encoded(lambda raw: raw * 2), MISMATCH),
    "all zero": (encoded(lambda raw: bytes(len(raw))), MISMATCH),
    "one": (encoded(lambda raw: bytes(len(raw) - 1) + b"\1"), MISMATCH),
    "all ones": (encoded(lambda raw: b"\xff" * len(raw)), MISMATCH),
    "hex": (lambda text: base64.b64decode(text).hex(), MISMATCH),
    "padding missing": (lambda text: text.rstrip("="), MALFORMED),
    "padding doubled": (lambda text: text + "==", MALFORMED),
    "bits set that nobody reads": (lambda text: text[:-3] + chr(ord(text[-3]) + 1) + "==", MALFORMED),
    "URL alphabet": (lambda text: text.replace("+", "-").replace("/", "_"), MALFORMED),
    "in quotes": (lambda text: f'"{text}"', MALFORMED),
    "blank behind": (lambda text: text + " ", MALFORMED),
    "newline inside": (lambda text: text[:64] + "\n" + text[64:], MALFORMED),
    "comma": (lambda text: f"{text},{text}", MALFORMED),
    "full-width": (lambda text: chr(ord(text[0]) + 0xFEE0) + text[1:], MALFORMED),
}


@pytest.mark.parametrize(("change", "expected"), SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_signature_in_any_other_writing_is_refused(change, expected):
    # One whose text has both letters that the alphabets differ in, and no unread bits set.
    headers = next(
        found
        for number in range(1000)
        if {"+", "/"} <= set((found := headers_for(transmission_id=f"{number}"))[SIG]) and found[SIG][-3] in "AQgw"
    )
    assert outcome(delivery(headers=headers)) == ACCEPTED

    assert outcome(delivery(headers=headers | {SIG: change(headers[SIG])})) == expected


# --- the certificate's address --------------------------------------------------------------------------------------

CERT_PATH = "/v1/notifications/certs/CERT-360caa42-fca2a594-0badcafe"
LIVE_ADDRESSES = (URL, "https://api-m.paypal.com" + CERT_PATH)
BAD_ADDRESSES = (
    "http://api.paypal.com" + CERT_PATH,
    "ftp://api.paypal.com" + CERT_PATH,
    "file:///etc/passwd",
    "HTTPS://api.paypal.com" + CERT_PATH,
    "https:/api.paypal.com" + CERT_PATH,
    "https:///api.paypal.com" + CERT_PATH,
    "//api.paypal.com" + CERT_PATH,
    "api.paypal.com" + CERT_PATH,
    "https://evil.example" + CERT_PATH,
    "https://api.paypal.com.evil.example" + CERT_PATH,
    "https://evil-api.paypal.com" + CERT_PATH,
    "https://www.paypal.com" + CERT_PATH,
    "https://paypal.com" + CERT_PATH,
    "https://paypalobjects.com" + CERT_PATH,
    "https://api.paypal.co" + CERT_PATH,
    "https://apiXpaypal.com" + CERT_PATH,
    "https://api.paypal.com." + CERT_PATH,
    "https://.api.paypal.com" + CERT_PATH,
    "https://API.PAYPAL.COM" + CERT_PATH,
    "https://api.paypal.com:443" + CERT_PATH,
    "https://api.paypal.com:8443" + CERT_PATH,
    "https://api.paypal.com:" + CERT_PATH,
    "https://user@api.paypal.com" + CERT_PATH,
    "https://api.paypal.com@evil.example" + CERT_PATH,
    "https://api.paypal.com:x@evil.example" + CERT_PATH,
    "https://evil.example\\@api.paypal.com" + CERT_PATH,
    "https://evil.example#@api.paypal.com" + CERT_PATH,
    "https://evil.example/?https://api.paypal.com" + CERT_PATH,
    "https://evil.example/api.paypal.com" + CERT_PATH,
    "https://169.254.169.254" + CERT_PATH,
    "https://127.0.0.1" + CERT_PATH,
    "https://[::1]" + CERT_PATH,
    "https://0x7f000001" + CERT_PATH,
    "https://2130706433" + CERT_PATH,
    "https://localhost" + CERT_PATH,
    # A Cyrillic letter, a full stop of another script, and what they are encoded as.
    "https://\u0430pi.paypal.com" + CERT_PATH,
    "https://api\u3002paypal\u3002com" + CERT_PATH,
    "https://xn--pi-7kc.paypal.com" + CERT_PATH,
    "https://api%2epaypal.com" + CERT_PATH,
    "https://api.paypal.com%00.evil.example" + CERT_PATH,
    URL + "?x=1",
    URL + "?",
    URL + "#x",
    URL + "/",
    URL + "/../../../x",
    URL + "%2f..",
    URL + "\n",
    URL + "\r\nHost: evil.example",
    " " + URL,
    URL + " ",
    "\0" + URL,
    URL + "é",
    URL + "," + URL,
    URL + " " + URL,
    "https://api.paypal.com/v1/notifications/certs/",
    "https://api.paypal.com/v1/notifications/certs/CERT-",
    "https://api.paypal.com/v1/notifications/certs/../../oauth2/token",
    "https://api.paypal.com/v1/notifications/certs/CERT-../x",
    "https://api.paypal.com//v1/notifications/certs/CERT-1",
    "https://api.paypal.com/v1/notifications/CERTS/CERT-1",
    "https://api.paypal.com/v1/notifications/certs/CERT-" + "0" * 81,
    "",
)


@pytest.mark.parametrize("url", LIVE_ADDRESSES)
def test_a_certificate_is_fetched_from_paypal(url):
    host = CertificateHost({url: world.issued().pem})

    assert outcome(delivery(headers=headers_for(url=url)), host.scheme()) == ACCEPTED
    assert host.asked == [url]


@pytest.mark.parametrize("url", BAD_ADDRESSES, ids=lambda url: ascii(url)[:60])
def test_nothing_else_is_ever_fetched(url):
    host = CertificateHost({url: world.issued().pem})

    expected = BAD_URL if url else MISSING
    assert outcome(delivery(headers=headers_for(url=url)), host.scheme()) == expected
    assert host.asked == []


def test_the_sandbox_has_its_own_hosts_and_its_own_certificate():
    url = "https://api.sandbox.paypal.com" + CERT_PATH
    sandbox = world.issued("messageverificationcerts.sandbox.paypal.com")
    host = CertificateHost({url: sandbox.pem, URL: world.issued().pem})
    headers = headers_for(url=url, key=sandbox.key)

    assert outcome(delivery(headers=headers), host.scheme(environment="sandbox")) == ACCEPTED
    assert outcome(delivery(headers=headers), host.scheme()) == OTHER_ENVIRONMENT
    assert outcome(delivery(), host.scheme(environment="sandbox")) == OTHER_ENVIRONMENT
    assert host.asked == [url]
    # Neither certificate at the other's address.
    assert outcome(delivery(headers=headers_for(key=sandbox.key)), CertificateHost({URL: sandbox.pem}).scheme()) == (
        "401 certificate_untrusted"
    )


# --- time -----------------------------------------------------------------------------------------------------------

# Each text is signed correctly; `NOW` is 2026-09-21T14:13:20Z.
TIMES = [
    ("2026-09-21T14:13:20Z", ACCEPTED),
    ("2026-09-21T14:13:20.000Z", ACCEPTED),
    ("2026-09-21T16:13:20+02:00", ACCEPTED),
    ("1790000000", BAD_TIME),
    ("2026-09-21 14:13:20Z", BAD_TIME),
    ("2026-09-21T14:13:20", BAD_TIME),
    ("2026-09-21T14:13Z", BAD_TIME),
    ("2026-09-21t14:13:20z", BAD_TIME),
    ("2026-09-31T14:13:20Z", BAD_TIME),
    ("2026-09-21T24:13:20Z", BAD_TIME),
    ("2026-09-21T14:13:20Z ", BAD_TIME),
    ("2026-09-21T14:13:20Z\n", BAD_TIME),
    (" 2026-09-21T14:13:20Z", BAD_TIME),
    ("Mon, 21 Sep 2026 14:13:20 GMT", BAD_TIME),
    ("\u0662026-09-21T14:13:20Z", BAD_TIME),
    ("\uff12026-09-21T14:13:20Z", BAD_TIME),
    ("T", BAD_TIME),
    ("nanT", BAD_TIME),
    ("9999-12-31T23:59:59Z", OUTSIDE),
    ("1970-01-01T00:00:00Z", OUTSIDE),
]


@pytest.mark.parametrize(("time", "expected"), TIMES, ids=lambda value: ascii(value)[:32])
def test_a_signed_time_is_rfc_3339_or_refused(time, expected):
    assert outcome(delivery(headers=headers_for(time=time))) == expected


THREE_DAYS = 3 * 86_400
AGES = [
    (0, ACCEPTED),
    # PayPal sends again for three days under the first time.
    (THREE_DAYS, ACCEPTED),
    (THREE_DAYS + 3_600, ACCEPTED),
    (THREE_DAYS + 3_601, OUTSIDE),
    (30 * 86_400, OUTSIDE),
    (-300, ACCEPTED),
    (-301, OUTSIDE),
    (-86_400, OUTSIDE),
]


@pytest.mark.parametrize(("age", "expected"), AGES)
def test_a_transmission_counts_as_long_as_paypal_sends_it_again(age, expected):
    assert outcome(delivery(received_at=NOW + age)) == expected


def test_a_stale_transmission_cannot_be_made_fresh():
    headers = headers_for(time="2026-08-01T00:00:00Z")

    assert outcome(delivery(headers=headers)) == OUTSIDE
    assert outcome(delivery(headers=headers | {TIME: headers_for()[TIME]})) == MISMATCH


# --- keys and configuration -----------------------------------------------------------------------------------------


def test_another_key_accepts_nothing_even_of_the_same_authority():
    assert outcome(delivery(headers=headers_for(key=world.issued("www.paypal.com").key))) == MISMATCH


@pytest.mark.parametrize("webhook_id", ["", "4JH86294D6297924", "WEBHOOK_ID", world.WEBHOOK_ID.lower()])
def test_a_delivery_for_another_webhook_is_refused(webhook_id):
    assert outcome(delivery(headers=headers_for(webhook_id=webhook_id))) == MISMATCH


def test_without_a_webhook_id_nothing_is_accepted():
    # As the registry has it, before it is configured: fail closed, and not as a webhook of the id "".
    scheme = PayPalScheme(certificates=CertificateHost().store())

    assert outcome(delivery(headers=headers_for(webhook_id="")), scheme) == "503 provider_not_configured"


def test_the_simulator_s_webhook_id_cannot_be_configured():
    # Anybody with an account can have the simulator sign anything for it.
    option = REGISTRY["paypal"].options["webhook_id"]

    assert "_" not in option.pattern
    assert REGISTRY["paypal"].options["webhook_id"].required


@pytest.mark.parametrize("secrets", [(), ("",), (OTHER_SECRET,), ("\ud800",)], ids=repr)
def test_no_secret_makes_a_difference(secrets):
    assert outcome(delivery(), secrets=secrets) == ACCEPTED
    assert outcome(delivery(b"{}", headers_for()), secrets=secrets) == MISMATCH


@pytest.mark.parametrize("theirs", ["stripe", "github", "standard-webhooks", "generic", "generic-timestamped"])
def test_another_provider_s_headers_prove_nothing(theirs):
    headers = signers.sign(theirs, BODY, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NOW)

    assert outcome(delivery(headers=headers)) == MISSING
