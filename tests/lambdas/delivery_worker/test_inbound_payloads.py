"""What a tenant gets of an inbound event: from the real pipeline's archive and bus, over the worker, to a receiver."""

import base64
import hashlib
import json

import pytest

from lambdas.delivery_worker.inbound_payloads import InboundPayloads
from lambdas.shared import times
from tests.lambdas.delivery_support import Report, record
from tests.lambdas.support import NOW, Unreliable, World, aws_error, envelope, event, message, raising

PAYLOAD = b'{ "id":"e",\n "amount":1.10, "big":12345678901234567890123, "far":1e400,"a":"\\u00e9", "card":"4242"}'
MAX_BYTES = 10_000


@pytest.fixture
def inbound(clients):
    return World.build(clients)


@pytest.fixture
def consume(world, receiver, inbound):
    """Return a function that has the worker take what the bus published, and returns what came to the receiver."""
    world.add_endpoint(receiver.url())

    def run(s3=None, most=MAX_BYTES, change=lambda routed: None):
        payloads = InboundPayloads(s3=s3 or inbound.clients.s3, max_bytes=most)
        report = Report(log=world.log)
        back = []
        for number, routed in enumerate(inbound.routed()):
            change(routed["detail"])
            body = f'{{"v":1,"kind":"inbound","tenant":"{world.tenant}","event":{json.dumps(routed)}}}'
            back += world.worker(inbound_payloads=payloads).run([record(body, f"m{number}")], 60.0, report)
        world.run()
        return [one.body for one in receiver.received], back, report.totals()["ReferencesSent"]

    return run


def publish(inbound, *bodies, content_type="application/json", **changes):
    """Have the inbound pipeline archive and publish an event for each payload, in one batch."""
    messages = [
        message(envelope(event(f"evt_{number}", f"tx_{number}"), body=body, content_type=content_type))
        for number, body in enumerate(bodies)
    ]
    assert inbound.process(messages, **changes).failures == {}


@pytest.mark.parametrize("archive_by", ["batch", "event"])
def test_a_json_object_is_sent_byte_for_byte_with_what_it_is(inbound, consume, archive_by):
    # Given two events, in one object of the archive or in one each
    other = b'{"id":"other"}'
    publish(inbound, PAYLOAD, other, archive_by=archive_by)

    bodies, back, _ = consume()

    assert back == []
    assert sorted(body.split(b'"data": ', 1)[1] for body in bodies) == sorted([PAYLOAD + b"}", other + b"}"])
    (told,) = [json.loads(body) for body in bodies if body.endswith(PAYLOAD + b"}")]
    assert (told["type"], told["timestamp"]) == ("payment.succeeded", times.iso(NOW - 60))
    assert told["source"] == {
        "provider": "acme",
        "eventId": "evt_0",
        "eventType": "payment.succeeded",
        "transactionId": "tx_0",
        "occurredAt": times.iso(NOW - 60),
        "receivedAt": times.iso(NOW - 5),
        "correlationId": "correlation-evt_0",
        "contentType": "application/json",
        "size": len(PAYLOAD),
        "sha256": hashlib.sha256(PAYLOAD).hexdigest(),
        "payload": "json",
    }


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"payload=%7B%22a%22%3A1%7D", "application/x-www-form-urlencoded"),
        (b"\x00\xff\r\n\xc3\x28", "application/octet-stream"),
        (b"[1, 2]", "application/json"),
        (b'{"a":1,"a":2}', "application/json"),
        (b'{"a":NaN}', "application/json"),
        (b"\xef\xbb\xbf{}", "application/json"),
        (b"", "text/plain"),
    ],
)
def test_anything_else_is_sent_in_base64_with_its_type(inbound, consume, body, content_type):
    publish(inbound, body, content_type=content_type)

    ((sent,), back, _) = consume()

    told = json.loads(sent)
    assert back == []
    assert base64.b64decode(told["data"], validate=True) == body
    assert (told["source"]["payload"], told["source"]["contentType"]) == ("base64", content_type)


def test_an_event_of_before_this_version_has_the_type_that_its_object_has(inbound, consume):
    publish(inbound, b"<a/>", content_type="text/xml", archive_by="event")

    ((sent,), _, _) = consume(change=lambda detail: detail.pop("contentType"))

    assert json.loads(sent)["source"]["contentType"] == "text/xml"


@pytest.mark.parametrize(
    ("most", "body"), [(len(PAYLOAD) - 1, PAYLOAD), (len(PAYLOAD), PAYLOAD), (MAX_BYTES, b"\xff" * 7_500)]
)
def test_what_would_be_too_large_with_its_payload_names_the_place_and_says_so(inbound, consume, most, body):
    publish(inbound, body)

    ((sent,), back, counted) = consume(most=most)

    told = json.loads(sent)
    assert back == []
    assert (told["source"]["payload"], told["source"]["reason"]) == ("reference", "too_large")
    assert told["data"] == inbound.routed()[0]["detail"]
    assert counted == 1


def test_what_is_too_large_in_any_case_is_not_read(inbound, consume):
    publish(inbound, PAYLOAD)

    ((sent,), back, _) = consume(s3=object(), most=len(PAYLOAD) - 1)

    assert (back, json.loads(sent)["source"]["reason"]) == ([], "too_large")


def test_what_is_in_glacier_is_named_and_counted(inbound, consume):
    # Simulated, because the local S3 moves nothing
    publish(inbound, PAYLOAD)
    s3 = Unreliable(inbound.clients.s3, "get_object", "", raising(aws_error("InvalidObjectState", "GetObject")))

    ((sent,), back, counted) = consume(s3=s3)

    assert (back, counted) == ([], 1)
    assert json.loads(sent)["source"]["reason"] == "in_glacier"


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "NoSuchKey"])
def test_what_cannot_be_read_comes_back_and_is_sent_with_its_payload_later(inbound, consume, world, receiver, code):
    publish(inbound, PAYLOAD)
    failing = Unreliable(inbound.clients.s3, "get_object", "", raising(aws_error(code, "GetObject")))

    assert consume(s3=failing)[:2] == ([], ["m0"])
    ((sent,), back, _) = consume()

    assert back == []
    assert sent.endswith(PAYLOAD + b"}")


def test_other_bytes_than_were_published_are_never_sent(inbound, consume, world):
    # Given that somebody replaced the archive's object
    publish(inbound, PAYLOAD, archive_by="event")
    ((key, _),) = inbound.objects("raw/")
    inbound.clients.s3.put_object(Bucket=inbound.name, Key=key, Body=PAYLOAD.replace(b"1.10", b"9.99"))

    bodies, back, _ = consume()

    assert (bodies, back) == ([], ["m0"])
    assert "the archive has another payload than the event names" in json.dumps(world.logged)


def test_no_log_line_has_anything_of_the_payload(inbound, consume, world):
    publish(inbound, PAYLOAD)

    assert consume()[1] == []

    assert "event taken in" in json.dumps(world.logged)
    assert "4242" not in json.dumps(world.logged)


@pytest.mark.parametrize(
    "archive", [None, "raw/1", {}, {"bucket": "b", "key": "k", "sha256": "0", "offset": 0, "size": -1}]
)
def test_an_event_of_another_sender_on_the_bus_stays_as_it_is(inbound, consume, archive):
    publish(inbound, PAYLOAD)

    ((sent,), back, counted) = consume(change=lambda detail: detail.update(archive=archive))

    assert (back, counted) == ([], 0)
    assert set(json.loads(sent)) == {"type", "timestamp", "data"}
    assert json.loads(sent)["data"]["archive"] == archive


def test_the_same_event_twice_is_one(inbound, consume):
    publish(inbound, PAYLOAD)

    consume()
    bodies, back, _ = consume()

    assert (len(bodies), back) == (1, [])
