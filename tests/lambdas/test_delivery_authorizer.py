"""The authorizer of the tenants' API: who gets in, and what a cached answer lets through."""

import base64
import fnmatch
import json
import os
import time
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.delivery.http.routes import ROUTES, TOKEN
from lambdas.delivery.store.identities import Identities, Tenant, TenantState, Token, token_id_of
from lambdas.delivery_authorizer.policy import allow_tenant, bearer_token
from tests.lambdas.delivery_api_support import Place
from tests.lambdas.support import Unreliable, aws_error, lambda_context, raising

API = "arn:aws:execute-api:us-east-1:000000000000:api1234567/live"
METHOD_ARN = f"{API}/GET/v1/endpoints"
ACME = (
    Token(token_id="tok_1", tenant_id="acme", label="", created_at="2026-01-01T00:00:00.000Z"),
    Tenant(
        tenant_id="acme",
        name="Acme",
        state=TenantState.ACTIVE,
        created_at="2026-01-01T00:00:00.000Z",
        updated_at="2026-01-01T00:00:00.000Z",
    ),
)


@pytest.fixture
def identities(place: Place) -> Identities:
    return Identities(place.dynamodb, place.tenants_table)


@pytest.fixture
def authorizer(place: Place, cold_start) -> ModuleType:
    return cold_start("delivery_authorizer", TENANTS_TABLE=place.tenants_table)


@pytest.fixture(scope="module")
def refusing(untouched_place: Place, warm_start) -> ModuleType:
    """One authorizer for all tests in which nobody has a token."""
    return warm_start("delivery_authorizer", TENANTS_TABLE=untouched_place.tenants_table)


def authorize(module: ModuleType, header: str | None, method_arn: str = METHOD_ARN) -> dict:
    event = {"type": "TOKEN", "authorizationToken": header, "methodArn": method_arn}
    return module.handler(event, lambda_context())


def token_of(identities: Identities, tenant_id: str = "acme", expires_at: int | None = None) -> str:
    now = time.time()
    identities.create_tenant(tenant_id, "Acme", now)
    return identities.create_token(tenant_id, "test", expires_at, now)[0]


def test_a_good_token_leads_to_its_tenant(authorizer, identities):
    token = token_of(identities)

    answer = authorize(authorizer, f"Bearer {token}")

    assert answer["principalId"] == "acme"
    assert answer["context"] == {
        "tenantId": "acme",
        "tokenId": token_id_of(token),
        "tenantName": "Acme",
        "access": "full",
        "label": "test",
    }


def test_a_token_has_32_random_bytes_and_is_kept_as_its_digest_alone(authorizer, identities, place):
    token = token_of(identities)

    assert token.startswith("whk_")
    assert len(base64.urlsafe_b64decode(token[4:] + "=")) == 32
    assert token[4:] not in json.dumps(place.items(place.tenants_table))


def refused(module: ModuleType, header: str | None) -> None:
    # API Gateway makes a 401 of this very text, and of no other.
    with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
        authorize(module, header)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic whk_" + "a" * 43,
        "whk_" + "a" * 43,
        "Bearer whk_" + "a" * 42,
        "Bearer whk_" + "a" * 44,
        "Bearer whk_" + "a" * 43 + "\n",
        "Bearer whk_" + "a" * 42 + "é",
        "Bearer whk_" + "a" * 43 + " Bearer whk_" + "a" * 43,
        "Bearer " + "a" * 10_000,
        "Bearer whk_" + "a" * 43,
    ],
)
def test_what_is_no_token_is_refused_as_an_unknown_one_is(refusing, header):
    refused(refusing, header)


def test_expired_revoked_and_suspended_are_refused_alike(authorizer, identities):
    token = token_of(identities)
    expired = identities.create_token("acme", "", int(time.time()) - 1, time.time())[0]
    token_id = token_id_of(token)
    assert token_id
    authorize(authorizer, f"Bearer {token}")

    refused(authorizer, f"Bearer {expired}")
    identities.change_tenant("acme", {"state": TenantState.SUSPENDED}, time.time())
    refused(authorizer, f"Bearer {token}")
    identities.change_tenant("acme", {"state": TenantState.ACTIVE}, time.time())
    authorize(authorizer, f"Bearer {token}")
    identities.revoke("acme", token_id, time.time())
    refused(authorizer, f"Bearer {token}")


def test_a_token_of_a_tenant_that_is_not_there_is_refused(authorizer, identities, place):
    token = token_of(identities)
    place.dynamodb.delete_item(TableName=place.tenants_table, Key={"id": {"S": "tenant#acme"}})

    refused(authorizer, f"Bearer {token}")


@pytest.mark.parametrize("first", ["GET/v1/endpoints", "POST/v1/events", "DELETE/v1/endpoints/ep_1", "PATCH/v1/x/y"])
def test_the_policy_is_the_same_whatever_was_asked_first(first):
    assert allow_tenant(f"{API}/{first}", *ACME, []) == allow_tenant(METHOD_ARN, *ACME, [])


def test_the_policy_lets_every_tenants_route_through_and_no_other():
    """What the cache keeps for one route must do for all others of the tenant, and for nothing else."""
    allowed = allow_tenant(METHOD_ARN, *ACME, [])["policyDocument"]["Statement"][0]["Resource"]

    def lets(arn: str) -> bool:
        return any(fnmatch.fnmatchcase(arn, pattern) for pattern in allowed)

    for route in ROUTES:
        path = route.path.replace("{", "").replace("}", "")
        assert lets(f"{API}/{route.method}{path}") == (route.authorization == TOKEN), route
        assert not lets(f"{API.replace('live', 'other')}/{route.method}{path}")
        assert not lets(f"{API.replace('api1234567', 'api7654321')}/{route.method}{path}")


def test_two_tenants_get_answers_that_differ_in_the_tenant_alone(authorizer, identities):
    one = authorize(authorizer, f"Bearer {token_of(identities, 'acme')}")
    other = authorize(authorizer, f"Bearer {token_of(identities, 'other')}")

    assert one["policyDocument"] == other["policyDocument"]
    assert (one["context"]["tenantId"], other["context"]["tenantId"]) == ("acme", "other")


def test_a_table_that_does_not_answer_lets_nobody_in_and_is_no_401(authorizer, identities, monkeypatch, capsys):
    token = token_of(identities)
    broken = Unreliable(
        authorizer._identities._table.dynamodb, "get_item", "", raising(aws_error("InternalServerError", "GetItem"))
    )
    monkeypatch.setattr(authorizer._identities._table, "dynamodb", broken)

    with pytest.raises(Exception, match="could not be checked"):
        authorize(authorizer, f"Bearer {token}")
    printed = capsys.readouterr().out
    assert "AuthorizationsFailed" in printed
    assert "4242" not in printed


def test_no_token_reaches_the_log_even_when_lambda_is_told_to_log_events(
    authorizer, identities, capsys, lambda_environment
):
    lambda_environment.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    token = token_of(identities)
    unknown = "whk_" + "b" * 43
    authorize(authorizer, f"Bearer {token}")
    refused(authorizer, f"Bearer {unknown}")

    printed = capsys.readouterr()
    assert token[4:] not in printed.out + printed.err
    assert unknown[4:] not in printed.out + printed.err
    assert "TokensAccepted" in printed.out
    assert "TokensRefused" in printed.out
    assert os.environ["POWERTOOLS_LOG_LEVEL"] == "DEBUG"


def test_a_request_authorizer_reads_the_header_once():
    event = {"type": "REQUEST", "multiValueHeaders": {"authorization": ["Bearer whk_x"]}}
    assert bearer_token(event) == "whk_x"
    event["multiValueHeaders"]["Authorization"] = ["Bearer whk_y"]
    assert bearer_token(event) is None
    assert bearer_token({"type": "REQUEST", "headers": {}}) is None


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_as_one_token_or_none(text):
    token = bearer_token({"type": "TOKEN", "authorizationToken": text})
    assert (
        token is None or text.lower() == f"bearer {token}".lower() or text.lower().split() == ["bearer", token.lower()]
    )
