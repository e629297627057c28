"""What each kind of token may do: by the authorizer's policy, and by the function behind it alone."""

import fnmatch
import re
import time
from dataclasses import replace

import pytest

from lambdas.delivery.domain.access import LINKED, Access
from lambdas.delivery.domain.ids import ENDPOINT, EVENT, REPLAY, new_id
from lambdas.delivery.http.routes import ROUTES, TOKEN
from lambdas.delivery.store.identities import Identities, token_id_of
from lambdas.delivery_authorizer.policy import allow_tenant
from lambdas.shared import times
from tests.lambdas.delivery_api_support import answer_of, proxy_event
from tests.lambdas.support import NOW, lambda_context
from tests.lambdas.test_delivery_authorizer import ACME, API, METHOD_ARN, authorize, refused, token_of

SEE, MANAGE = "full read portal portal-read", "full portal"
DECIDED = {
    "POST /v1/events": "full publish",
    "GET /v1/events": SEE,
    "GET /v1/events/{eventId}": SEE,
    "GET /v1/events/{eventId}/payload": SEE,
    "DELETE /v1/events/{eventId}/payload": "full",
    "POST /v1/events/{eventId}/deliveries/{endpointId}/resend": MANAGE,
    "GET /v1/deliveries": SEE,
    "GET /v1/attempts": SEE,
    "GET /v1/events/{eventId}/attempts/{endpointId}/{number}": SEE,
    "POST /v1/endpoints": MANAGE,
    "GET /v1/endpoints": SEE,
    "GET /v1/endpoints/{endpointId}": SEE,
    "PATCH /v1/endpoints/{endpointId}": MANAGE,
    "DELETE /v1/endpoints/{endpointId}": MANAGE,
    "POST /v1/endpoints/{endpointId}/pause": MANAGE,
    "POST /v1/endpoints/{endpointId}/activate": MANAGE,
    "POST /v1/endpoints/{endpointId}/rotate-secret": MANAGE,
    "POST /v1/endpoints/{endpointId}/test": MANAGE,
    "POST /v1/endpoints/{endpointId}/replays": MANAGE,
    "GET /v1/endpoints/{endpointId}/replays": SEE,
    "GET /v1/endpoints/{endpointId}/replays/{replayId}": SEE,
    "POST /v1/endpoints/{endpointId}/replays/{replayId}/cancel": MANAGE,
    "GET /v1/token": "full read publish portal portal-read",
}
IDS = {"eventId": new_id(EVENT, NOW), "endpointId": new_id(ENDPOINT, NOW), "replayId": new_id(REPLAY, NOW)}
EACH_ROUTE = pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.authorization == TOKEN], ids=lambda one: f"{one.method} {one.path}"
)


def path_of(route):
    return re.sub(r"{(\w+)}", lambda name: IDS.get(name[1], "1"), route.path)


def policy_lets(access, route):
    allowed = allow_tenant(METHOD_ARN, replace(ACME[0], access=access), ACME[1], [])
    patterns = allowed["policyDocument"]["Statement"][0]["Resource"]
    return any(fnmatch.fnmatchcase(f"{API}/{route.method}{path_of(route)}", pattern) for pattern in patterns)


@EACH_ROUTE
def test_a_kind_of_token_may_call_what_the_table_says_and_nothing_else(refusing_tenant_api, route):
    may = DECIDED[f"{route.method} {route.path}"].split()

    for access in Access:
        assert policy_lets(access, route) is (access in may), access
        # As if a policy let everything through, or nobody looked at it
        answer = replace(refusing_tenant_api, access=access)(route.method, path_of(route))
        assert (answer.status == 403) is (access not in may), (access, answer.raw)
        if access not in may:
            assert set(answer.json) == {"error", "message", "correlationId", "fields"}
            assert answer.json["error"] == "not_allowed"


@EACH_ROUTE
def test_an_access_that_the_code_does_not_know_is_good_for_nothing(refusing_tenant_api, route):
    for access in ("admin", "FULL", "full ", "portal_read"):
        answer = replace(refusing_tenant_api, access=access)(route.method, path_of(route))

        assert (answer.status, answer.json["error"]) == (403, "not_allowed")


def test_no_policy_of_part_of_the_routes_leads_beyond_them():
    for route in ROUTES:
        for access in Access:
            assert route.authorization == TOKEN or not policy_lets(access, route), (access, route)


def test_an_answer_that_the_authorizer_of_the_first_release_gave_is_of_a_full_token(refusing_tenant_api):
    assert refusing_tenant_api.access is None
    assert refusing_tenant_api("DELETE", f"/v1/events/{IDS['eventId']}/payload").status == 404
    assert refusing_tenant_api("GET", "/v1/token").json == {
        "tenantId": "acme",
        "tenantName": "acme",
        "access": "full",
        "label": "",
        "expiresAt": None,
    }


# --- tokens and the authorizer --------------------------------------------------------------------------------------


@pytest.fixture
def identities(place):
    return Identities(place.dynamodb, place.tenants_table)


@pytest.fixture
def authorizer(place, cold_start):
    return cold_start("delivery_authorizer", TENANTS_TABLE=place.tenants_table)


def set_access(place, token, access):
    key = {"id": {"S": "token#" + str(token_id_of(token)).removeprefix("tok_")}}
    change = {"access": {"Value": {"S": access}} if access else {"Action": "DELETE"}}
    place.dynamodb.update_item(TableName=place.tenants_table, Key=key, AttributeUpdates=change)


def test_a_token_of_the_first_release_is_a_full_one(authorizer, identities, place):
    token = token_of(identities)
    full = authorize(authorizer, f"Bearer {token}")
    set_access(place, token, None)

    assert authorize(authorizer, f"Bearer {token}") == full
    assert full["context"]["access"] == "full"
    assert [one.access for one in identities.tokens(identities.tenant("acme"), NOW)] == ["full"]


def test_a_token_of_a_kind_that_nobody_knows_is_refused_and_told_of(authorizer, identities, place, capsys):
    token = token_of(identities)
    set_access(place, token, "admin")

    refused(authorizer, f"Bearer {token}")

    printed = capsys.readouterr().out
    assert "the access of a token is not taken" in printed
    assert '"access":"admin"' in printed
    assert token[4:] not in printed
    # And it can still be seen, and revoked
    (listed,) = identities.tokens(identities.tenant("acme"), NOW)
    assert listed.access == "admin"
    assert identities.revoke("acme", listed.token_id, NOW).revoked_at


def test_a_token_says_what_it_is(authorizer, identities, tenant_api):
    expires_at = int(time.time()) + 3_600
    identities.create_tenant("acme", "Ämter & Söhne", NOW)
    for access in Access:
        make = identities.create_portal_token if access in LINKED else identities.create_token
        token = make("acme", "for the shop", expires_at, time.time(), access)[0]

        event = proxy_event("GET", "/v1/token")
        event["requestContext"]["authorizer"] = authorize(authorizer, f"Bearer {token}")["context"]
        answer = answer_of(tenant_api.module.handler(event, lambda_context()))

        assert answer.status == 200
        assert answer.json == {
            "tenantId": "acme",
            "tenantName": "Ämter & Söhne",
            "access": access,
            "label": "for the shop",
            "expiresAt": times.iso(expires_at),
        }


def test_where_the_portal_is_switched_off_tokens_of_its_links_are_refused(place, identities, cold_start):
    kept = token_of(identities)
    linked = identities.create_portal_token("acme", "", int(time.time()) + 60, time.time(), Access.PORTAL)[0]
    off = cold_start("delivery_authorizer", TENANTS_TABLE=place.tenants_table, PORTAL="off")

    authorize(off, f"Bearer {kept}")
    refused(off, f"Bearer {linked}")
    on = cold_start("delivery_authorizer", TENANTS_TABLE=place.tenants_table, PORTAL="on")
    authorize(on, f"Bearer {linked}")


def test_the_prefix_is_part_of_the_token(authorizer, identities):
    kept = token_of(identities)
    linked = identities.create_portal_token("acme", "", int(time.time()) + 60, time.time(), Access.PORTAL)[0]

    for forged in (f"whp_{kept[4:]}", f"whk_{linked[4:]}", f"whx_{kept[4:]}", linked[4:], f"WHP_{linked[4:]}"):
        refused(authorizer, f"Bearer {forged}")
    authorize(authorizer, f"Bearer {linked}")
