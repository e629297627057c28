"""What operators do is recorded: who, when, what and why; what they only try changes nothing."""

import re

import pytest
from botocore.exceptions import ClientError

from lambdas.delivery.domain.ids import ENDPOINT, EVENT, new_id
from lambdas.delivery.http.routes import OPERATOR_API, ROUTES
from lambdas.shared import times
from tests.lambdas.delivery_api_support import ApiCaller
from tests.lambdas.support import NOW
from tests.lambdas.test_delivery_api_lists import all_pages, dead_delivery

ACTIONS = [route for route in ROUTES if route.function == OPERATOR_API and route.method != "GET"]
OPERATOR = "arn:aws:iam::000000000000:user/operator"


def entries(api, **query):
    return [one for page in all_pages(api, "/operator/audit", "entries", **query) for one in page]


def plain(action):
    return {
        "/operator/tenants": {"tenantId": "acme", "name": "Acme"},
        "/operator/tenants/{tenantId}": {"name": "Acme"},
        "/operator/requeue": {
            "tenantId": "acme",
            "eventId": new_id(EVENT, NOW),
            "endpointId": new_id(ENDPOINT, NOW),
        },
        "/operator/tenants/{tenantId}/replays": {"dryRun": False},
    }.get(action, {"reason": "leaks"} if action.endswith(("/pause", "/disable")) else None)


def test_every_call_that_changes_something_is_recorded_carried_out_or_not(operator_api):
    assert len(ACTIONS) >= 15
    for route in ACTIONS:
        path = route.path.replace("{tenantId}", "acme").replace("{eventId}", new_id(EVENT, NOW))
        path = re.sub(r"{\w+}", new_id(ENDPOINT, NOW), path)
        answer = operator_api(route.method, path, plain(route.path), query={"reason": f"test of {route.path}"})

        latest = entries(operator_api, limit=100)[0]

        assert (latest["action"], latest["who"]) == (f"{route.method} {route.path}", OPERATOR)
        assert latest["outcome"] == ("done" if answer.status < 300 else answer.json["error"])
        assert latest["reason"] == f"test of {route.path}"
    assert len(entries(operator_api, limit=7)) == len(ACTIONS)


@pytest.fixture
def both(place, cold_start) -> tuple[ApiCaller, ApiCaller]:
    tenant = ApiCaller(module=cold_start("delivery_api", **place.variables), tenant="acme")
    operator = ApiCaller(module=cold_start("delivery_operator", **place.variables))
    assert operator("POST", "/operator/tenants", {"tenantId": "acme", "name": "Acme"}).status == 201
    return tenant, operator


def test_an_entry_says_who_did_what_when_and_why(both, place):
    tenant, operator = both
    endpoint_id = tenant.create_endpoint()["endpointId"]
    path = f"/operator/tenants/acme/endpoints/{endpoint_id}/pause"

    operator("POST", path, {"reason": "floods"})
    (entry,) = entries(operator, action="POST /operator/tenants/{tenantId}/endpoints/{endpointId}/pause")

    assert entry | {"at": "", "requestId": ""} == {
        "at": "",
        "requestId": "",
        "who": OPERATOR,
        "action": "POST /operator/tenants/{tenantId}/endpoints/{endpointId}/pause",
        "asked": {"tenantId": "acme", "endpointId": endpoint_id},
        "reason": "floods",
        "outcome": "done",
        "made": None,
    }


def test_entries_are_found_by_each_parameter(both):
    _, operator = both
    operator("POST", "/operator/tenants", {"tenantId": "globex", "name": "Globex"})
    operator("POST", "/operator/tenants/globex/suspend")
    everything = entries(operator)
    latest, _, first = (one["at"] for one in everything)

    assert [one["asked"]["tenantId"] for one in entries(operator, limit=1)] == ["globex", "globex", "acme"]
    assert [len(page) for page in all_pages(operator, "/operator/audit", "entries", limit=2)] == [2, 1]
    assert len(entries(operator, tenantId="globex")) == 2
    assert len(entries(operator, action="POST /operator/tenants", limit=1)) == 2
    assert (len(entries(operator, who=OPERATOR)), entries(operator, who="arn:aws:iam::1:user/x")) == (3, [])
    assert everything[0] in entries(operator, **{"from": latest})
    assert everything[-1] not in entries(operator, to=first)
    assert everything[-1] in entries(operator, to=times.iso(times.parse(first) + 0.001))


def test_what_is_tried_is_refused_as_it_would_be_and_changes_nothing(both, place):
    tenant, operator = both
    event_id, endpoint_id = dead_delivery(tenant, place)
    one = "/operator/tenants/acme"
    endpoint = f"{one}/endpoints/{endpoint_id}"
    asked = {"tenantId": "acme", "eventId": event_id, "endpointId": endpoint_id}
    tries = [
        ("POST", f"{one}/suspend", None, {"state": "ACTIVE"}),
        ("POST", f"{one}/activate", None, {"state": "ACTIVE"}),
        ("POST", f"{endpoint}/pause", {"reason": "x"}, {"state": "ACTIVE"}),
        ("POST", f"{endpoint}/disable", {"reason": "x"}, {"state": "ACTIVE"}),
        ("POST", f"{endpoint}/activate", None, {"state": "ACTIVE"}),
        ("POST", "/operator/requeue", asked, {"state": "PENDING"}),
        ("DELETE", f"{one}/events/{event_id}/payload", None, {"erasedAt": None}),
    ]

    def stored():
        return [place.items(table) for table in (place.tenants_table, place.endpoints_table, place.events_table)]

    before = stored()
    for method, path, body, shown in tries:
        answer = operator(method, path, body, query={"dryRun": "true"})
        assert answer.status < 300, (path, answer.raw)
        assert answer.json | shown == answer.json, path
    assert stored() == before
    assert place.sent() == []

    # A dry run that is asked for where nobody reads it is no call
    for method, path, body, _ in tries:
        answer = operator(method, path, {**(body or {}), "dryRun": True})
        assert (answer.status, answer.json["fields"]) == (
            400,
            [{"field": "dryRun", "problem": "is not known here"}],
        ), path
    assert stored() == before

    # And refused
    operator("POST", f"{endpoint}/disable", {"reason": "x"})
    operator("DELETE", f"{one}/events/{event_id}/payload")
    for method, path, body, error in (
        ("POST", f"{endpoint}/pause", {"reason": "x"}, "endpoint_disabled"),
        ("POST", "/operator/requeue", asked, "payload_erased"),
        ("POST", "/operator/tenants/nobody/suspend", None, "not_found"),
        ("DELETE", f"/operator/tenants/nobody/events/{event_id}/payload", None, "not_found"),
    ):
        tried, done = (operator(method, path, body, query={"dryRun": text}) for text in ("true", "false"))
        assert tried.json["error"] == done.json["error"] == error, path


def failing_put(operator, monkeypatch, number):
    """Have the put of that number fail; those of the audit log are the first and the last of a call."""
    log = operator.module._api._log
    put, calls = log._dynamodb.put_item, []

    def fail(**arguments):
        calls.append(arguments)
        if len(calls) == number:
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem")
        return put(**arguments)

    monkeypatch.setattr(log._dynamodb, "put_item", fail)


def test_what_cannot_be_recorded_is_not_done(both, monkeypatch):
    _, operator = both
    failing_put(operator, monkeypatch, 1)

    assert operator("POST", "/operator/tenants/acme/suspend").status == 503
    assert operator("GET", "/operator/tenants/acme").json["state"] == "ACTIVE"


def test_what_was_done_is_answered_and_its_entry_says_that_it_was_begun(both, monkeypatch):
    _, operator = both
    failing_put(operator, monkeypatch, 2)

    assert operator("POST", "/operator/tenants/acme/suspend").json["state"] == "SUSPENDED"
    assert entries(operator)[0]["outcome"] is None


def test_who_acts_with_a_token_is_found_by_the_entry_of_its_making(both):
    _, operator = both
    token = operator("POST", "/operator/tenants/acme/tokens", {}).json
    assert entries(operator)[0]["asked"] == {"tenantId": "acme", "label": "", "access": "full"}
    operator("DELETE", f"/operator/tenants/acme/tokens/{token['tokenId']}")

    assert [one["made"] for one in entries(operator)][:2] == [None, token["tokenId"]]


def test_no_token_and_no_payload_is_in_the_log(both, place):
    tenant, operator = both
    event_id = tenant.send(data={"card": "4242"})
    token = operator("POST", "/operator/tenants/acme/tokens").json["token"]
    operator("DELETE", f"/operator/tenants/acme/events/{event_id}/payload")

    text = operator("GET", "/operator/audit").raw

    assert event_id in text
    assert token not in text
    assert "4242" not in text


def test_dead_letters_are_counted_and_sent_back_by_sqs_one_move_at_a_time(operator_api, place, monkeypatch):
    # The local SQS moves nothing.
    place.sqs.send_message(QueueUrl=place.queue_url, MessageBody="{}")
    sqs, moves = operator_api.module._sqs, []
    monkeypatch.setattr(sqs, "start_message_move_task", lambda **task: moves.append({**task, "Status": "RUNNING"}))
    monkeypatch.setattr(
        sqs, "list_message_move_tasks", lambda **asked: {"Results": [one for one in moves if one | asked == one]}
    )
    arn = place.sqs.get_queue_attributes(QueueUrl=place.queue_url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]

    tried = operator_api("POST", "/operator/redrive", query={"dryRun": "true"})
    assert (tried.json, moves) == ({"messages": 1, "underWay": False}, [])

    done = operator_api("POST", "/operator/redrive", query={"reason": "the bucket is back"})
    assert (done.status, done.json) == (202, {"messages": 1, "underWay": True})
    assert [one["SourceArn"] for one in moves] == [arn]

    again = operator_api("POST", "/operator/redrive")
    assert (again.status, again.json["error"], len(moves)) == (409, "redrive_under_way", 1)
    # A dry run says how far the move is.
    left = operator_api("POST", "/operator/redrive", query={"dryRun": "true"})
    assert (left.status, left.json) == (202, {"messages": 1, "underWay": True})
    assert [one["outcome"] for one in entries(operator_api)] == ["redrive_under_way", "done"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cursor": "AAAA"}, "cursor"),
        ({"tenantId": "Acme"}, "tenantId"),
        ({"limit": "0"}, "limit"),
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
    ],
)
def test_a_wrong_query_is_refused(refusing_operator_api, query, field):
    assert refusing_operator_api("GET", "/operator/audit", query=query).json["fields"][0]["field"] == field


@pytest.mark.parametrize("query", [{"dryRun": "yes"}, {"dryRun": "True"}, {"reason": ""}, {"reason": "x" * 501}])
def test_a_wrong_switch_or_reason_is_refused_and_nothing_is_done(refusing_operator_api, untouched_place, query):
    assert refusing_operator_api("POST", "/operator/tenants/acme/suspend", query=query).status == 400
    assert untouched_place.items(untouched_place.tenants_table) == []
