"""Quotas of tenants: the keys by which API Gateway counts their requests, events a day, endpoints.

The local AWS has usage plans and keys, but takes a key from a request's header alone: that the authorizer's key counts
is AWS's own to show. What is shown here is that the key it names is in the plan that its tenant was put in.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from lambdas.delivery.domain.errors import QuotaReachedError
from lambdas.delivery.domain.quotas import shared_key, tenant_key
from lambdas.delivery.services.tenant_keys import TenantKeys
from lambdas.delivery.store.event_counts import EventCounts
from lambdas.delivery.store.identities import Identities
from tests.lambdas.delivery_api_support import ApiCaller, Place, answer_of, proxy_event
from tests.lambdas.delivery_support import Death, Mortal
from tests.lambdas.support import NOW, CrashError, aws_error, lambda_context, raising
from tools.local.aws import LocalAws

API_ID = "1234567890"
METHOD_ARN = f"arn:aws:execute-api:us-east-1:000000000000:{API_ID}/live/POST/v1/events"
NAME = "webhook-delivery-tenants-{}-test"
CALLS = ("create_api_key", "create_usage_plan_key")
MIDNIGHT = NOW // 86_400 * 86_400 + 86_400


@dataclass
class Gateway:
    """API Gateway's keys and plans, as its reference has them; the local one makes a key twice.

    Sources: https://docs.aws.amazon.com/apigateway/latest/api/API_CreateApiKey.html,
    https://docs.aws.amazon.com/apigateway/latest/api/API_CreateUsagePlanKey.html
    """

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=lambda: {"p0": set(), "p1": set()})

    def create_api_key(self, *, name: str, value: str, enabled: bool) -> dict[str, Any]:
        assert value.isalnum()
        assert 20 <= len(value) <= 128
        if any(key["value"] == value for key in self.keys.values()):
            raise aws_error("ConflictException", "CreateApiKey")
        key_id = f"k{len(self.keys)}"
        self.keys[key_id] = {"id": key_id, "name": name, "value": value, "enabled": enabled}
        return self.keys[key_id]

    def create_usage_plan_key(self, *, usagePlanId: str, keyId: str, keyType: str) -> None:  # noqa: N803 - AWS's names
        assert keyType == "API_KEY"
        if keyId in self.members[usagePlanId]:
            raise aws_error("ConflictException", "CreateUsagePlanKey")
        if any(keyId in members for members in self.members.values()):
            raise aws_error("BadRequestException", "CreateUsagePlanKey")
        self.members[usagePlanId].add(keyId)

    def get_paginator(self, operation: str) -> "Gateway":
        self.asked = operation
        return self

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        if self.asked == "get_usage_plans":
            for plan_id, plan in (("p0", "standard"), ("p1", "large")):
                yield {"items": [{"id": plan_id, "name": NAME.format(plan)}]}
            return
        assert arguments["includeValues"] is False
        for key in self.keys.values():
            if key["name"].startswith(arguments["nameQuery"]):
                yield {"items": [key]}

    def plan_of(self, value: str) -> str | None:
        (key_id,) = [key["id"] for key in self.keys.values() if key["value"] == value]
        return next((plan for plan, members in self.members.items() if key_id in members), None)


@pytest.fixture
def operator(place: Place, cold_start: Callable[..., ModuleType], local_aws: LocalAws) -> ApiCaller:
    """Calls of an operator where there are the plans ``standard`` and ``large``, on the local AWS."""
    apigateway = local_aws.client("apigateway")
    name = f"{place.name}-{{}}"
    for plan in ("standard", "large"):
        apigateway.create_usage_plan(name=name.format(plan))
    variables = {"TENANT_PLANS": "standard,large", "TENANT_KEYS_NAME": name}
    return ApiCaller(module=cold_start("delivery_operator", **place.variables, **variables))


def create(operator: ApiCaller, tenant: str = "acme") -> Any:
    answer = operator("POST", "/operator/tenants", {"tenantId": tenant, "name": "Acme"})
    assert answer.status == 201, answer.raw
    return answer.json


def authorized(place: Place, start: Callable[..., ModuleType], plans: str = "standard,large") -> dict[str, Any]:
    token = Identities(place.dynamodb, place.tenants_table).create_token("acme", "", None, NOW)[0]
    authorizer = start("delivery_authorizer", TENANTS_TABLE=place.tenants_table, TENANT_PLANS=plans)
    event = {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": METHOD_ARN}
    return authorizer.handler(event, lambda_context())


# --- requests a second ----------------------------------------------------------------------------------------------


def test_a_new_tenants_key_is_in_the_standard_plan_and_the_authorizer_names_it(operator, place, cold_start, local_aws):
    assert create(operator)["plan"] == "standard"

    key = authorized(place, cold_start)["usageIdentifierKey"]

    apigateway = local_aws.client("apigateway")
    plans = {plan["name"]: plan["id"] for plan in apigateway.get_usage_plans()["items"]}
    (member,) = apigateway.get_usage_plan_keys(usagePlanId=plans[f"{place.name}-standard"])["items"]
    assert member["value"] == key
    # It is nowhere in what the stack stores.
    assert key not in json.dumps(place.items(place.tenants_table), default=str)


def test_a_tenant_gets_another_plan_and_keeps_the_key_of_the_one_before(operator, place, cold_start, local_aws):
    create(operator)
    before = authorized(place, cold_start)["usageIdentifierKey"]

    answer = operator("PATCH", "/operator/tenants/acme", {"plan": "large"})

    assert (answer.status, answer.json["plan"]) == (200, "large")
    assert authorized(place, cold_start)["usageIdentifierKey"] == tenant_key(API_ID, "acme", "large") != before
    # Answers of the authorizer that API Gateway still caches name the key of before.
    values = {key["value"] for key in local_aws.client("apigateway").get_api_keys(includeValues=True)["items"]}
    assert {before, tenant_key(API_ID, "acme", "large")} <= values


def test_a_tenant_from_before_there_were_plans_shares_a_key_until_an_operator_gives_it_one(operator, place, cold_start):
    Identities(place.dynamodb, place.tenants_table).create_tenant("acme", "Acme", NOW)
    assert authorized(place, cold_start)["usageIdentifierKey"] == shared_key(API_ID)

    assert operator("PATCH", "/operator/tenants/acme", {"plan": "standard"}).status == 200

    assert authorized(place, cold_start)["usageIdentifierKey"] == tenant_key(API_ID, "acme", "standard")
    # A plan that was taken out of the settings is no reason to let nobody in.
    assert authorized(place, cold_start, "large")["usageIdentifierKey"] == shared_key(API_ID)


def test_no_two_keys_are_alike_and_each_is_one_that_api_gateway_takes():
    values = [
        tenant_key("a", "b", "c"),
        tenant_key("a", "b", "d"),
        tenant_key("a", "d", "c"),
        tenant_key("d", "b", "c"),
    ]
    values.append(shared_key("a1b2c3d4e5"))

    assert len(set(values)) == len(values)
    assert all(value.isalnum() and 20 <= len(value) <= 128 for value in values)


@pytest.mark.parametrize("last", range(1, 5))
def test_a_call_that_dies_anywhere_is_completed_by_the_next(last):
    gateway = Gateway()
    dying = Mortal(gateway, Death(lambda number, _: number == last), CALLS)
    with pytest.raises(CrashError):
        TenantKeys(dying, NAME).ensure(API_ID, "acme", "standard")

    for _ in range(2):
        TenantKeys(gateway, NAME).ensure(API_ID, "acme", "standard")

    assert len(gateway.keys) == 1
    assert gateway.plan_of(tenant_key(API_ID, "acme", "standard")) == "p0"


def test_a_key_whose_name_begins_like_anothers_is_not_taken_for_it():
    name, gateway = NAME.format("acme#standard"), Gateway()
    gateway.keys["other"] = {"id": "other", "name": f"{name}2", "value": "x" * 20}
    gateway.keys["mine"] = {"id": "mine", "name": name, "value": tenant_key(API_ID, "acme", "standard")}

    TenantKeys(gateway, NAME).ensure(API_ID, "acme", "standard")

    assert gateway.members["p0"] == {"mine"}
    with pytest.raises(RuntimeError, match="nothing has the name"):
        TenantKeys(gateway, NAME).ensure(API_ID, "acme", "gold")


def test_a_tenant_is_created_only_when_its_key_is_there(operator, place, monkeypatch):
    def fail(*_: Any) -> None:
        raise aws_error("TooManyRequestsException", "CreateApiKey")

    monkeypatch.setattr(operator.module.TenantKeys, "ensure", fail)
    answer = operator("POST", "/operator/tenants", {"tenantId": "acme", "name": "Acme"})

    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    # The audit log tells that it was tried.
    assert {item["tenantId"] for item in place.items(place.tenants_table)} == {"#audit"}
    monkeypatch.undo()
    create(operator)


@pytest.mark.parametrize("body", [{}, {"plan": None}, {"plan": "#"}, {"eventsPerDay": -1}, {"maxEndpoints": 101}])
def test_a_change_that_makes_no_sense_is_refused(operator, body):
    create(operator)

    assert operator("PATCH", "/operator/tenants/acme", body).status == 400
    assert operator("PATCH", "/operator/tenants/acme", {"plan": "gold"}).json["error"] == "no_such_plan"
    assert operator("PATCH", "/operator/tenants/nobody", {"plan": "large"}).status == 404
    assert operator("GET", "/operator/tenants/acme").json["plan"] == "standard"


def test_where_there_are_no_plans_no_key_is_made(operator_api, place, local_aws):
    before = local_aws.client("apigateway").get_api_keys()["items"]

    assert create(operator_api)["plan"] is None
    assert operator_api("PATCH", "/operator/tenants/acme", {"plan": "standard"}).status == 409
    assert local_aws.client("apigateway").get_api_keys()["items"] == before


# --- events a day, and endpoints ------------------------------------------------------------------------------------


def test_an_operators_quotas_reach_the_api_through_the_authorizer(operator, place, cold_start):
    create(operator)
    quotas = {"eventsPerDay": 2, "maxEndpoints": 1, "name": "Acme Ltd"}
    changed = operator("PATCH", "/operator/tenants/acme", quotas).json
    assert {name: changed[name] for name in quotas} == quotas

    context = authorized(place, cold_start)["context"]
    assert (context["eventsPerDay"], context["maxEndpoints"]) == (2, 1)

    operator = ApiCaller(module=cold_start("delivery_operator", **place.variables))
    assert operator("PATCH", "/operator/tenants/acme", {"eventsPerDay": None}).json["eventsPerDay"] is None
    assert "eventsPerDay" not in authorized(place, cold_start)["context"]


def call_with(api: ApiCaller, quotas: dict[str, str], path: str, body: Any) -> Any:
    event = proxy_event("POST", path, tenant="acme", body=body)
    # API Gateway hands every value of the context on as text.
    event["requestContext"]["authorizer"] |= quotas
    return answer_of(api.module.handler(event, lambda_context()))


def test_more_events_than_the_quota_are_refused_until_midnight_and_counted(tenant_api, place, capsys):
    quotas = {"eventsPerDay": "2"}
    assert [call_with(tenant_api, quotas, "/v1/events", {"type": "a"}).status for _ in range(2)] == [201, 201]
    assert call_with(tenant_api, quotas, "/v1/events", {"no": "type"}).status == 400
    capsys.readouterr()

    answer = call_with(tenant_api, quotas, "/v1/events", {"type": "a"})

    assert (answer.status, answer.json["error"]) == (429, "quota_reached")
    assert 0 < int(answer.headers["retry-after"]) <= 86_400
    assert len(place.event_ids()) == 2 + 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["tenant"] for line in said if line.get("message") == "quota reached"] == ["acme"]
    assert [line["QuotasReached"] for line in said if "QuotasReached" in line] == [[1.0]]
    # Another tenant's events are not counted with them.
    assert tenant_api("POST", "/v1/events", {"type": "a"}, tenant="globex").status == 201


def test_a_flood_of_refused_events_makes_one_event_of_the_quota_and_few_writes(tenant_api, place):
    # Given a tenant that has used up its quota, and an API that counts what it writes
    quotas, writes = {"eventsPerDay": "1"}, []
    assert call_with(tenant_api, quotas, "/v1/events", {"type": "a"}).status == 201
    for operation in ("UpdateItem", "PutItem", "TransactWriteItems"):
        tenant_api.module._dynamodb.meta.events.register(
            f"before-call.dynamodb.{operation}", lambda model, **_: writes.append(model.name)
        )
    try:
        statuses = {call_with(tenant_api, quotas, "/v1/events", {"type": "a"}).status for _ in range(1_000)}
        # An operator gives it more, of which it uses up one
        more = {"eventsPerDay": "2"}
        assert [call_with(tenant_api, more, "/v1/events", {"type": "a"}).status for _ in range(3)] == [201, 429, 429]
    finally:
        for operation in ("UpdateItem", "PutItem", "TransactWriteItems"):
            tenant_api.module._dynamodb.meta.events.unregister(f"before-call.dynamodb.{operation}")

    assert statuses == {429}
    assert writes == ["UpdateItem", "TransactWriteItems", "UpdateItem", "TransactWriteItems", "UpdateItem"]
    told = [one for one in place.items(place.events_table) if one.get("eventType") == "webhook.quota.reached"]
    assert [(one["tenantId"], one["operational"]) for one in told] == [("acme", True)]


def test_a_quota_that_cannot_be_announced_is_refused_all_the_same_and_announced_later(tenant_api, place, monkeypatch):
    quotas = {"eventsPerDay": "1"}
    assert call_with(tenant_api, quotas, "/v1/events", {"type": "a"}).status == 201
    create_event = tenant_api.module._events.create
    monkeypatch.setattr(tenant_api.module._events, "create", raising(aws_error("Throttled", "TransactWriteItems")))
    assert call_with(tenant_api, quotas, "/v1/events", {"type": "a"}).status == 429
    assert len(place.event_ids()) == 1
    monkeypatch.setattr(tenant_api.module._events, "create", create_event)
    assert call_with(tenant_api, quotas, "/v1/events", {"type": "a"}).status == 429
    assert len(place.event_ids()) == 2


def test_a_day_ends_at_midnight_and_its_counter_expires(place):
    counts = EventCounts(place.dynamodb, place.endpoints_table)
    counts.take("acme", 1, MIDNIGHT - 1)

    with pytest.raises(QuotaReachedError) as refused:
        counts.take("acme", 1, MIDNIGHT - 1)
    assert refused.value.retry_after == 1
    counts.take("acme", 1, MIDNIGHT)

    assert {item["item"][:7]: int(item["events"]) for item in place.items(place.endpoints_table)} == {"events#": 1}
    assert {int(item["expiresAt"]) - MIDNIGHT for item in place.items(place.endpoints_table)} == {86_400, 172_800}


def test_a_tenants_endpoints_are_as_many_as_its_quota(tenant_api):
    quotas, body = {"maxEndpoints": "1"}, {"url": "https://example.com/webhooks"}
    assert call_with(tenant_api, quotas, "/v1/endpoints", body).status == 201

    answer = call_with(tenant_api, quotas, "/v1/endpoints", body)

    assert (answer.status, answer.json["error"]) == (409, "too_many_endpoints")
    assert call_with(tenant_api, {"maxEndpoints": "2"}, "/v1/endpoints", body).status == 201
