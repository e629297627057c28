"""What is the same event: the rule of each provider, and how a webhook compares with the record of its id."""

import hashlib
import json

import pytest

from lambdas.inbound.event import read_events
from lambdas.inbound.identity import ANY_CONTENT, Same, compare, later_id
from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.providers.registry import REGISTRY
from tests.unit.webhooks import request

SENT, OTHER = hashlib.sha256(b"sent").hexdigest(), hashlib.sha256(b"other").hexdigest()


def record(sha256=SENT, **fields):
    return {"provider": "p", "archive": {"sha256": sha256}, **fields}


#   record                                            content      occurrence  it is
CASES = {
    # The same id, the same bytes.
    "of any sender":              (record(),                                 None,        None,   Same.EVENT),
    "of a sender of unique ids":  (record(content=ANY_CONTENT),              ANY_CONTENT, None,   Same.EVENT),
    "of Adyen":                   (record(content="c1", occurrence="a"),     "c1",        "a",    Same.EVENT),
    "in one body of Adyen's":     (record(content="c1", occurrence="a"),     "c2",        "a",    Same.ID_ONLY),
    "of another delivery":        (record(occurrence="a"),                   None,        "b",    Same.ID),
    "of another account":         (record(content="c1", occurrence="a"),     "c2",        "b",    Same.ID),
    # The same id, other bytes.
    "other bytes":                (record(OTHER),                            None,        None,   Same.ID_ONLY),
    "a rendering":                (record(OTHER, content=ANY_CONTENT),       ANY_CONTENT, None,   Same.EVENT),
    "Adyen's own resend":         (record(OTHER, content="c1", occurrence="a"), "c1",     "a",    Same.EVENT),
    "another signed field":       (record(OTHER, content="c1", occurrence="a"), "c2",     "a",    Same.ID_ONLY),
    # Version 0.1.0 said neither content nor occurrence, in records and in messages.
    "a rendering of its record":  (record(OTHER),                            ANY_CONTENT, None,   Same.EVENT),
    "its message, rendered anew": (record(OTHER, content=ANY_CONTENT),       None,        None,   Same.EVENT),
    "its record":                 (record(),                                 "c1",        "a",    Same.EVENT),
    "its message":                (record(content="c1", occurrence="a"),     None,        None,   Same.EVENT),
    "other bytes than its record": (record(OTHER),                           "c1",        "a",    Same.ID_ONLY),
    "its dead letter":            ({"provider": "p"},                        None,        None,   Same.EVENT),
    # A dead letter that was not archived says of which body it is.
    "a dead letter":              ({"provider": "p", "sha256": SENT},        None,        None,   Same.EVENT),
    "another dead letter":        ({"provider": "p", "sha256": OTHER},       None,        None,   Same.ID_ONLY),
}  # fmt: skip


@pytest.mark.parametrize(("known", "content", "occurrence", "expected"), CASES.values(), ids=CASES)
def test_a_webhook_is_compared_with_the_record_of_its_id(known, content, occurrence, expected):
    assert compare(known, content, occurrence, SENT) is expected


def test_ids_of_one_sender_are_unique_or_compared():
    assert {name for name, entry in REGISTRY.items() if entry.identity.unique} == {
        *("stripe", "paypal", "square", "standard-webhooks", "standard-webhooks-ed25519"),
        *("checkout-com", "gocardless", "mollie", "paddle", "klarna", "lithic"),
    }


@pytest.mark.parametrize("name", REGISTRY)
def test_every_rule_has_its_source_and_either_an_id_or_a_stand_in(name):
    rule = REGISTRY[name].identity

    assert rule.told
    assert rule.sources
    assert rule.event_id or rule.without_id
    assert not (rule.unique and (rule.content or rule.without_id))


@pytest.mark.parametrize("document", [{"status": "open"}, {"id": None}, {"id": ""}])
def test_a_generic_event_without_an_id_is_told_apart_by_its_request(document):
    webhook = request(json.dumps(document).encode(), {})

    first, again, other = (read_events("generic", REGISTRY["generic"], webhook, of)[0] for of in ("r1", "r1", "r2"))

    assert first == again
    assert first.event_id == other.event_id
    assert first.occurrence != other.occurrence


def test_a_later_id_is_an_identifier_however_long_the_first_one_is():
    assert later_id("sha256:1", "a") == "sha256:1:a"
    ids = {later_id(first * 256, occurrence * 32) for first in "xy" for occurrence in "ab"}
    assert len(ids) == 4
    assert all(is_identifier(one) for one in ids)
