"""What endpoints answered: kept with each attempt, without secrets, in no log, and erased with the payload."""

import random
from dataclasses import dataclass
from typing import Any

import pytest

from lambdas.delivery.domain.attempt_result import Answer, HttpResult
from lambdas.delivery.domain.model import DeliveryState
from lambdas.delivery.store.items import ITEM_KEY
from lambdas.delivery.store.listing import Listing, Range
from lambdas.delivery_receiver.faults import Fault
from tests.lambdas.support import Unreliable, aws_error, raising
from tests.unit.scripted_host import CLOSE, ScriptedHost, answer

PAYLOAD = b'{"type":"invoice.paid","name":"Jane Doe"}'
NAME = "Jane Doe"


@pytest.fixture
def host():
    with ScriptedHost().running() as running:
        yield running


def answer_items(world):
    return [one for one in world.items() if one[ITEM_KEY].startswith("answer#")]


def found(world, event, number=1):
    return world.events.answers.find(event.tenant_id, event.event_id, "ep_1", number, world.clock.now)


def test_each_attempt_is_kept_with_its_answer_and_no_log_line_or_message_has_it(world, host):
    # Given an endpoint that fails, sends back the payload and a header of the endpoint's, and sets a cookie
    token = "Bearer 0123456789"
    echo = answer(500, PAYLOAD + token.encode(), X_Got=token, Set_Cookie="session=abc", X_Short="1")
    host.then(echo, CLOSE).then(CLOSE).then(answer(200, b"thanks"), CLOSE)
    world.add_endpoint(host.url, headers={"Authorization": token, "X-Version": "1"})
    event = world.add_event(PAYLOAD)

    world.run()

    # Then each attempt has what came, and the one without a response nothing
    assert world.delivery(event).state is DeliveryState.DELIVERED
    (first, echoed), (second, nothing), (third, thanks) = (found(world, event, number) for number in (1, 2, 3))
    assert [one.status for one in (first, second, third)] == [500, None, 200]
    assert echoed.body == PAYLOAD + b"***"
    assert dict(echoed.headers) == {"X-Got": "***", "Set-Cookie": "***", "X-Short": "1", "Content-Length": "58"}
    assert (nothing, thanks.body, thanks.complete) == (None, b"thanks", True)
    assert found(world, event, 4) is None
    # And it is nowhere else
    assert NAME not in repr([world.logged, world.queue.sent, first, echoed])
    assert {one["expiresAt"] for one in answer_items(world)} == {
        attempt.expires_at for attempt in world.attempts() if attempt.number != 2
    }
    # And until it expires
    world.clock.now = third.expires_at
    assert found(world, event, 3) is None


def test_attempts_are_listed_by_endpoint_class_and_time_and_lists_read_no_answers(world, host, monkeypatch):
    for status in (503, 404, 302, 600, 204):
        host.then(answer(status, b"x" * 1_000), CLOSE)
    world.add_endpoint(host.url)
    world.add_endpoint(host.url, "ep_2", event_types=("other",))
    event = world.add_event()
    world.run()
    listing = Listing(world.dynamodb, f"{world.name}-events")

    def listed(*classes, endpoint_id="ep_1", **bounds):
        page = listing.attempts(world.tenant, endpoint_id, classes, Range(**bounds), world.clock.now)
        return [attempt.status for attempt in page.entries]

    assert listed("2xx", "3xx", "4xx", "5xx", "none") == [204, 600, 302, 404, 503]
    assert listed("5xx") == [600, 503]
    assert listed("none") == listed("2xx", endpoint_id="ep_2") == []
    third = world.attempts()[2].at
    assert listed("4xx", "5xx", end=third) == [404, 503]
    assert listed("2xx", "3xx", start=third) == [204, 302]
    # And what shows an event with all its attempts reads none of their answers.
    read = []
    query = listing._table.query
    monkeypatch.setattr(listing._table, "query", lambda *given: (read.append(one) or one for one in query(*given)))
    assert len(listing.find(world.tenant, event.event_id, world.clock.now).attempts) == 5
    assert {one[ITEM_KEY].split("#")[0] for one in read} == {"attempt", "delivery", "event"}


def test_the_largest_answer_is_kept_whole(world, receiver):
    noise = random.Random(1)
    largest = Answer(
        headers=tuple((f"{number:03}", noise.randbytes(80).decode("latin-1")) for number in range(100)),
        body=noise.randbytes(16_384),
        complete=False,
    )
    world.add_endpoint(receiver.url())
    event = world.add_event()

    world.run(client=Returning(HttpResult(status=200, answer=largest)))

    assert found(world, event)[1] == largest


@dataclass
class Returning:
    """A client whose requests all end in the same way, after something has happened."""

    result: HttpResult
    first: Any = staticmethod(lambda: None)
    seconds: float = 5.0

    def post(self, url, headers, body):
        self.first()
        return self.result


# --- erasure --------------------------------------------------------------------------------------------------------


def with_answers(world, receiver, number=3):
    receiver.decide = lambda _: Fault(status=500)
    world.add_endpoint(receiver.url())
    event = world.add_event(PAYLOAD)
    echo = HttpResult(status=500, answer=Answer(headers=(), body=PAYLOAD, complete=True))
    while len(answer_items(world)) < number:
        world.advance(client=Returning(echo))
    return event, echo


def test_erasing_a_payload_erases_what_endpoints_answered(world, receiver):
    event, _ = with_answers(world, receiver)
    assert found(world, event)[1].body == PAYLOAD

    first = world.events.erase_payload(world.tenant, event.event_id, world.clock.now)

    assert answer_items(world) == []
    assert (found(world, event)[1], len(world.attempts())) == (None, 3)
    assert world.events.erase_payload(world.tenant, event.event_id, world.clock.now + 9) == first


def test_an_erasure_that_fails_halfway_is_readable_by_nobody_and_completed_by_the_same_call(world, receiver):
    event, _ = with_answers(world, receiver)
    failing = Unreliable(world.dynamodb, "delete_item", "#000002", raising(aws_error("ThrottlingException", "x")))

    with pytest.raises(Exception, match="ThrottlingException"):
        type(world.events)(failing, f"{world.name}-events").erase_payload(world.tenant, event.event_id, world.clock.now)

    assert len(answer_items(world)) == 2
    assert [found(world, event, number)[1] for number in (1, 2, 3)] == [None] * 3
    world.events.erase_payload(world.tenant, event.event_id, world.clock.now)
    assert answer_items(world) == []


def test_the_answer_to_an_attempt_that_was_under_way_is_erased_too(world, receiver):
    # Given an event that is erased while a request with its payload is on its way
    event, echo = with_answers(world, receiver, number=1)
    world.clock.now = world.queue.next_at

    def erase():
        assert world.events.erase_payload(world.tenant, event.event_id, world.clock.now)

    # When the endpoint sends the payload back afterwards
    world.step(client=Returning(echo, first=erase))

    # Then the attempt is recorded, and the answer is nowhere
    assert [one.number for one in world.attempts()] == [1, 2]
    assert [one.get("content") for one in answer_items(world)] == [None]
    assert found(world, event, 2)[1] is None
