"""Operators list endpoints, events and deliveries across tenants, in complete pages that cost so much at most."""

import base64
import json
from dataclasses import replace

import pytest

from lambdas.delivery.domain.ids import ENDPOINT, EVENT, new_id
from lambdas.delivery.domain.model import DeliveryState
from lambdas.delivery.store.identities import Identities
from lambdas.delivery.store.items import EVENT_ITEM, key_of_event
from lambdas.delivery.store.listing import Listing, ListPage, Range
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item
from tests.lambdas.support import NOW, Unreliable
from tests.lambdas.test_delivery_api_lists import all_pages, delivery

TENANTS = [f"tenant-{number:02}" for number in range(13)]


@pytest.fixture
def tenants(place):
    identities = Identities(place.dynamodb, place.tenants_table)
    for tenant_id in TENANTS:
        identities.create_tenant(tenant_id, tenant_id, NOW)


def delivered(place, tenant, number=0, **changes):
    one = delivery(new_id(EVENT, NOW), new_id(ENDPOINT, NOW), NOW + number, tenant, **changes)
    place.deliveries.create(one)
    return one


def listed(api, name, **query):
    return [one for page in all_pages(api, f"/operator/{name}", name, **query) for one in page]


@pytest.mark.parametrize("limit", [3, 100])
def test_pages_have_each_delivery_once_tenant_by_tenant_the_newest_first(operator_api, place, tenants, limit):
    # Given tenants with nothing, with less than a page, and with more
    for tenant in TENANTS[::2]:
        for number in range(int(tenant[-1]) or 9):
            delivered(place, tenant, number)

    pages = all_pages(operator_api, "/operator/deliveries", "deliveries", limit=limit)

    assert max(map(len, pages)) <= limit
    found = [one for page in pages for one in page]
    assert len({one["eventId"] for one in found}) == len(found) == 9 + 9 + 2 + 4 + 6 + 8 + 2
    order = [(one["tenantId"], -times.parse(one["updatedAt"])) for one in found]
    assert order == sorted(order)


def test_deliveries_are_found_by_each_parameter(operator_api, place, tenants):
    wanted = delivered(place, TENANTS[3], 5, state=DeliveryState.DLQ, event_type="invoice.failed")
    for number, tenant in enumerate(TENANTS):
        delivered(place, tenant, number - 20)

    for query in (
        {"state": "DLQ"},
        {"type": "invoice.failed"},
        {"endpointId": wanted.endpoint_id},
        {"from": times.iso(NOW + 5), "to": times.iso(NOW + 6)},
        {"tenantId": TENANTS[3], "from": times.iso(NOW)},
    ):
        found = listed(operator_api, "deliveries", limit=2, **query)
        assert [(one["tenantId"], one["eventId"]) for one in found] == [(TENANTS[3], wanted.event_id)], query
    assert len(listed(operator_api, "deliveries", tenantId=TENANTS[3])) == 2
    assert listed(operator_api, "deliveries", state="DLQ", tenantId=TENANTS[4]) == []


@pytest.mark.parametrize("name", ["endpoints", "events", "deliveries"])
def test_a_tenant_that_is_misspelt_is_not_one_that_has_none(operator_api, tenants, name):
    assert operator_api("GET", f"/operator/{name}", query={"tenantId": TENANTS[0]}).json[name] == []
    assert operator_api("GET", f"/operator/{name}", query={"tenantId": "acmee"}).json["error"] == "not_found"


def test_a_page_asks_so_many_tenants_at_most_and_the_next_one_goes_on(operator_api, place, tenants, monkeypatch):
    delivered(place, TENANTS[-1], state=DeliveryState.DLQ)
    monkeypatch.setattr("lambdas.delivery_operator.lists.MAX_QUERIES", 20)

    pages = all_pages(operator_api, "/operator/deliveries", "deliveries", state="DLQ")

    assert [len(page) for page in pages] == [0, 0, 1]


def test_a_filter_has_a_page_read_so_many_entries_of_all_tenants_at_most(operator_api, place, tenants, monkeypatch):
    # Given tenants with many deliveries, of which a filter leaves out all but one
    for tenant in TENANTS[:6]:
        for number in range(40):
            delivered(place, tenant, number)
    wanted = delivered(place, TENANTS[6], event_type="invoice.failed")
    read = []
    monkeypatch.setattr("lambdas.delivery_operator.lists.MAX_EXAMINED", 30)
    monkeypatch.setattr("lambdas.delivery_operator.lists._SIDE_BY_SIDE", 2)
    monkeypatch.setattr("lambdas.delivery.store.listing.from_item", lambda item: read.append(1) or from_item(item))
    cursor, pages = None, []

    # When they are listed
    while cursor or not pages:
        query = {"type": "invoice.failed", "state": "PENDING", **({"cursor": cursor} if cursor else {})}
        page = operator_api("GET", "/operator/deliveries", query=query).json
        pages.append((page["deliveries"], len(read)))
        cursor = page["next"]
        read.clear()

    # Then each page ends, but for what was begun, and all of them have it once
    assert [one["eventId"] for found, _ in pages for one in found] == [wanted.event_id]
    assert max(count for _, count in pages) <= 30 + 2 * 40
    assert len(pages) > 2


def test_a_tenant_with_more_than_a_page_may_read_is_gone_through_in_several(operator_api, place, tenants, monkeypatch):
    # Given a tenant of whom one query does not read all
    sent = [delivered(place, TENANTS[0], number) for number in range(60)]
    monkeypatch.setattr("lambdas.delivery_operator.lists.MAX_EXAMINED", 5)
    monkeypatch.setattr("lambdas.delivery.store.listing.MIN_QUERIED", 5)

    pages = all_pages(operator_api, "/operator/deliveries", "deliveries", type="invoice.paid", state="PENDING")

    assert [one["eventId"] for page in pages for one in page] == [one.event_id for one in reversed(sent)]
    assert len(pages) > 2


def test_a_filter_that_fits_little_takes_no_query_for_every_few_entries(place):
    for number in range(60):
        delivered(place, "acme", number)
    queries = []

    def count(query, asked):
        queries.append(asked)
        return query(**asked)

    listing = Listing(Unreliable(place.dynamodb, "query", "", count), place.events_table)
    page = listing.deliveries("acme", [DeliveryState.PENDING], Range(limit=1), NOW, event_type="invoice.failed")

    assert page == ListPage(entries=[], position=None)
    assert len(queries) <= 4 * 2


def test_events_are_listed_by_type_and_time_and_looked_up_by_id(tenant_api, cold_start, place, tenants):
    sent = {}
    for tenant in TENANTS[:3]:
        api = replace(tenant_api, tenant=tenant)
        sent[tenant] = [api.send(type="invoice.paid"), api.send(type="invoice.failed")]
    operator = replace(tenant_api, module=cold_start("delivery_operator", **place.variables), tenant=None)

    found = listed(operator, "events", limit=4)
    assert [one["tenantId"] for one in found] == [tenant for tenant in TENANTS[:3] for _ in range(2)]
    assert {one["eventId"] for one in found} == {event_id for events in sent.values() for event_id in events}
    assert [one["eventId"] for one in listed(operator, "events", type="invoice.paid")] == [
        events[0] for events in sent.values()
    ]
    looked_up = listed(operator, "events", eventId=sent[TENANTS[2]][1])
    assert [(one["tenantId"], one["type"]) for one in looked_up] == [(TENANTS[2], "invoice.failed")]
    assert listed(operator, "events", eventId=new_id(EVENT, NOW)) == []
    assert listed(operator, "events", to="2020-01-01T00:00:00Z") == []
    # And one that has expired, and that DynamoDB did not delete yet, is not found
    expired = sent[TENANTS[0]][0]
    place.dynamodb.update_item(
        TableName=place.events_table,
        Key=to_item(key_of_event(TENANTS[0], expired, EVENT_ITEM)),
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues=to_item({":past": 1_000}),
    )
    assert listed(operator, "events", eventId=expired) == []
    assert len(listed(operator, "events", type="invoice.paid")) == 2


def test_endpoints_are_listed_by_state_without_anything_secret(tenant_api, cold_start, place, tenants):
    ids = {}
    for tenant in TENANTS[:3]:
        api = replace(tenant_api, tenant=tenant)
        ids[tenant] = sorted(
            api.create_endpoint(url="https://example.com/hooks?token=sesame", headers={"X-Key": "sesame"})["endpointId"]
            for _ in range(2)
        )
        assert api("POST", f"/v1/endpoints/{ids[tenant][1]}/pause").status == 200
    operator = replace(tenant_api, module=cold_start("delivery_operator", **place.variables), tenant=None)

    found = listed(operator, "endpoints", limit=1)
    assert [(one["tenantId"], one["endpointId"]) for one in found] == [
        (tenant, one) for tenant in TENANTS[:3] for one in ids[tenant]
    ]
    assert "sesame" not in json.dumps(found)
    assert [one["endpointId"] for one in listed(operator, "endpoints", state="PAUSED")] == [
        ids[tenant][1] for tenant in TENANTS[:3]
    ]


def test_nothing_is_a_page_too(operator_api):
    for name in ("endpoints", "events", "deliveries"):
        assert operator_api("GET", f"/operator/{name}").json == {name: [], "next": None}


def cursor(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize("name", ["endpoints", "events", "deliveries"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"tenantId": "Acme"}, "tenantId"),
        ({"state": "GONE"}, "state"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"cursor": cursor("acme")}, "cursor"),
        ({"cursor": cursor("#tenants", None)}, "cursor"),
        ({"cursor": cursor("acme", "evt_1")}, "cursor"),
        ({"cursor": cursor("acme", None), "tenantId": "globex"}, "cursor"),
        ({"limit": "101"}, "limit"),
        ({"offset": "1"}, "offset"),
    ],
)
def test_a_wrong_query_is_refused(refusing_operator_api, name, query, field):
    answer = refusing_operator_api("GET", f"/operator/{name}", query=query)

    assert (answer.status, answer.json["error"]) == (400, "invalid_fields")
    assert answer.json["fields"][0]["field"] == field


@pytest.mark.parametrize("name", ["events", "deliveries"])
def test_a_range_must_begin_before_it_ends(refusing_operator_api, name):
    query = {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}

    assert refusing_operator_api("GET", f"/operator/{name}", query=query).json["fields"][0]["field"] == "from"
