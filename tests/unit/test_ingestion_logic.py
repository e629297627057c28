"""Ingestion: in which order it checks, what it stores, and that what it refuses leaves no trace."""

import base64
import json
from dataclasses import dataclass, field, replace

import pytest

from lambdas.inbound.aws_calls.errors import AwsError, AwsRefusedError, AwsUnreachableError
from lambdas.inbound.envelope import MAX_MESSAGE_BYTES, ArchivedBody, Envelope
from lambdas.inbound.evidence import Evidence
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.secrets import CACHE_SECONDS, RECHECK_SECONDS, SecretStore
from lambdas.ingestion.logic import Ingestion
from lambdas.shared.errors import (
    MalformedWebhookError,
    PayloadTooLargeError,
    SignatureRefusedError,
    UnavailableError,
    UnknownProviderError,
    WebhookRefusedError,
)
from lambdas.shared.signatures.scheme import key_id
from tests.unit.providers import adyen_webhooks as adyen
from tests.unit.webhooks import NOW, OTHER_SECRET, SECRETS, request, signed

MAX_BODY_BYTES = 1_000_000
SECRET = SECRETS["stripe"]
BODY = b'{"id":"evt_1","type":"charge.succeeded","created":1614265330,"data":{"object":{"id":"pi_1"}}}'
PLACE = ArchivedBody(key="raw/stripe/evt_1/x", size=1, sha256="0" * 64)

DOWN = [
    AwsRefusedError("Call", 500, "4242424242424242"),
    AwsRefusedError("Call", 403, "AccessDenied"),
    AwsUnreachableError("Call", "4242424242424242"),
    AwsError("Call", "no credentials"),
]


@dataclass
class World:
    """What ingestion touches: fakes that write down, in one list, everything that is asked of them."""

    secrets: list = field(default_factory=lambda: [SECRET])
    secrets_failure: Exception | None = None
    queue_failure: Exception | None = None
    archive_failure: Exception | None = None
    calls: list = field(default_factory=list)
    messages: list = field(default_factory=list)
    described: list = field(default_factory=list)
    stored: list = field(default_factory=list)
    evidence: list = field(default_factory=list)

    # As the secret store ...
    def get(self, provider, *, max_age=CACHE_SECONDS, recheck_seconds=RECHECK_SECONDS):
        self.calls.append("secrets")
        if self.secrets_failure:
            raise self.secrets_failure
        return self.secrets

    # ... the queue ...
    def send(self, envelope, message):
        self.calls.append("queue")
        if self.queue_failure:
            raise self.queue_failure
        self.messages.append(message)
        self.described.append(envelope)

    # ... and the archive.
    def store(self, event, body, content_type, evidence):
        self.evidence.append(evidence)
        self.calls.append("archive")
        if self.archive_failure:
            raise self.archive_failure
        self.stored.append((event.key, body, content_type))
        return PLACE

    def ingestion(self, secrets=None):
        return Ingestion(
            providers={"stripe": REGISTRY["stripe"], "shop": REGISTRY["generic"], "adyen": REGISTRY["adyen"]},
            secrets=secrets or self,
            queue=self,
            archive=self,
            max_body_bytes=MAX_BODY_BYTES,
        )


def stripe(body=BODY, content_type="application/json", **options):
    webhook = signed("stripe", body, **options)
    more = {} if content_type is None else {"content-type": [content_type]}
    return replace(webhook, headers={**webhook.headers, **more})


def large_body(size):
    head = b'{"id":"evt_1","filler":"'
    return head + b"x" * (size - len(head) - 2) + b'"}'


def refusal(world, webhook, name="stripe"):
    with pytest.raises(WebhookRefusedError) as refused:
        world.ingestion().accept(name, webhook, "request-1")
    return refused.value


# --- what is accepted -----------------------------------------------------------------------------------------------


def test_an_accepted_webhook_is_on_the_queue_with_its_exact_bytes_when_accept_returns():
    world = World()

    (event,) = world.ingestion().accept("stripe", stripe(received_at=NOW + 1.5), "request-1").events

    assert (event.key, event.transaction_id, event.event_type) == ("stripe:evt_1", "pi_1", "charge.succeeded")
    assert world.calls == ["secrets", "queue"]
    assert [Envelope.from_message(message) for message in world.messages] == [
        Envelope(
            event=event,
            received_at="2021-02-25T15:02:11.500Z",
            correlation_id="request-1",
            content_type="application/json",
            scheme="stripe-v1",
            evidence=Evidence(
                entry="stripe",
                scheme="stripe-v1",
                key_id=key_id(SECRET),
                headers={"stripe-signature": stripe().header("stripe-signature")},
                received_at=NOW + 1.5,
            ),
            body=BODY,
        )
    ]


def test_the_deployed_name_counts_and_not_the_entry_s():
    world = World(secrets=[SECRETS["generic"]])

    (event,) = world.ingestion().accept("shop", signed("generic"), "request-1").events

    assert event.provider == "shop"
    assert [envelope.event.provider for envelope in world.described] == ["shop"]


@pytest.mark.parametrize("size", [len(BODY), MAX_BODY_BYTES], ids=["in the message", "in the archive"])
def test_the_queue_is_told_of_exactly_what_the_message_says(size):
    # Group and deduplication id are made of the one, and processing reads the other.
    world = World()

    world.ingestion().accept("stripe", stripe(large_body(size)), "request-1")

    assert world.described == [Envelope.from_message(message) for message in world.messages]


@pytest.mark.parametrize("secrets", [["new", SECRET], [SECRET, "old"]])
def test_while_secrets_rotate_the_old_and_the_new_one_are_accepted(secrets):
    world = World(secrets=secrets)

    world.ingestion().accept("stripe", stripe(), "request-1")

    assert world.calls == ["secrets", "queue"]


CONTENT_TYPES = [
    ("application/json", "application/json"),
    ("application/json; charset=utf-8", "application/json; charset=utf-8"),
    ("x" * 128, "x" * 128),
    (None, "application/octet-stream"),
    ("", "application/octet-stream"),
    ("x" * 129, "application/octet-stream"),
    ("text/plain\r\nX-Evil: 1", "application/octet-stream"),
    ("text/plain\n", "application/octet-stream"),
    ("tëxt/plain", "application/octet-stream"),
    ("\ud800", "application/octet-stream"),
]


@pytest.mark.parametrize(("given", "kept"), CONTENT_TYPES, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize("size", [len(BODY), MAX_MESSAGE_BYTES])
def test_a_content_type_that_no_store_could_keep_does_not_turn_a_webhook_away(given, kept, size):
    world = World()

    world.ingestion().accept("stripe", stripe(large_body(size), content_type=given), "request-1")

    assert Envelope.from_message(world.messages[0]).content_type == kept
    assert [content_type for _, _, content_type in world.stored] == ([kept] if size == MAX_MESSAGE_BYTES else [])


# --- large bodies ---------------------------------------------------------------------------------------------------


def largest_inline():
    """Return the size of the largest body that still travels in a message."""
    world = World()
    world.ingestion().accept("stripe", stripe(large_body(120_000)), "request-1")
    overhead = len(world.messages[0]) - len(base64.b64encode(b"x" * 120_000))
    return (MAX_MESSAGE_BYTES - overhead) // 4 * 3


def test_a_body_goes_to_the_archive_when_its_message_would_be_too_large_for_sqs():
    inline, outside = World(), World()

    inline.ingestion().accept("stripe", stripe(large_body(largest_inline())), "request-1")
    outside.ingestion().accept("stripe", stripe(large_body(largest_inline() + 1)), "request-1")

    assert inline.calls == ["secrets", "queue"]
    assert outside.calls == ["secrets", "archive", "queue"]
    assert all(len(message.encode()) <= MAX_MESSAGE_BYTES for message in inline.messages + outside.messages)


def test_a_large_body_is_archived_first_and_its_message_says_where():
    world, body = World(), large_body(MAX_BODY_BYTES)

    world.ingestion().accept("stripe", stripe(body), "request-1")

    assert world.calls == ["secrets", "archive", "queue"]
    assert world.stored == [("stripe:evt_1", body, "application/json")]
    envelope = Envelope.from_message(world.messages[0])
    assert (envelope.archived, envelope.body) == (PLACE, None)


@pytest.mark.parametrize("size", [30_000, 4_000_000], ids=["no message would be too large", "4 MB"])
def test_the_body_of_many_events_is_archived_once_and_each_event_says_where(size):
    world = World(secrets=[adyen.KEY])
    items = [
        adyen.signed({**adyen.REFUND, "pspReference": f"psp{number}", "reason": "r" * (size // 100)})
        for number in range(100)
    ]
    webhook = adyen.items_request(*items)

    accepted = replace(world.ingestion(), max_body_bytes=5_000_000).accept("adyen", webhook, "request-1")

    assert len(accepted.events) == 100
    assert [body for _, body, _ in world.stored] == [webhook.body]
    assert {Envelope.from_message(message).archived for message in world.messages} == {PLACE}
    assert [envelope.event for envelope in world.described] == list(accepted.events)


def test_the_body_of_a_few_small_events_stays_in_their_messages():
    world = World(secrets=[adyen.KEY])
    webhook = adyen.items_request(adyen.signed(adyen.REFUND), adyen.signed({**adyen.REFUND, "eventCode": "CAPTURE"}))

    world.ingestion().accept("adyen", webhook, "request-1")

    assert world.stored == []
    assert [Envelope.from_message(message).body for message in world.messages] == [webhook.body] * 2


# --- what is refused, and in which order ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "paypal", "Stripe", "stripe ", "generic", "__class__", "é", "stripe/../shop"])
def test_an_unknown_provider_is_refused_before_anything_else(name):
    world = World()
    everything_wrong = request(b"x" * (MAX_BODY_BYTES + 1), {"Stripe-Signature": "x"})

    refused = refusal(world, everything_wrong, name)

    assert (type(refused), refused.status, refused.reason) == (UnknownProviderError, 404, "unknown_provider")
    assert world.calls == []


def test_a_body_that_is_too_large_is_refused_before_a_secret_is_read():
    world = World()

    refused = refusal(world, stripe(large_body(MAX_BODY_BYTES + 1)))

    assert (type(refused), refused.status, refused.reason) == (PayloadTooLargeError, 413, "payload_too_large")
    assert world.calls == []


def test_the_largest_body_is_accepted():
    world = World()

    world.ingestion().accept("stripe", stripe(large_body(MAX_BODY_BYTES)), "request-1")

    assert len(world.messages) == 1


@pytest.mark.parametrize(
    ("webhook", "reason"),
    [
        (request(BODY, {}), "missing_signature_header"),
        (request(BODY, {"Stripe-Signature": ""}), "missing_signature_header"),
        (request(BODY, {"Stripe-Signature": "garbage"}), "malformed_signature_header"),
        (request(BODY, {"Stripe-Signature": ["t=1,v1=a", "t=1,v1=a"]}), "repeated_signature_header"),
        (stripe(received_at=NOW + 301), "timestamp_outside_window"),
        (stripe(secret=OTHER_SECRET), "signature_mismatch"),
        # Not even JSON: what is not signed is not parsed either.
        (stripe(b"not json", secret=OTHER_SECRET), "signature_mismatch"),
        (stripe(b"[" * 100_000, secret=OTHER_SECRET), "signature_mismatch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_signature_that_proves_nothing_is_refused_before_the_body_is_looked_at(webhook, reason):
    world = World()

    refused = refusal(world, webhook)

    assert (type(refused), refused.status, refused.reason) == (SignatureRefusedError, 401, reason)
    assert set(world.calls) == {"secrets"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "body_not_json"),
        (b"not json", "body_not_json"),
        (b'{"id":"a","id":"b"}', "body_not_json"),
        (b"[]", "body_not_json_object"),
        (b"{}", "no_event_id"),
    ],
)
@pytest.mark.parametrize("padding", [0, MAX_MESSAGE_BYTES], ids=["small", "large"])
def test_a_malformed_body_is_refused_and_stored_nowhere(body, reason, padding):
    world = World()

    refused = refusal(world, stripe(body + b" " * padding))

    assert (type(refused), refused.status, refused.reason) == (MalformedWebhookError, 400, reason)
    assert world.calls == ["secrets"]


@pytest.mark.parametrize("secrets", [[], [""], ["", SECRET]], ids=["none", "empty", "one of them empty"])
def test_without_a_secret_nothing_is_accepted(secrets):
    world = World(secrets=secrets)

    refused = refusal(world, stripe(secret=SECRET))

    assert (type(refused), refused.status, refused.reason) == (UnavailableError, 503, "secret_missing")
    assert world.calls == ["secrets"]


@pytest.mark.parametrize("reason", ["secret_missing", "secrets_unavailable", "secret_unusable"])
def test_a_secret_that_cannot_be_had_lets_nothing_in(reason):
    world = World(secrets_failure=UnavailableError(reason))

    refused = refusal(world, stripe())

    assert (refused.status, refused.reason) == (503, reason)
    assert world.calls == ["secrets"]


@pytest.mark.parametrize("failure", DOWN, ids=lambda failure: type(failure).__name__)
def test_without_the_queue_the_sender_must_retry(failure):
    world = World(queue_failure=failure)

    refused = refusal(world, stripe())

    assert (type(refused), refused.status, refused.reason) == (UnavailableError, 503, "not_durable")
    assert world.messages == []


@pytest.mark.parametrize("failure", DOWN, ids=lambda failure: type(failure).__name__)
def test_without_the_archive_the_sender_of_a_large_body_must_retry(failure):
    world = World(archive_failure=failure)

    refused = refusal(world, stripe(large_body(MAX_BODY_BYTES)))

    assert (type(refused), refused.status, refused.reason) == (UnavailableError, 503, "not_durable")
    # A message that points to nothing would be a dead letter.
    assert world.calls == ["secrets", "archive"]


def test_a_large_body_whose_message_the_queue_did_not_take_is_refused_though_it_lies_in_the_archive():
    # The object's key follows from the event and its bytes, so that the sender's next attempt meets it there.
    world = World(queue_failure=DOWN[0])

    refused = refusal(world, stripe(large_body(MAX_BODY_BYTES)))

    assert (refused.status, refused.reason) == (503, "not_durable")
    assert world.calls == ["secrets", "archive", "queue"]
    assert world.messages == []


def test_an_archive_that_is_down_does_not_concern_a_small_body():
    world = World(archive_failure=DOWN[0])

    world.ingestion().accept("stripe", stripe(), "request-1")

    assert len(world.messages) == 1


def test_an_error_that_is_nobody_s_outage_is_not_passed_off_as_one():
    world = World(queue_failure=ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        world.ingestion().accept("stripe", stripe(), "request-1")


# --- what a refusal says --------------------------------------------------------------------------------------------

CARD = "4242424242424242"
LEAKY_SECRET = f"whsec_{CARD}"
LEAKS = {
    "unknown provider": (World(), request(b"", {}), CARD),
    "too large": (World(), stripe(CARD.encode() * 100_000), "stripe"),
    "garbage in the header": (World(), request(BODY, {"Stripe-Signature": CARD}), "stripe"),
    "garbage as time": (World(), request(BODY, {"Stripe-Signature": f"t=x{CARD},v1=x"}), "stripe"),
    "wrong signature": (World(secrets=[LEAKY_SECRET]), stripe(CARD.encode()), "stripe"),
    "not JSON": (World(), stripe(f'{{"card":{CARD}'.encode()), "stripe"),
    "duplicate key": (World(), stripe(f'{{"{CARD}":1,"{CARD}":2}}'.encode()), "stripe"),
    "not UTF-8": (World(), stripe(CARD.encode() + b"\xff"), "stripe"),
    "no id": (World(), stripe(f'{{"id":"a {CARD}"}}'.encode()), "stripe"),
    "not base64 as secret": (World(secrets=[f"{LEAKY_SECRET}!"]), stripe(), "stripe"),
    "queue down": (World(queue_failure=DOWN[0]), stripe(), "stripe"),
    "archive down": (World(archive_failure=DOWN[2]), stripe(large_body(MAX_BODY_BYTES)), "stripe"),
}


@pytest.mark.parametrize(("world", "webhook", "name"), LEAKS.values(), ids=LEAKS.keys())
def test_a_refusal_says_nothing_of_payload_header_or_secret(world, webhook, name):
    refused = refusal(world, webhook, name)

    # It is shown to the sender, logged and counted: a code out of a fixed set.
    assert refused.reason.replace("_", "").isalpha()
    assert CARD not in refused.reason + str(refused) + repr(refused)


# --- rotation -------------------------------------------------------------------------------------------------------


class RotatingSecretsManager:
    """A stub, so that the look-ups can be counted and the service can fail."""

    def __init__(self, value):
        self.value = value
        self.lookups = 0

    def get_secret_value(self, *, SecretId):  # noqa: N803 - the client's own spelling
        self.lookups += 1
        if isinstance(self.value, Exception):
            raise self.value
        return {"SecretString": self.value}


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def manager():
    return RotatingSecretsManager(SECRET)


@pytest.fixture
def ingestion(clock, manager):
    """Ingestion that has read the secret once, at time 0."""
    world = World()
    ingestion = world.ingestion(SecretStore(manager, {"stripe": "arn", "shop": "arn"}, clock))
    ingestion.accept("stripe", stripe(), "request-0")
    assert manager.lookups == 1
    return ingestion


def accepted(ingestion, webhook):
    try:
        ingestion.accept("stripe", webhook, "request-1")
    except WebhookRefusedError as refused:
        return refused.reason
    return "accepted"


def test_a_secret_that_was_rotated_a_moment_ago_is_read_again_and_accepted(ingestion, clock, manager):
    manager.value = json.dumps({"secrets": [OTHER_SECRET, SECRET]})
    clock.now = RECHECK_SECONDS

    assert accepted(ingestion, stripe(secret=OTHER_SECRET)) == "accepted"
    assert manager.lookups == 2
    assert accepted(ingestion, stripe()) == "accepted"
    assert accepted(ingestion, stripe(secret=OTHER_SECRET)) == "accepted"
    assert manager.lookups == 2


def test_a_secret_that_was_read_just_now_is_not_read_again(ingestion, clock, manager):
    manager.value = OTHER_SECRET
    clock.now = RECHECK_SECONDS - 1

    assert accepted(ingestion, stripe(secret=OTHER_SECRET)) == "signature_mismatch"
    assert manager.lookups == 1


def test_a_flood_of_forgeries_costs_one_look_up_per_interval(ingestion, clock, manager):
    forgery = stripe(secret="whsec_forged")

    for clock.now in range(1, 4 * int(RECHECK_SECONDS)):
        assert accepted(ingestion, forgery) == "signature_mismatch"

    assert manager.lookups == 1 + 3


def test_a_flood_of_forgeries_costs_one_look_up_per_interval_even_while_secrets_manager_fails(
    ingestion, clock, manager
):
    # Otherwise the forger decides how often a service that throttles us is asked.
    manager.value = AwsRefusedError("GetSecretValue", 400, "ThrottlingException")
    clock.now = RECHECK_SECONDS

    outcomes = {accepted(ingestion, stripe(secret="whsec_forged")) for _ in range(10)}

    assert "accepted" not in outcomes
    assert manager.lookups == 2


def test_a_forgery_while_secrets_manager_fails_does_not_turn_away_the_genuine(ingestion, clock, manager):
    manager.value = AwsRefusedError("GetSecretValue", 400, "ThrottlingException")
    clock.now = RECHECK_SECONDS

    assert accepted(ingestion, stripe(secret="whsec_forged")) in ("secrets_unavailable", "signature_mismatch")
    assert accepted(ingestion, stripe()) == "accepted"


@pytest.mark.parametrize(
    "webhook",
    [
        request(BODY, {}),
        request(BODY, {"Stripe-Signature": "garbage"}),
        stripe(received_at=NOW + 301),
        stripe(b"not json"),
    ],
    ids=["no header", "garbage", "stale", "malformed"],
)
def test_only_a_wrong_signature_is_a_reason_to_read_the_secret_again(ingestion, clock, manager, webhook):
    manager.value = OTHER_SECRET
    clock.now = RECHECK_SECONDS

    assert accepted(ingestion, webhook) != "accepted"
    assert manager.lookups == 1


def test_a_retired_secret_is_accepted_no_longer_than_the_cache_lives(ingestion, clock, manager):
    manager.value = OTHER_SECRET

    clock.now = CACHE_SECONDS - 1
    assert accepted(ingestion, stripe()) == "accepted"
    clock.now = CACHE_SECONDS
    assert accepted(ingestion, stripe()) == "signature_mismatch"


def test_providers_are_rechecked_each_for_itself(ingestion, clock, manager):
    ingestion.accept("stripe", stripe(), "request-1")
    clock.now = RECHECK_SECONDS
    with pytest.raises(SignatureRefusedError):
        ingestion.accept("shop", signed("generic", secret=OTHER_SECRET), "request-2")
    lookups = manager.lookups

    assert accepted(ingestion, stripe(secret=OTHER_SECRET)) == "signature_mismatch"
    assert manager.lookups == lookups + 1
