"""The operators' lists: every event once, the newest first, at a cost that has an end; one event, and its payload."""

import base64
import json
import random
import sys
from dataclasses import replace

import pytest

from lambdas.dead_letter.logic import DeadLetters
from lambdas.inbound.envelope import Replay
from lambdas.inbound.record_items import AUDIT, PARTITION_KEY, SORT_KEY, archived_of, first_key, key_of_record
from lambdas.inbound.records import wire_key
from lambdas.processing.bus import Bus
from lambdas.shared import times
from lambdas.shared.audit import AuditLog, Entry
from tests.lambdas.support import (
    HOUR,
    NOON,
    NOW,
    Unreliable,
    api_gateway_event,
    aws_error,
    envelope,
    event,
    lambda_context,
    message,
    payload_of,
    raising,
)
from tools.generate import operator_openapi
from tools.local.stack import path_id

WIDE = {"from": times.iso(NOON - 3 * HOUR), "to": times.iso(NOON + 2 * HOUR)}


class Caller:
    """Calls the function, as API Gateway does."""

    def __init__(self, module):
        self.module = module

    def raw(self, resource, part=None, **query):
        given = api_gateway_event(
            method="GET", path=resource, path_parameters=part and {"event": part}, query=query or None
        )
        return self.module.handler(given, lambda_context())

    def get(self, resource, part=None, **query):
        answer = self.raw(resource, part, **query)
        assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return answer["statusCode"], json.loads(answer["body"])

    def pages(self, **query):
        """Return every page of a list of events."""
        found, cursor = [], {}
        while True:
            status, page = self.get("/internal/events", **query, **cursor)
            assert status == 200, page
            found.append(page["events"])
            if page["next"] is None:
                return found
            cursor = {"next": page["next"]}
            assert len(found) < 200, "the list does not come to an end"

    def ids(self, **query):
        return [one["eventId"] for page in self.pages(**query) for one in page]


@pytest.fixture
def operator(cold_start, world):
    variables = {
        "TABLE_NAME": world.name,
        "BUCKET_NAME": world.name,
        "PROVIDERS": '{"acme": "generic", "globex": "generic"}',
    }
    return Caller(cold_start("operator", **variables))


@pytest.fixture(scope="module")
def without_table(warm_start):
    return Caller(warm_start("operator", TABLE_NAME="gone", BUCKET_NAME="gone", PROVIDERS='{"acme": "generic"}'))


def receive(world, *received, provider="acme", **changes):
    """Process a batch of events, each with its id and time of receipt."""
    batch = [
        message(envelope(event(event_id, provider=provider, **changes), received_at=times.iso(at)))
        for event_id, at in received
    ]
    assert world.process(batch).failures == {}


def give_up(world, event_id, **changes):
    """Dead-letter an event that never got as far as the archive."""
    s3 = Unreliable(world.clients.s3, "put_object", "raw/", raising(aws_error("SlowDown", "PutObject")))
    one = message(envelope(event(event_id), **changes))
    assert list(world.process([one], archive=type(world.archive)(s3, world.name)).failures) == [one.message_id]
    keep(world, one)


# --- lists ----------------------------------------------------------------------------------------------------------


def test_events_of_all_providers_are_listed_the_newest_first(operator, world):
    # Given events of two providers over some hours, recorded one by one
    received = {f"evt_{number}": NOON - 2 * HOUR + number * 977 for number in range(12)}
    for number, (event_id, at) in enumerate(received.items()):
        receive(world, (event_id, at), provider=("acme", "globex")[number % 2])

    # When they are listed, then they come from the newest to the oldest, and as the records say
    assert operator.ids(**WIDE) == list(received)[::-1]
    ((newest, *_),) = operator.pages(**WIDE, limit="1")[:1]
    assert newest == {
        "provider": "globex",
        "eventId": "evt_11",
        "eventType": "payment.succeeded",
        "state": "ROUTED",
        "occurredAt": times.iso(NOW - 60),
        "receivedAt": times.iso(received["evt_11"]),
        "correlationId": "correlation-evt_11",
        "scheme": "generic-sha256",
        "archive": {**newest["archive"], "size": len(payload_of("evt_11"))},
        "transactionId": "tx_1",
    }
    assert operator.ids(**WIDE, provider="acme") == [f"evt_{number}" for number in range(10, -1, -2)]


def test_nothing_is_a_page_too(operator):
    assert operator.get("/internal/events", **WIDE) == (200, {"events": [], "next": None})
    assert operator.get("/internal/counts", **WIDE)[1]["counts"] == []


@pytest.mark.parametrize("limit", [1, 2, 7, 30, 200])
def test_pages_have_every_event_once_however_they_were_recorded(operator, world, limit):
    # Given events in batches that are listed, alone, and many at one time, over two hours and two providers
    rng = random.Random(limit)
    expected = {}
    for batch in range(12):
        provider = rng.choice(["acme", "globex"])
        minute = NOON + rng.choice([-90, -1, 0, 30]) * 60
        size = rng.choice([1, 3, 9])
        ids = {f"evt_{batch}_{number}": minute + rng.choice([0, 0, 0.001, 20]) for number in range(size)}
        receive(world, *ids.items(), provider=provider)
        expected |= ids
    assert world.listings()

    # When all pages are read
    pages = operator.pages(**WIDE, limit=str(limit))

    # Then every event was there once, on pages of the asked size, and minutes in order
    found = [one["eventId"] for page in pages for one in page]
    assert sorted(found) == sorted(expected)
    assert all(len(page) == limit for page in pages[:-1])
    minutes = [one["receivedAt"][:16] for page in pages for one in page]
    assert minutes == sorted(minutes, reverse=True)


def test_a_range_has_its_beginning_and_not_its_end(operator, world):
    # Given a batch that lies across both ends of a range, with a listing that is in the index before it
    receive(world, *((f"evt_{number}", NOON + number) for number in range(10)))
    assert len(world.listings()) == 1

    span = {"from": times.iso(NOON + 3), "to": times.iso(NOON + 6)}

    assert operator.ids(**span) == ["evt_5", "evt_4", "evt_3"]
    assert operator.ids(**span, limit="1") == ["evt_5", "evt_4", "evt_3"]


def test_what_comes_while_pages_are_read_changes_none_of_them(operator, world):
    # Given a first page
    for number in range(4):
        receive(world, (f"evt_{number}", NOON + number))
    _, first = operator.get("/internal/events", **WIDE, limit="2")

    # When newer events come, then the next page goes on behind it
    receive(world, ("evt_8", NOON + 8), ("evt_9", NOON + 9), ("evt_7", NOON + 7))
    _, second = operator.get("/internal/events", **WIDE, limit="2", next=first["next"])
    assert [one["eventId"] for one in first["events"] + second["events"]] == ["evt_3", "evt_2", "evt_1", "evt_0"]


def test_a_record_that_a_listing_names_in_vain_is_left_out(operator, world):
    # Given a listing of which one record was not created
    receive(world, *((f"evt_{number}", NOON) for number in range(4)))
    world.clients.dynamodb.delete_item(TableName=world.name, Key=wire_key(first_key(event("evt_2"))))

    assert sorted(operator.ids(**WIDE)) == ["evt_0", "evt_1", "evt_3"]
    assert sorted(operator.ids(**WIDE, limit="1")) == ["evt_0", "evt_1", "evt_3"]


FILTERS = {
    "provider": ("globex", {"evt_2"}),
    "type": ("payment.failed", {"evt_3"}),
    "state": ("DEAD_LETTERED", {"evt_7"}),
    "mode": ("test", {"evt_4"}),
    "account": ("acct_1", {"evt_5"}),
    "transactionId": ("tx_6", {"evt_6"}),
    "correlationId": ("correlation-evt_1", {"evt_1"}),
    "eventId": ("evt_6", {"evt_6"}),
}


@pytest.fixture
def various(world):
    receive(world, ("evt_1", NOON))
    receive(world, ("evt_2", NOON), provider="globex")
    receive(world, ("evt_3", NOON), event_type="payment.failed")
    receive(world, ("evt_4", NOON), mode="test")
    receive(world, ("evt_5", NOON), account="acct_1")
    receive(world, ("evt_6", NOON), transaction_id="tx_6")
    give_up(world, "evt_7", received_at=times.iso(NOON))


def test_events_are_found_by_each_parameter(operator, various):
    found = {name: set(operator.ids(**WIDE, **{name: value})) for name, (value, _) in FILTERS.items()}

    assert found == {name: expected for name, (_, expected) in FILTERS.items()}


def test_a_transaction_and_an_event_are_found_at_any_time_and_pages_of_a_transaction_are_complete(operator, world):
    # Given events of one transaction over days
    for number in range(5):
        receive(world, (f"evt_{number}", NOON - number * 86_400), transaction_id="tx_5")

    # When they are looked up without a range, then they are all there
    expected = [f"evt_{number}" for number in range(5)]
    assert operator.ids(transactionId="tx_5") == expected
    assert operator.ids(transactionId="tx_5", limit="2") == expected
    assert operator.ids(eventId="evt_4") == ["evt_4"]
    # and with more parameters, those that are like this
    assert operator.ids(transactionId="tx_5", provider="globex") == []
    assert operator.ids(eventId="evt_4", **WIDE) == []


def test_a_page_ends_when_it_has_cost_enough_and_the_next_ones_find_the_rest(operator, world, monkeypatch):
    # Given a page that may read few records, and an event behind many that are not asked for
    monkeypatch.setattr(module_of("logic"), "MAX_RECORDS", 5)
    monkeypatch.setattr(module_of("logic"), "_TOGETHER", 5)
    receive(world, ("evt_0", NOON - 60), event_type="wanted")
    for number in range(1, 18):
        receive(world, (f"evt_{number}", NOON + number))

    # When it is looked for, then some pages are empty, and one has it
    pages = operator.pages(**WIDE, type="wanted")
    assert [one["eventId"] for page in pages for one in page] == ["evt_0"]
    assert pages[:3] == [[], [], []]


def test_a_page_over_hours_without_events_ends_when_it_has_cost_enough(operator, world, monkeypatch):
    # Given a page that may make queries for two hours, and an event four hours back
    monkeypatch.setattr(module_of("scan"), "MAX_QUERIES", 2 * 30)
    receive(world, ("evt_0", NOON))

    # When it is looked for, then the pages before it are empty
    pages = operator.pages(**{**WIDE, "to": times.iso(NOON + 4.5 * HOUR)})
    assert [[one["eventId"] for one in page] for page in pages] == [[], [], ["evt_0"], []]


def module_of(name):
    """Return a module of the function as its handler imported it."""
    return sys.modules[f"lambdas.operator.{name}"]


# --- dead letters and conflicts -------------------------------------------------------------------------------------


def keep(world, one):
    DeadLetters(archive=world.archive, records=world.records, clock=world.clock).keep(one.message_id, one.body, NOW)


def replay(world, *event_ids):
    """Replay events in one batch."""
    messages = []
    for event_id in event_ids:
        record = world.record(event(event_id))
        sent = envelope(event(event_id), received_at=record["receivedAt"])
        archived = archived_of(record)
        replayed = replace(sent, archived=archived, body=None) if archived else sent
        asked = Replay(replay_id=f"r_{event_id}", requested_at=times.iso(world.clock.now))
        messages.append(message(replace(replayed, replay=asked, record=first_key(event(event_id)))))
    assert world.process(messages).failures == {}
    assert {world.record(event(event_id))["state"] for event_id in event_ids} == {"ROUTED"}


def without_bus(world):
    error = raising(aws_error("InternalFailure", "PutEvents"))
    return {"bus": Bus(Unreliable(world.clients.events, "put_events", "", error), world.name, world.name)}


@pytest.mark.parametrize("replayed", [["evt_1"], ["evt_1", "evt_2"]])
def test_dead_letters_are_a_list_which_they_leave_when_they_are_routed(operator, world, replayed):
    # Given an event that was routed, and two dead letters, of which the one that was received first was given up last
    receive(world, ("evt_0", NOON))
    give_up(world, "evt_2", received_at=times.iso(NOON))
    world.clock.now += 60
    give_up(world, "evt_1", received_at=times.iso(NOON - 5 * 24 * HOUR))

    # When dead letters are listed, then they come by when they were given up, at any time of receipt
    assert operator.ids(list="dead-letters") == ["evt_1", "evt_2"]
    assert operator.ids(list="dead-letters", limit="1") == ["evt_1", "evt_2"]
    assert operator.ids(list="dead-letters", provider="globex") == []
    assert operator.ids(list="dead-letters", **{"from": times.iso(NOW), "to": times.iso(NOW + 30)}) == ["evt_2"]
    assert operator.ids(list="conflicts") == []

    # When one is replayed and routed, or both in a batch, then they leave the list and its index
    replay(world, *replayed)
    assert operator.ids(list="dead-letters") == [one for one in ("evt_1", "evt_2") if one not in replayed]
    for one in replayed:
        assert not {"deadLetterShard", "deadLetteredAt"} & set(world.record(event(one)))


def test_a_dead_letter_that_its_first_message_routes_after_all_leaves_the_list(operator, world):
    # Given a message that stops while it publishes, and its event, which is given up when the claim has ended
    one = message(envelope(event("evt_1")))

    def give_up_meanwhile(call, arguments):
        world.clock.pass_lease()
        keep(world, one)
        assert operator.ids(list="dead-letters") == ["evt_1"]
        return call(**arguments)

    bus = Bus(Unreliable(world.clients.events, "put_events", "", give_up_meanwhile), world.name, world.name)

    # When the message goes on and marks the event as routed, then it is no dead letter any more
    assert world.process([one], bus=bus).failures == {}
    assert world.record(event("evt_1"))["state"] == "ROUTED"
    assert operator.ids(list="dead-letters") == []


def test_conflicts_are_a_list_in_which_they_stay_when_they_are_routed(operator, world):
    # Given an event that was routed, and a dead letter, each of which comes again with another payload
    receive(world, ("evt_0", NOON), ("evt_1", NOON))
    two = message(envelope(event("evt_2")))
    assert world.process([two], **without_bus(world)).failures
    world.clock.pass_lease()
    keep(world, two)
    for event_id in ("evt_2", "evt_1"):
        world.clock.now += 1
        assert world.process([message(envelope(event(event_id), body=b"other"))]).failures == {}

    # When conflicts are listed, then they come by when that was noted
    assert operator.ids(list="conflicts") == ["evt_1", "evt_2"]
    assert operator.ids(list="dead-letters") == ["evt_2"]

    # When the dead letter is routed, then it is in conflict still
    replay(world, "evt_2")
    assert operator.ids(list="conflicts") == ["evt_1", "evt_2"]
    assert operator.ids(list="dead-letters") == []


def test_a_dead_letter_that_turns_out_to_be_in_conflict_goes_from_one_list_to_the_other(operator, world):
    # Given a dead letter with the id of an event, and other bytes
    receive(world, ("evt_1", NOON))
    give_up(world, "evt_1", body=b"other")
    assert operator.ids(list="dead-letters") == ["evt_1"]

    # When it is replayed
    asked = Replay(replay_id="r_1", requested_at=times.iso(NOW))
    assert world.process([message(envelope(event("evt_1"), body=b"other", replay=asked))]).failures == {}

    # Then both are in conflict: the event, and what has its id
    assert operator.ids(list="dead-letters") == []
    (page,) = operator.pages(list="conflicts")
    assert {(one["eventId"], one["state"]) for one in page} == {("evt_1", "ROUTED"), ("evt_1", "CONFLICTING")}


# --- one event ------------------------------------------------------------------------------------------------------


def test_an_event_is_shown_with_its_timeline_and_what_else_belongs_to_its_transaction(operator, world):
    # Given a transaction of three events, of which one was dead-lettered
    receive(world, ("evt_1", NOON), ("evt_2", NOON))
    give_up(world, "evt_3")

    # When one is asked for
    status, body = operator.get("/internal/events/{event}", path_id("acme:evt_3"))

    # Then it says why it was given up, and names the others
    assert status == 200
    (record,) = body["records"]
    assert (body["event"], record["state"], record["record"]) == ("acme:evt_3", "DEAD_LETTERED", "-")
    assert record["lastFailure"]["reason"] == "PutObject: SlowDown"
    assert [step["step"] for step in record["timeline"]] == ["dead-lettered", "received"]
    transaction = body["transaction"]
    assert (transaction["transactionId"], transaction["hasMore"]) == ("tx_1", False)
    assert {one["eventId"] for one in transaction["otherEvents"]} == {"evt_1", "evt_2"}
    assert "timeline" not in transaction["otherEvents"][0]


def test_what_is_not_known_is_not_found(operator):
    for resource in ("/internal/events/{event}", "/internal/payloads/{event}"):
        assert operator.get(resource, "acme:evt_1") == (404, {"error": "no such event is known"})


def test_a_payload_is_the_bytes_that_were_received(operator, world):
    # Given payloads that share an object, one with an object of its own, and one that never was archived
    receive(world, ("evt_1", NOON), ("evt_2", NOON))
    receive(world, ("evt_3", NOON))
    give_up(world, "evt_4")

    # When they are read, then they are what was sent, and nothing that a browser would show as a page
    for event_id in ("evt_1", "evt_2", "evt_3", "evt_4"):
        answer = operator.raw("/internal/payloads/{event}", f"acme:{event_id}")
        assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
        assert base64.b64decode(answer["body"]) == payload_of(event_id)
        assert answer["headers"]["Content-Type"] == "application/octet-stream"
        assert answer["headers"]["X-Content-Type-Options"] == "nosniff"


def test_of_two_payloads_under_one_id_each_can_be_read(operator, world):
    # Given an event, and a dead letter with its id and other bytes
    receive(world, ("evt_1", NOON))
    give_up(world, "evt_1", body=b"other")

    # When it is asked for, then the event itself is first
    _, body = operator.get("/internal/events/{event}", "acme:evt_1")
    own, other = (one["record"] for one in body["records"])
    assert (own, other[:12]) == ("-", "dead-letter ")

    # And each payload is found by its record
    for query, expected in (
        ({}, payload_of("evt_1")),
        ({"record": own}, payload_of("evt_1")),
        ({"record": other}, b"other"),
    ):
        answer = operator.raw("/internal/payloads/{event}", "acme:evt_1", **query)
        assert base64.b64decode(answer["body"]) == expected
    assert operator.get("/internal/payloads/{event}", "acme:evt_1", record="none")[0] == 404


def test_a_payload_that_cannot_be_read_says_why(operator, world, monkeypatch):
    receive(world, ("evt_1", NOON))
    archived = world.record(event("evt_1"))["archive"]

    # Given an object that lies in Glacier
    failing = aws_error("InvalidObjectState", "GetObject")
    monkeypatch.setattr(operator.module._s3, "get_object", lambda **_: (_ for _ in ()).throw(failing))
    assert operator.get("/internal/payloads/{event}", "acme:evt_1") == (
        409,
        {"error": "payload: it is in Glacier: restore its object first"},
    )
    monkeypatch.undo()

    # Given other bytes in its place
    world.clients.s3.put_object(Bucket=world.name, Key=archived["key"], Body=b"x" * int(archived["size"]))
    status, body = operator.get("/internal/payloads/{event}", "acme:evt_1")
    assert (status, body["error"]) == (
        409,
        f"payload: {archived['key']} at 0: its digest is not the recorded one",
    )


# --- the document ---------------------------------------------------------------------------------------------------


def test_the_document_is_generated_from_the_code_as_it_is():
    assert operator_openapi.TARGET.read_bytes() == operator_openapi.rendered(), "run 'make openapi'"


def test_the_document_has_the_routes_that_the_function_answers(operator):
    paths = operator_openapi.document()["paths"]

    assert {path for path, operations in paths.items() if "get" in operations} == set(operator.module._ANSWERS)


def test_what_is_answered_has_the_fields_that_the_document_says(operator, various):
    schemas = operator_openapi.document()["components"]["schemas"]

    def check(name, found):
        schema = schemas[name]
        more = schemas["Event"]["properties"] if "allOf" in schema else {}
        assert set(schema["required"]) <= set(found) <= {*schema["properties"], *more}

    # When something is listed, shown and counted, then each part is as its schema says
    _, listed = operator.get("/internal/events", **WIDE)
    check("Events", listed)
    assert len(listed["events"]) == 7
    for one in listed["events"]:
        check("Event", one)
        _, shown = operator.get("/internal/events/{event}", f"{one['provider']}:{one['eventId']}")
        check("OneEvent", shown)
        check("Record", shown["records"][0])
    check("Counts", operator.get("/internal/counts", **WIDE)[1])
    check("Error", operator.get("/internal/events", limit="0")[1])


# --- audit ----------------------------------------------------------------------------------------------------------


def test_what_operators_did_is_listed_the_newest_first(operator, world, monkeypatch):
    log = AuditLog(world.clients.dynamodb, world.name, partition=(PARTITION_KEY, AUDIT), sort=SORT_KEY)
    for number in range(5):
        given = api_gateway_event(method="POST", path="/internal/replay", request_id=f"request-{number}")
        given["requestContext"]["identity"]["userArn"] = f"arn:aws:iam::000000000000:user/{number % 2}"
        asked = {"provider": "acme"}
        action = "POST /internal/erase" if number == 2 else "POST /internal/replay"
        entry = Entry.of(given, action=action, asked=asked, reason=None, now=NOON + number)
        log.record(entry, lambda: None, str)

    def listed(**query):
        found, cursor = [], {}
        while True:
            status, page = operator.get("/internal/audit", **query, **cursor)
            assert status == 200, page
            assert len(page["entries"]) <= int(query.get("limit", 50))
            found += [one["requestId"][-1] for one in page["entries"]]
            if page["next"] is None:
                return "".join(found)
            cursor = {"next": page["next"]}

    assert listed() == listed(limit="1") == listed(limit="2") == "43210"
    assert listed(who="arn:aws:iam::000000000000:user/1") == "31"
    assert listed(action="POST /internal/erase") == "2"
    # What is not filtered is read in pages of their size
    read = []
    counting = Unreliable(
        world.clients.dynamodb, "query", "", lambda query, asked: read.append(asked["Limit"]) or query(**asked)
    )
    monkeypatch.setattr(operator.module._audit, "_dynamodb", counting)
    assert listed(limit="2") == "43210"
    assert max(read) == 4
    assert listed(**{"from": times.iso(NOON + 1), "to": times.iso(NOON + 3)}, limit="1") == "21"
    _, page = operator.get("/internal/audit", limit="1")
    schema = operator_openapi.document()["components"]["schemas"]["Entry"]
    assert set(page["entries"][0]) == set(schema["required"]) == set(schema["properties"])
    # And no list of events has them
    assert operator.ids(**WIDE) == []


@pytest.mark.parametrize("query", [{"next": "x"}, {"limit": "0"}, {"to": "yesterday"}, {"provider": "acme"}])
def test_a_wrong_parameter_of_the_audit_log_is_refused(without_table, query):
    status, body = without_table.get("/internal/audit", **query)

    assert (status, body["error"].split(":")[0]) == (400, next(iter(query)))


# --- counts ---------------------------------------------------------------------------------------------------------


def counted(operator, **query):
    status, body = operator.get("/internal/counts", **query)
    assert status == 200, body
    return body["exact"], {(one["provider"], one["state"]): one["events"] for one in body["counts"]}


def test_events_are_counted_by_provider_and_state(operator, world):
    # Given events of two providers, in two states
    receive(world, *((f"evt_{number}", NOON + number) for number in range(7)))
    receive(world, ("evt_8", NOON), provider="globex")
    give_up(world, "evt_9", received_at=times.iso(NOON))

    # When they are counted, then each is counted once, and an entry that is in the range in part counts in part
    expected = {("acme", "ROUTED"): 7, ("globex", "ROUTED"): 1, ("acme", "DEAD_LETTERED"): 1}
    assert counted(operator, **WIDE) == (True, expected)
    assert counted(operator, **WIDE, provider="globex") == (True, {("globex", "ROUTED"): 1})
    assert counted(operator, **{**WIDE, "from": times.iso(NOON + 3)}) == (True, {("acme", "ROUTED"): 4})


def test_what_is_too_much_to_be_read_is_estimated_from_what_is_spread_over_it(operator, world, monkeypatch):
    # Given ten batches of twelve events, of which a quarter is held, and an event of another provider
    for batch in range(10):
        receive(world, *((f"evt_{batch}_{number}", NOON - batch * 60) for number in range(12)))
    for record in world.all_records():
        if record["eventId"].endswith(("_0", "_1", "_11")):
            hold(world, record)
    receive(world, ("evt_x", NOON), provider="globex")
    exact = {("acme", "ROUTED"): 90, ("acme", "HELD"): 30, ("globex", "ROUTED"): 1}
    assert counted(operator, **WIDE) == (True, exact)

    # When three batches of each provider may be read, then they stand for the others, and the answer says so
    monkeypatch.setattr(module_of("counting"), "MAX_RECORDS", 3 * 3 * 25)
    assert counted(operator, **WIDE) == (False, exact)
    monkeypatch.undo()

    # When half of the shards may be read, then each stands for two
    monkeypatch.setattr(module_of("counting"), "MAX_QUERIES", 3 * 5 * 5)
    read = [one for one in world.listings() if int(one["receivedBucket"][-1]) < 5]
    assert 0 < len(read) < 10
    is_exact, found = counted(operator, **WIDE)
    assert (is_exact, found["acme", "ROUTED"], found["acme", "HELD"]) == (False, len(read) * 18, len(read) * 6)
    monkeypatch.undo()

    # When only the newest entry of each partition may be read, then the rest of the hour is taken to be as dense
    for name in ("MAX_ENTRIES", "MIN_ENTRIES"):
        monkeypatch.setattr(module_of("counting"), name, 1)
    is_exact, found = counted(operator, **WIDE)
    assert not is_exact
    assert found["acme", "ROUTED"] > 90


def test_no_event_seen_is_none_only_where_all_was_looked_at(operator, monkeypatch):
    assert counted(operator, **WIDE) == (True, {})
    monkeypatch.setattr(module_of("counting"), "MAX_QUERIES", 1)
    assert counted(operator, **WIDE) == (False, {})


def hold(world, record):
    world.clients.dynamodb.update_item(
        TableName=world.name,
        Key=wire_key(key_of_record(record)),
        UpdateExpression="SET #state = :held",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":held": {"S": "HELD"}},
    )


@pytest.mark.parametrize("resource", ["/internal/events", "/internal/counts"])
def test_a_wrong_parameter_is_refused_unseen(without_table, resource):
    status, body = without_table.get(resource, provider="a b")

    assert status == 400
    assert body["error"].startswith("provider: 'a b' is not")


@pytest.mark.parametrize("resource", ["/internal/events/{event}", "/internal/payloads/{event}"])
def test_an_event_that_cannot_be_is_refused_unseen(without_table, resource):
    assert without_table.get(resource, "evt_1") == (
        400,
        {"error": "event: 'evt_1' is not of the form \"<provider>:<event id>\""},
    )
    assert without_table.get(resource, "acme:evt_1", colour="red")[0] == 400
