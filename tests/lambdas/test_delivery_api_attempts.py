"""Attempts and what endpoints answered, as tenants and operators see them."""

from dataclasses import replace

import pytest

from lambdas.delivery.domain.attempt_result import Answer
from lambdas.delivery.domain.ids import ENDPOINT, EVENT, new_id
from lambdas.shared import times
from tests.lambdas.delivery_api_support import ApiCaller
from tests.lambdas.support import NOW
from tests.lambdas.test_delivery_api_lists import all_pages, attempted

HTML = "<h1>Größe</h1>"


@pytest.fixture
def operator(place, cold_start) -> ApiCaller:
    return ApiCaller(module=cold_start("delivery_operator", **place.variables))


def answered(body: bytes = b"", complete: bool = True) -> Answer:
    return Answer(headers=(("Content-Type", "text/html"), ("X-A", "1"), ("X-A", "2")), body=body, complete=complete)


SHOWN = [
    (answered(HTML.encode()), HTML, "utf-8"),
    (answered(b""), "", "utf-8"),
    (answered(b"\xff\x00"), "/wA=", "base64"),
    # Where it is cut, a character may be in two.
    (answered(HTML.encode()[:7], complete=False), "<h1>Gr", "utf-8"),
    (answered(HTML.encode()[:7], complete=True), "PGgxPkdyww==", "base64"),
]


def test_an_attempt_is_shown_with_its_answer_to_tenant_and_operator_and_no_log(tenant_api, operator, place, capsys):
    event_id, endpoint_id = tenant_api.send(), new_id(ENDPOINT, NOW)
    attempted(place, event_id, endpoint_id, *((500, answer) for answer, _, _ in SHOWN), (None, None))
    path = f"/events/{event_id}/attempts/{endpoint_id}"

    for number, (kept, body, encoding) in enumerate(SHOWN, 1):
        shown = tenant_api("GET", f"/v1{path}/{number}")
        assert shown.status == 200
        assert {**shown.json, "answer": None} == {
            "eventId": event_id,
            "endpointId": endpoint_id,
            "number": number,
            "at": times.iso(NOW + number),
            "durationMs": 5,
            "status": 500,
            "outcome": "status 500",
            "answer": None,
        }
        assert shown.json["answer"] == {
            "headers": [{"name": name, "value": value} for name, value in kept.headers],
            "body": body,
            "encoding": encoding,
            "complete": kept.complete,
        }
        assert operator("GET", f"/operator/tenants/acme{path}/{number}").json == shown.json

    assert tenant_api("GET", f"/v1{path}/6").json["answer"] is None
    assert operator("GET", f"/operator/tenants/other{path}/1").status == 404
    for number in ("7", "0", "01", "-1", "1.0", "\u0661", "x", "1000000", "1%23"):
        assert tenant_api("GET", f"/v1{path}/{number}").status == 404, number
    assert "Gr" not in capsys.readouterr().out


@pytest.mark.parametrize("by_operator", [False, True])
def test_erasing_the_payload_erases_the_answers(tenant_api, operator, place, by_operator):
    event_id, endpoint_id = tenant_api.send(), new_id(ENDPOINT, NOW)
    attempted(place, event_id, endpoint_id, (500, answered(b"echo")), (200, answered(b"echo")))
    path = f"/events/{event_id}/attempts/{endpoint_id}/2"
    assert tenant_api("GET", f"/v1{path}").json["answer"]["body"] == "echo"

    api, prefix = (operator, "/operator/tenants/acme") if by_operator else (tenant_api, "/v1")
    assert api("DELETE", f"{prefix}/events/{event_id}/payload").status == 200

    assert not [one for one in place.items(place.events_table) if one["item"].startswith("answer#")]
    assert tenant_api("GET", f"/v1{path}").json["answer"] is None
    assert operator("GET", f"/operator/tenants/acme{path}").json["status"] == 200


def test_attempts_are_listed_by_endpoint_status_class_and_time(tenant_api, operator, place):
    ours, theirs = new_id(ENDPOINT, NOW), new_id(ENDPOINT, NOW)
    statuses = [200, 500, None, 404, 302, 503, 204]
    for _ in range(3):
        attempted(place, tenant_api.send(), ours, *((status, None) for status in statuses))
    attempted(place, tenant_api.send(), theirs, (500, None))

    for api, path in ((tenant_api, "/v1/attempts"), (operator, "/operator/tenants/acme/attempts")):

        def listed(api=api, path=path, **query) -> list[dict]:
            pages = all_pages(api, path, "attempts", limit=4, **{"endpointId": ours, **query})
            assert all(len(page) <= 4 for page in pages)
            return [one for page in pages for one in page]

        everything = listed()
        assert len({(one["eventId"], one["number"]) for one in everything}) == len(everything) == 21
        assert everything == sorted(everything, key=lambda one: (one["at"], one["eventId"]), reverse=True)
        for status, expected in {
            "2xx": [204, 200],
            "3xx": [302],
            "4xx": [404],
            "5xx": [503, 500],
            "none": [None],
        }.items():
            assert [one["status"] for one in listed(status=status)] == [code for code in expected for _ in range(3)]
        bounds = {"from": times.iso(NOW + 2), "to": times.iso(NOW + 4)}
        assert [one["number"] for one in listed(**bounds)] == [3, 3, 3, 2, 2, 2]
        assert [one["eventId"] for one in listed(endpointId=theirs)] != []
        assert listed(endpointId=new_id(ENDPOINT, NOW)) == []

    assert replace(tenant_api, tenant="other")("GET", "/v1/attempts", query={"endpointId": ours}).json == {
        "attempts": [],
        "next": None,
    }
    assert operator("GET", "/operator/tenants/other/attempts", query={"endpointId": ours}).json["attempts"] == []


WRONG = [
    ({}, "endpointId"),
    ({"endpointId": "ep_x"}, "endpointId"),
    ({"endpointId": new_id(EVENT, NOW)}, "endpointId"),
    ({"status": "200"}, "status"),
    ({"status": ""}, "status"),
    ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
    ({"cursor": "AAAA"}, "cursor"),
    ({"state": "DLQ"}, "state"),
]


@pytest.mark.parametrize(("query", "field"), WRONG)
def test_a_wrong_query_is_refused(refusing_tenant_api, refusing_operator_api, query, field):
    if query and "endpointId" not in query:
        query = {"endpointId": new_id(ENDPOINT, NOW), **query}
    for api, path in (
        (refusing_tenant_api, "/v1/attempts"),
        (refusing_operator_api, "/operator/tenants/acme/attempts"),
    ):
        answer = api("GET", path, query=query)
        assert (answer.status, answer.json["fields"][0]["field"]) == (400, field)


def test_a_cursor_is_good_for_its_tenant_and_its_query_alone(tenant_api, place):
    endpoint_id = new_id(ENDPOINT, NOW)
    attempted(place, tenant_api.send(), endpoint_id, (500, None), (500, None))
    asked = {"endpointId": endpoint_id, "limit": 1}
    cursor = tenant_api("GET", "/v1/attempts", query=asked).json["next"]

    assert tenant_api("GET", "/v1/attempts", query={**asked, "cursor": cursor}).json["attempts"][0]["number"] == 1
    other = replace(tenant_api, tenant="other")
    for api, changes in (
        (other, {}),
        (tenant_api, {"status": "5xx"}),
        (tenant_api, {"endpointId": new_id(ENDPOINT, 1)}),
    ):
        assert api("GET", "/v1/attempts", query={**asked, **changes, "cursor": cursor}).status == 400


def test_an_operator_sees_an_event_of_a_tenant_as_the_tenant_does(tenant_api, operator, place):
    event_id, endpoint_id = tenant_api.send(), new_id(ENDPOINT, NOW)
    attempted(place, event_id, endpoint_id, (500, answered(b"echo")))

    shown = operator("GET", f"/operator/tenants/acme/events/{event_id}")
    assert (shown.status, shown.json) == (200, tenant_api("GET", f"/v1/events/{event_id}").json)
    assert [one["outcome"] for one in shown.json["attempts"]] == ["status 500"]

    for tenant, other in (("other", event_id), ("acme", new_id(EVENT, NOW)), ("acme", "evt_1"), ("A", event_id)):
        assert operator("GET", f"/operator/tenants/{tenant}/events/{other}").status == 404, (tenant, other)
