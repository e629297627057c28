"""Bodies that are not the signed ones, to the last byte."""

import json
from pathlib import Path

import pytest

from lambdas.shared.providers.registry import REGISTRY
from tests.unit.outcomes import (
    ACCEPTED,
    MISMATCH,
    SIGNED_HEADERS,
    every_provider,
    outcome,
)
from tests.unit.signers import sign
from tests.unit.webhooks import BODY, NOW, PROVIDERS, SECRETS, request, signed


@every_provider
def test_an_untouched_webhook_is_accepted(provider):
    assert outcome(provider, signed(provider)) == ACCEPTED


def test_every_provider_of_the_registry_is_in_the_tables_or_has_a_file_of_its_own():
    folder = Path(__file__).parent / "providers"
    own = {entry for entry in REGISTRY if list(folder.glob(f"test_{entry.replace('-', '_')}*.py"))}

    assert set(REGISTRY) - set(PROVIDERS) - own == set()
    assert set(PROVIDERS) - set(REGISTRY) == set()
    assert set(PROVIDERS) == set(SIGNED_HEADERS)


CHANGED_BODIES = {
    "first byte": b"[" + BODY[1:],
    "last byte": BODY[:-1] + b"]",
    "one bit in the middle": BODY[:20] + bytes([BODY[20] ^ 1]) + BODY[21:],
    "one byte less": BODY[:-1],
    "one byte more": BODY + b"}",
    "newline appended": BODY + b"\n",
    "NUL appended": BODY + b"\0",
    "blank in front": b" " + BODY,
    "byte order mark in front": b"\xef\xbb\xbf" + BODY,
    "empty": b"",
    "twice": BODY + BODY,
    "same JSON, other bytes": json.dumps(json.loads(BODY)).encode(),
}


@every_provider
@pytest.mark.parametrize("body", CHANGED_BODIES.values(), ids=CHANGED_BODIES.keys())
def test_a_changed_body_is_refused(provider, body):
    headers = sign(provider, BODY, SECRETS[provider], NOW)

    assert outcome(provider, request(body, headers)) == MISMATCH


# The signed bytes, and what they turn into when somebody decodes, strips or normalises before verifying.
EXACT_BODIES = {
    "not UTF-8": (b'{"id":"\xff\xfe"}', b'{"id":"\xef\xbf\xbd\xef\xbf\xbd"}'),
    "byte order mark": (b'\xef\xbb\xbf{"id":"evt_1"}', b'{"id":"evt_1"}'),
    "CRLF": (b'{\r\n"id":"evt_1"\r\n}', b'{\n"id":"evt_1"\n}'),
    "trailing newline": (b'{"id":"evt_1"}\n', b'{"id":"evt_1"}'),
    "leading blank": (b' {"id":"evt_1"}', b'{"id":"evt_1"}'),
    "composed and decomposed": ("Zo\u00eb".encode(), "Zoe\u0308".encode()),
    "NUL bytes": (b"a\0b\0", b"a\0b"),
    "one byte": (b"\x80", b"\x00"),
    "empty": (b"", b"\n"),
    "4 MiB": (b"x" * 2**22, b"x" * (2**22 - 1)),
}


@every_provider
@pytest.mark.parametrize(("exact", "normalised"), EXACT_BODIES.values(), ids=EXACT_BODIES.keys())
def test_the_signature_counts_over_the_exact_bytes(provider, exact, normalised):
    headers = sign(provider, exact, SECRETS[provider], NOW)

    assert outcome(provider, request(exact, headers)) == ACCEPTED
    assert outcome(provider, request(normalised, headers)) == MISMATCH
