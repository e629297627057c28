"""Links to a tenant's portal: what an operator gets, how long they are good, and how they are revoked."""

import json
import re
import time

import pytest

from lambdas.delivery.domain.access import Access
from lambdas.delivery.domain.errors import ConflictError
from lambdas.delivery.store import identities as store
from lambdas.delivery.store.identities import Identities
from lambdas.shared import times
from tests.lambdas.delivery_api_support import ApiCaller
from tests.lambdas.support import NOW

PORTAL = "https://hooks.example.com/portal"
LINKS, TOKENS = "/operator/tenants/acme/portal-links", "/operator/tenants/acme/tokens"


@pytest.fixture
def operator(place, cold_start) -> ApiCaller:
    """An operator, with the tenants ``acme`` and ``globex``."""
    api = ApiCaller(module=cold_start("delivery_operator", **place.variables, PORTAL_URL=PORTAL))
    for tenant_id in ("acme", "globex"):
        assert api("POST", "/operator/tenants", {"tenantId": tenant_id, "name": tenant_id.title()}).status == 201
    return api


@pytest.fixture
def identities(place) -> Identities:
    return Identities(place.dynamodb, place.tenants_table)


def token_in(answer) -> str:
    assert answer.status == 201, answer.raw
    url, token = answer.json["url"].split("#token=")
    assert url == PORTAL
    assert re.fullmatch(r"whp_[A-Za-z0-9_-]{43}", token)
    return token


def good(identities, token, at=None):
    return identities.authorize(token, at or time.time()) is not None


def test_a_link_is_good_for_its_tenant_until_it_expires(operator, identities):
    before = time.time()
    answer = operator("POST", LINKS)
    token = token_in(answer)

    found, tenant = identities.authorize(token, time.time())
    assert (tenant.tenant_id, found.access, found.token_id) == ("acme", "portal", answer.json["tokenId"])
    assert answer.json["access"] == "portal"
    assert answer.json["expiresAt"] == times.iso(found.expires_at)
    assert int(before) + 3_600 <= found.expires_at <= time.time() + 3_600
    assert good(identities, token, found.expires_at - 1)
    # DynamoDB still has it, for days perhaps.
    assert not good(identities, token, found.expires_at)


def test_a_link_may_only_show_and_last_from_five_minutes_to_a_day(operator, identities):
    for minutes in (5, 1_440):
        answer = operator("POST", LINKS, {"access": "portal-read", "expiresInMinutes": minutes, "label": "embedded"})
        found, _ = identities.authorize(token_in(answer), time.time())
        assert (found.access, found.label, answer.json["access"]) == ("portal-read", "embedded", "portal-read")
        assert found.expires_at - time.time() == pytest.approx(minutes * 60, abs=30)
    for wrong in ({"expiresInMinutes": 4}, {"expiresInMinutes": 1_441}, {"access": "full"}, {"label": "x" * 201}):
        answer = operator("POST", LINKS, wrong)
        assert (answer.status, [one["field"] for one in answer.json["fields"]]) == (400, [*wrong])


def test_the_tokens_route_makes_no_token_of_a_portal(operator, identities):
    for access in ("full", "read", "publish"):
        answer = operator("POST", TOKENS, {"access": access})
        assert (answer.status, answer.json["access"], answer.json["token"][:4]) == (201, access, "whk_")
        assert identities.authorize(answer.json["token"], time.time())[0].access == access
    for access in ("portal", "portal-read", "admin", ""):
        answer = operator("POST", TOKENS, {"access": access})
        assert (answer.status, answer.json["fields"][0]["field"]) == (400, "access")


def test_there_is_no_link_for_nobody_for_a_suspended_tenant_or_without_a_portal(operator, place, cold_start):
    assert operator("POST", "/operator/tenants/nobody/portal-links").status == 404
    assert operator("DELETE", "/operator/tenants/nobody/portal-links").status == 404
    operator("POST", "/operator/tenants/acme/suspend")
    suspended = operator("POST", LINKS)
    assert (suspended.status, suspended.json["error"]) == (409, "tenant_suspended")

    off = ApiCaller(module=cold_start("delivery_operator", **place.variables, PORTAL_URL=""))

    answer = off("POST", "/operator/tenants/globex/portal-links")
    assert (answer.status, answer.json["error"]) == (409, "portal_off")
    assert "delivery.portal" in answer.json["message"]
    assert off("DELETE", "/operator/tenants/globex/portal-links").status == 200
    assert not [item for item in place.identities() if item["id"].startswith("token#")]


def test_a_link_is_audited_and_its_token_is_nowhere(operator, place, capsys):
    answer = operator("POST", LINKS, {"label": "shop"}, query={"reason": "ticket 7"})
    token = token_in(answer)

    (entry, *_) = operator("GET", "/operator/audit").json["entries"]

    assert entry["action"] == "POST /operator/tenants/{tenantId}/portal-links"
    assert (entry["reason"], entry["outcome"]) == ("ticket 7", "done")
    assert entry["asked"] == {"tenantId": "acme", "label": "shop", "access": "portal", "expiresInMinutes": 60}
    # Whoever acts with it is found by the entry of its making.
    assert entry["made"] == answer.json["tokenId"]
    printed = capsys.readouterr()
    assert answer.json["tokenId"] in printed.out
    for kept in (json.dumps(place.items(place.tenants_table), default=str), printed.out, printed.err):
        assert token[4:] not in kept
    assert answer.headers["cache-control"] == "no-store"


def test_links_are_listed_with_the_tokens_and_one_is_revoked(operator, identities, place):
    kept = operator("POST", TOKENS, {"access": "read"}).json
    one, other = (operator("POST", LINKS) for _ in range(2))
    expired = identities.create_portal_token("acme", "", int(time.time()) - 1, time.time() - 60, Access.PORTAL)[1]

    listed = {each["tokenId"]: each["access"] for each in operator("GET", TOKENS).json["tokens"]}
    assert listed == {kept["tokenId"]: "read", one.json["tokenId"]: "portal", other.json["tokenId"]: "portal"}
    assert expired.token_id not in listed
    assert operator("GET", "/operator/tenants/globex/tokens").json["tokens"] == []
    assert operator("DELETE", f"/operator/tenants/globex/tokens/{one.json['tokenId']}").status == 404

    first, again = (operator("DELETE", f"{TOKENS}/{one.json['tokenId']}") for _ in range(2))

    assert first.json == again.json
    assert (first.json["tenantId"], first.json["access"]) == ("acme", "portal")
    assert not good(identities, token_in(one))
    assert good(identities, token_in(other))


def test_all_links_of_a_tenant_are_revoked_at_once_and_new_ones_are_good(operator, identities):
    token = operator("POST", TOKENS).json["token"]
    foreign = token_in(operator("POST", "/operator/tenants/globex/portal-links"))
    links = [token_in(operator("POST", LINKS, {"access": access})) for access in ("portal", "portal-read")]

    answer = operator("DELETE", LINKS, query={"reason": "leaked"})

    assert (answer.status, answer.json["tenantId"]) == (200, "acme")
    assert [good(identities, one) for one in (*links, foreign, token)] == [False, False, True, True]
    revoked = {each["access"]: each["revokedAt"] for each in operator("GET", TOKENS).json["tokens"]}
    assert revoked == {"portal": answer.json["revokedAt"], "portal-read": answer.json["revokedAt"], "full": None}
    later = times.parse(answer.json["revokedAt"]) + 0.001
    assert good(identities, identities.create_portal_token("acme", "", int(later) + 60, later, Access.PORTAL)[0])


def test_links_have_a_bound_of_their_own_and_expired_ones_go_by_themselves(operator, identities, place, monkeypatch):
    monkeypatch.setattr(store, "MAX_PORTAL_LINKS", 8)
    monkeypatch.setattr(store, "MAX_TOKENS", 1)

    def make(at):
        return identities.create_portal_token("acme", "", int(at) + 300, at, Access.PORTAL)[1].token_id

    def kept():
        return [item["id"] for item in place.identities() if item["tenantId"] == "acme#portal"]

    made = [make(NOW) for _ in range(8)]
    with pytest.raises(ConflictError, match="too_many_portal_links"):
        make(NOW + 299)
    # Not counted together
    identities.create_token("acme", "", None, NOW)
    identities.create_portal_token("globex", "", int(NOW) + 300, NOW, Access.PORTAL)
    # One that is revoked makes room
    identities.revoke("acme", made[0], NOW)
    assert make(NOW + 299)

    # When they have expired, each new one has some forgotten, and none that is good
    later = [make(NOW + 301 + number) for number in range(4)]
    assert {f"token#{one.removeprefix('tok_')}" for one in later} <= set(kept())
    assert len(kept()) == 1 + 4
    for number in range(20):
        make(NOW + 10_000 + number * 100)
        assert len(kept()) <= 8
