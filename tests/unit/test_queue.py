"""What is sent to the main queue with a message: its group, and on a FIFO queue its deduplication id."""

import hashlib
import re
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.inbound.archive import raw_key
from lambdas.inbound.envelope import ArchivedBody, Envelope, Replay
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.queue import MainQueue

STANDARD = "https://sqs.us-east-1.amazonaws.com/123456789012/webhook-queue-dev"
FIFO = f"{STANDARD}.fifo"
# Group and deduplication id are of these, 128 at most.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
ALLOWED = re.compile(r"""[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}""", re.ASCII)

EVENT = WebhookEvent(
    provider="stripe",
    event_id="evt_1",
    event_type="charge.succeeded",
    transaction_id="pi_1",
    occurred_at="2021-02-25T15:02:10.000Z",
)
ENVELOPE = Envelope(
    event=EVENT,
    received_at="2021-02-25T15:02:11.000Z",
    correlation_id="request-1",
    content_type="application/json",
    scheme="stripe-v1",
    body=b'{"id":"evt_1"}',
)


@dataclass
class RecordingSqs:
    """An SQS client that keeps what it is asked to send."""

    sent: list[dict] = field(default_factory=list)

    def send_message(self, **arguments):
        self.sent.append(arguments)


def sent(envelope, *, url=FIFO, group_by="provider"):
    """Return the arguments of the call to SQS for an envelope."""
    sqs = RecordingSqs()
    MainQueue(sqs, url, group_by).send(envelope, envelope.to_message())
    (arguments,) = sqs.sent
    return arguments


def known_by(envelope):
    return sent(envelope)["MessageDeduplicationId"]


def group(envelope, group_by="transaction"):
    return sent(envelope, group_by=group_by)["MessageGroupId"]


def archived(envelope):
    """Return the envelope of the same payload when it is too large for a message."""
    digest = hashlib.sha256(envelope.body).hexdigest()
    place = ArchivedBody(key=raw_key(envelope.event, digest), size=len(envelope.body), sha256=digest)
    return replace(envelope, body=None, archived=place)


def of(envelope=ENVELOPE, **changes):
    """Return the envelope with another event."""
    return replace(envelope, event=replace(envelope.event, **changes))


def replayed(envelope, replay_id="replay-1"):
    return replace(envelope, replay=Replay(replay_id=replay_id, requested_at="2021-03-01T00:00:00.000Z"))


# --- what is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [STANDARD, FIFO], ids=["standard", "FIFO"])
def test_the_message_is_sent_to_the_queue_as_it_is(url):
    arguments = sent(ENVELOPE, url=url)

    assert (arguments["QueueUrl"], arguments["MessageBody"]) == (url, ENVELOPE.to_message())


def test_a_deduplication_id_is_for_fifo_queues_alone():
    # A standard queue refuses it.
    assert set(sent(ENVELOPE, url=STANDARD)) == {"QueueUrl", "MessageBody", "MessageGroupId"}
    assert set(sent(ENVELOPE, url=FIFO)) == {"QueueUrl", "MessageBody", "MessageGroupId", "MessageDeduplicationId"}


# --- groups ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [STANDARD, FIFO], ids=["standard", "FIFO"])
def test_by_provider_the_group_is_the_name_under_which_the_provider_is_deployed(url):
    groups = [sent(of(provider=name), url=url)["MessageGroupId"] for name in ("stripe", "stripe-eu")]

    assert groups == ["stripe", "stripe-eu"]


def test_by_provider_the_transaction_makes_no_difference():
    assert group(of(transaction_id="pi_2"), "provider") == group(ENVELOPE, "provider")


def test_by_transaction_the_events_of_one_transaction_are_one_group():
    others = [of(event_id="evt_2"), of(event_type="charge.refunded"), of(occurred_at=None), replayed(ENVELOPE)]

    assert {group(other) for other in others} == {group(ENVELOPE)}


@pytest.mark.parametrize(
    "other",
    [
        of(transaction_id="pi_2"),
        # Another provider's transaction of the same name is another transaction.
        of(provider="acme"),
        # Joined, both would be the same letters.
        of(provider="stripep", transaction_id="i_1"),
    ],
    ids=["transaction", "provider", "the border between them"],
)
def test_by_transaction_another_transaction_is_another_group(other):
    assert group(other) != group(ENVELOPE)


# --- by what a message is known again -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "again",
    [
        replace(ENVELOPE, received_at="2021-02-25T15:05:00.000Z"),
        replace(ENVELOPE, correlation_id="request-2"),
        replace(ENVELOPE, content_type="text/plain"),
        replace(ENVELOPE, scheme="another"),
        archived(ENVELOPE),
        Envelope.from_message(ENVELOPE.to_message()),
    ],
    ids=["later", "under another correlation id", "as another type", "signed otherwise", "archived", "read back"],
)
def test_a_redelivery_of_the_event_is_known_again(again):
    assert known_by(again) == known_by(ENVELOPE)


@pytest.mark.parametrize(
    "other",
    [
        of(event_id="evt_2"),
        of(provider="acme"),
        # The same letters with the border elsewhere.
        of(provider="stripee", event_id="vt_1"),
        # The same id with another payload is a conflict, and must come to be told.
        replace(ENVELOPE, body=b'{"id":"evt_1","amount":1}'),
        replace(ENVELOPE, body=b""),
        archived(replace(ENVELOPE, body=b'{"id":"evt_1","amount":1}')),
        # An operator's wish is no redelivery, and neither is the next one.
        replayed(ENVELOPE),
        replayed(archived(ENVELOPE)),
    ],
    ids=["id", "provider", "border", "payload", "no payload", "archived payload", "replay", "replay from the archive"],
)
def test_another_event_payload_or_wish_is_not_taken_for_it(other):
    assert known_by(other) != known_by(ENVELOPE)


def test_every_replay_is_known_by_itself_wherever_its_payload_lies():
    assert known_by(replayed(ENVELOPE, "replay-1")) != known_by(replayed(ENVELOPE, "replay-2"))
    assert known_by(replayed(ENVELOPE)) == known_by(replayed(archived(ENVELOPE)))


# --- what SQS allows ------------------------------------------------------------------------------------------------

printable = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
identifiers = st.text(printable, min_size=1, max_size=256) | st.text(printable, min_size=129, max_size=256)
provider_names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)


@st.composite
def envelopes(draw):
    event = of(provider=draw(provider_names), event_id=draw(identifiers), transaction_id=draw(identifiers))
    envelope = replace(event, body=draw(st.binary(max_size=50)))
    if draw(st.booleans()):
        envelope = archived(envelope)
    if draw(st.booleans()):
        envelope = replayed(envelope, str(draw(st.uuids())))
    return envelope


@given(envelopes(), st.sampled_from([STANDARD, FIFO]), st.sampled_from(["provider", "transaction"]))
def test_whatever_the_identifiers_sqs_takes_group_and_deduplication_id(envelope, url, group_by):
    arguments = sent(envelope, url=url, group_by=group_by)

    assert ALLOWED.fullmatch(arguments["MessageGroupId"])
    assert ALLOWED.fullmatch(arguments.get("MessageDeduplicationId", "-"))


@given(envelopes(), envelopes())
def test_two_messages_are_taken_for_one_only_when_event_payload_and_wish_are_the_same(one, other):
    def meaning(envelope):
        digest = envelope.archived.sha256 if envelope.archived else hashlib.sha256(envelope.body).hexdigest()
        event = envelope.event
        return event.provider, event.event_id, digest, envelope.replay and envelope.replay.replay_id

    assert (known_by(one) == known_by(other)) == (meaning(one) == meaning(other))


@pytest.mark.parametrize(
    "changes", [{"occurrence": "b"}, {"occurrence": None}, {"content": "d"}, {"content": None}], ids=str
)
def test_another_event_with_the_same_id_and_bytes_is_not_dropped_by_the_queue(changes):
    # Two deliveries of a body without an id, or two items of one body.
    identity = {"occurrence": "a", "content": "c"}

    assert known_by(of(**identity)) == known_by(of(**identity))
    assert known_by(of(**identity)) != known_by(of(**(identity | changes)))


@given(identifiers)
def test_these_are_the_identifiers_that_there_can_be(identifier):
    assert is_identifier(identifier)
    assert not is_identifier(identifier + "\0")
    assert not is_identifier(f"{identifier} ")
