"""Accepting events: exact bytes, what is refused, idempotency keys, and what a crash leaves behind."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.delivery.domain.errors import ConflictError
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import FanOut
from lambdas.delivery.services.event_intake import EventIntake, Submission
from lambdas.delivery.store.due import DueStore
from lambdas.delivery.store.events import IDEMPOTENCY_SECONDS, Events
from lambdas.delivery.store.items import due_shards
from tests.lambdas.delivery_api_support import ApiCaller, Place
from tests.lambdas.support import Clock, CrashError, Unreliable, aws_error, losing_the_answer, raising

BODY = b'{"type":"invoice.paid","data":{"amount":1e2,"big":12345678901234567890,"b":1,"a":"\xc3\xa9\\u00e9"}}'


def post(api: ApiCaller, body: bytes, key: str | None = None, content_type: str = "application/json"):
    headers = {"Content-Type": content_type, **({"Idempotency-Key": key} if key is not None else {})}
    return api("POST", "/v1/events", body, headers=headers)


def fan_out(event_id: str) -> FanOut:
    return FanOut(tenant_id="acme", event_id=event_id)


# --- bytes and form -------------------------------------------------------------------------------------------------


def test_the_exact_bytes_are_kept_and_the_event_is_queued(tenant_api, place):
    answer = post(tenant_api, BODY)

    assert answer.status == 201
    assert answer.json["type"] == "invoice.paid"
    assert place.payloads() == [BODY]
    assert place.sent() == [fan_out(answer.json["eventId"])]


def test_a_tenant_sees_the_exact_text_of_a_payload_until_it_is_erased_or_has_expired(tenant_api, place):
    ids = [post(tenant_api, BODY).json["eventId"] for _ in range(2)]
    erased, expired = (f"/v1/events/{event_id}/payload" for event_id in ids)

    assert tenant_api("GET", erased).json == {"eventId": ids[0], "payload": BODY.decode()}
    assert tenant_api("GET", expired).status == 200
    assert tenant_api("GET", erased, tenant="other").status == 404
    assert tenant_api("GET", "/v1/events/evt_1/payload").status == 404

    assert tenant_api("DELETE", erased).status == 200
    events = Events(place.dynamodb, place.events_table)
    events.keep_no_longer(events.read_event("acme", ids[1]), 1_000)

    assert [tenant_api("GET", path).status for path in (erased, expired)] == [404, 404]


@given(
    st.dictionaries(
        st.text(max_size=5).filter(lambda name: name != "type"),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=10,
        ),
        max_size=4,
    ),
    st.sampled_from([None, 1, "\t"]),
    st.booleans(),
)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_json_object_with_a_type_is_kept_as_it_is(tenant_api, place, fields, indent, ascii_only):
    body = json.dumps({"type": "a.b", **fields}, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "ignore")

    answer = post(tenant_api, body)

    assert answer.status == 201, answer.raw
    assert body in place.payloads()


DEEP = b'{"type":"a","data":' + b"[" * 70 + b"]" * 70 + b"}"
VERY_DEEP = b'{"type":"a","data":' + b"[" * 9_000 + b"]" * 9_000 + b"}"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_body"),
        (b"null", "invalid_body"),
        (b"[]", "invalid_body"),
        (b"{", "invalid_body"),
        (b'{"type":"a","type":"b"}', "invalid_body"),
        (b'{"type":"a","data":{"x":1,"x":2}}', "invalid_body"),
        (b'{"type":"a","n":NaN}', "invalid_body"),
        (b'{"type":"a","n":-Infinity}', "invalid_body"),
        (b'{"type":"a","n":' + b"9" * 4_301 + b"}", "invalid_body"),
        (DEEP, "invalid_body"),
        (VERY_DEEP, "invalid_body"),
        (b'{"type":"\xff"}', "invalid_body"),
        ('{"type":"a"}'.encode("utf-16"), "invalid_body"),
        (b'\xef\xbb\xbf{"type":"a"}', "invalid_body"),
        (b"{}", "invalid_fields"),
        (b'{"type":1}', "invalid_fields"),
        (b'{"type":""}', "invalid_fields"),
        (b'{"type":"a..b"}', "invalid_fields"),
        (b'{"type":"a b"}', "invalid_fields"),
        (b'{"type":"webhook.endpoint.disabled"}', "invalid_fields"),
        (b'{"type":"a\\n"}', "invalid_fields"),
        (b'{"type":"' + b"a" * 129 + b'"}', "invalid_fields"),
    ],
)
def test_what_parsers_read_differently_is_refused_and_leaves_nothing(refusing_tenant_api, untouched_place, body, code):
    answer = post(refusing_tenant_api, body)

    assert (answer.status, answer.json["error"]) == (400, code)
    assert answer.json["correlationId"]
    assert untouched_place.items(untouched_place.events_table) == []
    assert untouched_place.sent() == []


def test_size_is_checked_to_the_byte(tenant_api, place):
    fits = b'{"type":"a","data":"' + b"x" * (20_000 - 22) + b'"}'
    assert len(fits) == 20_000

    assert post(tenant_api, fits).status == 201
    answer = post(tenant_api, fits + b" ")

    assert (answer.status, answer.json["error"]) == (413, "too_large")
    assert post(tenant_api, b"x" * 1_000_000).status == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_media_type_is_refused(refusing_tenant_api, kind):
    assert post(refusing_tenant_api, BODY, content_type=kind).status == 415


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/cloudevents+json"]
)
def test_json_under_its_other_names_is_taken(tenant_api, kind):
    assert post(tenant_api, BODY, content_type=kind).status == 201


@pytest.mark.parametrize("key", ["", "a b", "é", "k" * 256, "a\n"])
def test_a_malformed_key_is_refused(refusing_tenant_api, key):
    answer = post(refusing_tenant_api, BODY, key)

    assert answer.status == 400
    assert answer.json["fields"][0]["field"] == "Idempotency-Key"


def test_without_the_authorizers_tenant_nothing_is_served(refusing_tenant_api, untouched_place):
    anybody = replace(refusing_tenant_api, tenant=None)

    assert post(anybody, BODY).status == 403
    assert anybody("GET", "/v1/endpoints").status == 403
    assert untouched_place.items(untouched_place.events_table) == []


def test_no_payload_reaches_the_log(tenant_api, capsys):
    post(tenant_api, BODY.replace(b"amount", b"very-secret"), "very-secret-key")
    post(tenant_api, b'{"type":"very secret"}')
    post(tenant_api, b"very-secret")

    assert "secret" not in capsys.readouterr().out


# --- idempotency ----------------------------------------------------------------------------------------------------


def test_the_same_key_and_body_is_the_same_event_sent_once(tenant_api, place):
    first, second = post(tenant_api, BODY, "k1"), post(tenant_api, BODY, "k1")

    assert first.json == second.json
    assert (first.status, second.status) == (201, 201)
    assert place.event_ids() == [first.json["eventId"]]
    assert place.sent() == [fan_out(first.json["eventId"])]


def test_the_same_key_with_another_body_is_a_conflict(tenant_api, place):
    post(tenant_api, BODY, "k1")

    # Another body is other bytes, even where JSON means the same.
    answer = post(tenant_api, BODY + b" ", "k1")

    assert (answer.status, answer.json["error"]) == (409, "idempotency_key_reused")
    assert len(place.event_ids()) == 1


def test_keys_of_two_tenants_are_two(tenant_api, place):
    other = replace(tenant_api, tenant="other")

    one, two = post(tenant_api, BODY, "k1"), post(other, BODY, "k1")

    assert one.json["eventId"] != two.json["eventId"]
    assert len(place.event_ids()) == 2


def test_without_a_key_the_same_body_is_two_events(tenant_api, place):
    assert post(tenant_api, BODY).json["eventId"] != post(tenant_api, BODY).json["eventId"]


def test_the_key_itself_is_kept_as_a_digest(tenant_api, place):
    post(tenant_api, BODY, "order-4711")

    assert "order-4711" not in repr(place.items(place.events_table))


def intake(place: Place, clock: Clock | None = None, dynamodb=None, sqs=None) -> EventIntake:
    return EventIntake(
        events=Events(dynamodb or place.dynamodb, place.events_table),
        queue=DeliveryQueue(sqs or place.sqs, place.queue_url),
        retention=Retention(),
        clock=clock or Clock(),
    )


def submission(key: str | None = "k1", payload: bytes = BODY) -> Submission:
    return Submission(tenant_id="acme", event_type="invoice.paid", payload=payload, correlation_id="c", key=key)


@pytest.mark.parametrize("seconds", [IDEMPOTENCY_SECONDS - 1, IDEMPOTENCY_SECONDS])
def test_a_key_is_good_for_24_hours_even_while_dynamodb_keeps_the_expired_item(place, seconds):
    clock = Clock()
    first = intake(place, clock).accept(submission())
    clock.now += seconds

    second = intake(place, clock).accept(submission())

    assert (second.event_id == first.event_id) == (seconds < IDEMPOTENCY_SECONDS)


def test_after_24_hours_another_body_is_no_conflict(place):
    clock = Clock()
    intake(place, clock).accept(submission())
    clock.now += IDEMPOTENCY_SECONDS

    intake(place, clock).accept(submission(payload=BODY + b" "))

    assert len(place.event_ids()) == 2


def test_many_at_once_with_one_key_are_one_event(place):
    gate = threading.Barrier(8)

    def send() -> str:
        gate.wait()
        return intake(place).accept(submission()).event_id

    with ThreadPoolExecutor(8) as pool:
        found = {one.result() for one in [pool.submit(send) for _ in range(8)]}

    assert place.event_ids() == list(found)
    assert set(place.sent()) == {fan_out(*found)}
    assert len(place.payloads()) == 1


def test_many_at_once_with_one_key_and_other_bodies_are_one_event_and_conflicts(place):
    gate = threading.Barrier(6)

    def send(number: int) -> str:
        gate.wait()
        try:
            return intake(place).accept(submission(payload=BODY + b" " * number)).event_id
        except ConflictError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        found = [one.result() for one in [pool.submit(send, number) for number in range(6)]]

    assert found.count("idempotency_key_reused") == 5
    assert len(place.event_ids()) == 1


# --- crashes and lost answers ---------------------------------------------------------------------------------------


def crashing(client, operation: str, *, after: bool):
    fail = losing_the_answer(CrashError(operation)) if after else raising(CrashError(operation))
    return Unreliable(client, operation, "", fail)


BOUNDARIES = [
    ("transact_write_items", False),
    ("transact_write_items", True),
    ("send_message", False),
    ("send_message", True),
]


@pytest.mark.parametrize(("operation", "after"), BOUNDARIES)
def test_a_crash_at_any_boundary_and_the_same_key_again_is_one_event_that_is_due(place, operation, after):
    dynamodb, sqs = place.dynamodb, place.sqs
    if operation == "send_message":
        sqs = crashing(sqs, operation, after=after)
    else:
        dynamodb = crashing(dynamodb, operation, after=after)
    with pytest.raises(CrashError):
        intake(place, dynamodb=dynamodb, sqs=sqs).accept(submission())

    event = intake(place).accept(submission())

    assert place.event_ids() == [event.event_id]
    assert place.payloads() == [BODY]
    assert set(place.sent()) <= {fan_out(event.event_id)}
    # Whether or not there is a message, the sweeper finds it.
    assert due(place) == [(f"acme#{event.event_id}", "event")]


def test_an_event_whose_message_cannot_be_sent_is_accepted_and_due(tenant_api, place, monkeypatch):
    broken = Unreliable(place.sqs, "send_message", "", raising(aws_error("ServiceUnavailable", "SendMessage")))
    monkeypatch.setattr(tenant_api.module._queue, "_sqs", broken)

    answer = post(tenant_api, BODY, "k1")

    assert answer.status == 201
    assert place.sent() == []
    assert due(place) == [(f"acme#{answer.json['eventId']}", "event")]
    monkeypatch.undo()


def due(place):
    """Return the keys of what the due index has of the tenant."""
    store = DueStore(place.dynamodb, place.events_table)
    return [entry.key for shard in due_shards("acme") for page in store.until(shard, "~", 100) for entry in page]


def test_an_answer_of_dynamodb_that_is_lost_does_not_make_a_second_event(place):
    lost = Unreliable(
        place.dynamodb, "transact_write_items", "", losing_the_answer(aws_error("RequestTimeout", "TransactWriteItems"))
    )
    with pytest.raises(Exception, match="RequestTimeout"):
        intake(place, dynamodb=lost).accept(submission())

    event = intake(place).accept(submission())

    assert place.event_ids() == [event.event_id]


# --- showing and erasing --------------------------------------------------------------------------------------------


def test_an_event_is_shown_without_its_payload(tenant_api):
    event_id = tenant_api.send(data={"card": "4242"})

    answer = tenant_api("GET", f"/v1/events/{event_id}")

    assert answer.status == 200
    assert answer.json["deliveries"] == answer.json["attempts"] == []
    assert "4242" not in answer.raw


def test_erasure_leaves_the_event_and_takes_the_bytes(tenant_api, place):
    event_id = tenant_api.send()

    first = tenant_api("DELETE", f"/v1/events/{event_id}/payload")
    again = tenant_api("DELETE", f"/v1/events/{event_id}/payload")

    assert (first.status, again.status) == (200, 200)
    assert first.json == again.json
    assert place.payloads() == []
    assert tenant_api("GET", f"/v1/events/{event_id}").json["erasedAt"] == first.json["erasedAt"]


@pytest.mark.parametrize("event_id", ["evt_0000000000000000000000000A", "evt_x", "%23", "key", "acme#key#1"])
def test_what_there_is_not_is_not_found(refusing_tenant_api, event_id):
    for method, path in (("GET", f"/v1/events/{event_id}"), ("DELETE", f"/v1/events/{event_id}/payload")):
        answer = refusing_tenant_api(method, path)
        assert (answer.status, answer.json["error"]) == (404, "not_found")


def test_an_expired_event_is_gone_while_dynamodb_keeps_it(tenant_api, place):
    event_id = tenant_api.send()
    place.dynamodb.update_item(
        TableName=place.events_table,
        Key={"event": {"S": f"acme#{event_id}"}, "item": {"S": "event"}},
        UpdateExpression="SET expiresAt = :then",
        ExpressionAttributeValues={":then": {"N": "1000"}},
    )

    assert tenant_api("GET", f"/v1/events/{event_id}").status == 404
    assert tenant_api("GET", "/v1/events").json["events"] == []
    assert tenant_api("DELETE", f"/v1/events/{event_id}/payload").status == 404
