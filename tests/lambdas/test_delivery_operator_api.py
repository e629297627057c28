"""The operators' endpoints: tenants, tokens, requeue, erasure, signing keys."""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lambdas.delivery.domain.errors import ConflictError, StoreBusyError
from lambdas.delivery.domain.ids import ENDPOINT, new_id
from lambdas.delivery.services.key_pairs import KEPT_SECONDS, SigningKeyPairs
from lambdas.delivery.store.identities import MAX_TOKENS, Identities, token_id_of
from lambdas.delivery.store.public_keys import published_keys
from lambdas.delivery.store.signing_keys import read_keys
from tests.lambdas.delivery_api_support import ApiCaller, Place
from tests.lambdas.support import NOW, CrashError, Unreliable, raising
from tests.lambdas.test_delivery_api_lists import dead_delivery


def create_tenant(api: ApiCaller, tenant_id: str = "acme") -> None:
    answer = api("POST", "/operator/tenants", {"tenantId": tenant_id, "name": "Acme Ltd"})
    assert answer.status == 201, answer.raw


def test_a_tenant_is_created_shown_suspended_and_activated(operator_api):
    create_tenant(operator_api)

    again = operator_api("POST", "/operator/tenants", {"tenantId": "acme", "name": "Another"})
    assert (again.status, again.json["error"]) == (409, "tenant_exists")
    assert operator_api("GET", "/operator/tenants/acme").json["name"] == "Acme Ltd"
    assert operator_api("POST", "/operator/tenants/acme/suspend").json["state"] == "SUSPENDED"
    assert operator_api("POST", "/operator/tenants/acme/activate").json["state"] == "ACTIVE"
    for action in ("suspend", "activate"):
        assert operator_api("POST", f"/operator/tenants/nobody/{action}").status == 404


@pytest.mark.parametrize("tenant_id", ["", "A", "a#b", "-a", "a-", "a" * 64, "a\n", "ä", "a/b", "#tenants", 1])
def test_a_tenant_id_that_could_be_part_of_another_key_is_refused(refusing_operator_api, untouched_place, tenant_id):
    answer = refusing_operator_api("POST", "/operator/tenants", {"tenantId": tenant_id, "name": "x"})

    assert (answer.status, answer.json["fields"][0]["field"]) == (400, "tenantId")
    assert untouched_place.items(untouched_place.tenants_table) == []


def test_tenants_are_listed_in_pages(operator_api):
    names = sorted(f"t{number}" for number in range(7))
    for name in names:
        create_tenant(operator_api, name)

    found, after = [], None
    while True:
        query = {"limit": 3, **({"after": after} if after else {})}
        page = operator_api("GET", "/operator/tenants", query=query).json
        found += [tenant["tenantId"] for tenant in page["tenants"]]
        after = page["next"]
        if after is None:
            break

    assert found == names


def test_a_token_is_shown_once_listed_without_itself_and_revoked(operator_api, place):
    create_tenant(operator_api)
    create_tenant(operator_api, "other")
    tokens = "/operator/tenants/acme/tokens"

    created = operator_api("POST", tokens, {"label": "ci", "expiresInDays": 1})

    assert created.status == 201
    token = created.json["token"]
    assert created.json["tokenId"] == token_id_of(token)
    listed = operator_api("GET", tokens)
    assert [one["label"] for one in listed.json["tokens"]] == ["ci"]
    assert token not in listed.raw
    identities = Identities(place.dynamodb, place.tenants_table)
    assert identities.authorize(token, time.time())
    assert not identities.authorize(token, time.time() + 86_401)
    assert operator_api("DELETE", f"/operator/tenants/other/tokens/{token_id_of(token)}").status == 404
    assert identities.authorize(token, time.time())
    first = operator_api("DELETE", f"{tokens}/{token_id_of(token)}")
    again = operator_api("DELETE", f"{tokens}/{token_id_of(token)}")
    assert first.json == again.json
    assert first.json["revokedAt"]
    assert not identities.authorize(token, time.time())


def test_tokens_need_a_tenant_and_have_a_limit(operator_api, place):
    assert operator_api("POST", "/operator/tenants/nobody/tokens").status == 404
    assert place.identities() == []
    create_tenant(operator_api)
    identities = Identities(place.dynamodb, place.tenants_table)
    for _ in range(MAX_TOKENS):
        identities.create_token("acme", "", None, NOW)

    full = operator_api("POST", "/operator/tenants/acme/tokens")
    identities.revoke("acme", identities.tokens(identities.tenant("acme"), NOW)[0].token_id, NOW)

    assert (full.status, full.json["error"]) == (409, "too_many_tokens")
    assert operator_api("POST", "/operator/tenants/acme/tokens").status == 201


@pytest.mark.parametrize("token_id", ["tok_x", "tok_" + "0" * 64, "tenant#acme", "%"])
def test_no_token_id_reaches_another_item(operator_api, place, token_id):
    create_tenant(operator_api)
    before = place.identities()

    assert operator_api("DELETE", f"/operator/tenants/acme/tokens/{token_id}").status == 404
    assert place.identities() == before


def test_no_token_reaches_the_log_and_who_made_it_does(operator_api, capsys):
    create_tenant(operator_api)
    token = operator_api("POST", "/operator/tenants/acme/tokens").json["token"]

    printed = capsys.readouterr().out
    assert token[4:] not in printed
    assert "user/operator" in printed


# --- deliveries -----------------------------------------------------------------------------------------------------


@pytest.fixture
def both(place, cold_start) -> tuple[ApiCaller, ApiCaller]:
    tenant = ApiCaller(module=cold_start("delivery_api", **place.variables), tenant="acme")
    return tenant, ApiCaller(module=cold_start("delivery_operator", **place.variables))


def test_an_operator_requeues_and_erases_for_a_tenant_by_name(both, place):
    tenant, operator = both
    event_id, endpoint_id = dead_delivery(tenant, place)
    asked = {"tenantId": "acme", "eventId": event_id, "endpointId": endpoint_id}

    assert operator("POST", "/operator/requeue", {**asked, "tenantId": "other"}).status == 404
    answer = operator("POST", "/operator/requeue", asked)

    assert (answer.status, answer.json["state"]) == (202, "PENDING")
    assert len(place.sent()) == 1
    assert operator("DELETE", f"/operator/tenants/other/events/{event_id}/payload").status == 404
    assert len(place.payloads()) == 1
    assert operator("DELETE", f"/operator/tenants/acme/events/{event_id}/payload").status == 200
    assert place.payloads() == []


# --- signing keys ---------------------------------------------------------------------------------------------------


def key_pairs(place: Place, secretsmanager=None) -> SigningKeyPairs:
    return SigningKeyPairs(
        place.dynamodb, secretsmanager or place.secretsmanager, place.tenants_table, place.secret_arn
    )


def secret_of(place: Place) -> str:
    return place.secretsmanager.get_secret_value(SecretId=place.secret_arn)["SecretString"]


def published(place: Place) -> list[dict]:
    return json.loads(published_keys(place.dynamodb, place.tenants_table))["keys"]


def test_a_key_signs_and_its_published_half_verifies(operator_api, place):
    assert published(place) == []
    made = operator_api("POST", "/operator/signing-keys")

    assert made.status == 201, made.raw
    [signing] = read_keys(secret_of(place), time.time())
    [public] = published(place)
    assert (signing.kid, public["kid"]) == (made.json["keyId"],) * 2
    verifying = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(public["x"] + "="))
    verifying.verify(signing.sign(b"content"), b"content")
    assert base64.b64decode(public["publicKey"].removeprefix("whpk_")) == verifying.public_bytes_raw()
    seed = json.loads(secret_of(place))["keys"][0]["seed"]
    for text in (made.raw, operator_api("GET", "/operator/signing-keys").raw, repr(place.items(place.tenants_table))):
        assert seed not in text


def test_a_new_key_and_the_old_one_sign_until_the_overlap_ends(place):
    first = key_pairs(place).create(3_600, NOW)
    second = key_pairs(place).create(3_600, NOW + 10)

    def signing(at: float) -> list[str]:
        return [key.kid for key in read_keys(secret_of(place), at)]

    assert signing(NOW + 11) == [first.key_id, second.key_id]
    assert signing(NOW + 3_611) == [second.key_id]
    assert [key["kid"] for key in published(place)] == [first.key_id, second.key_id]
    key_pairs(place).create(None, NOW + KEPT_SECONDS + 10_000)
    assert first.key_id not in [key["kid"] for key in published(place)]


def test_a_key_that_leaked_is_retired_at_once(operator_api, place):
    first = operator_api("POST", "/operator/signing-keys").json["keyId"]
    second = operator_api("POST", "/operator/signing-keys", {"retireOthersAfterHours": None}).json["keyId"]

    answer = operator_api("DELETE", f"/operator/signing-keys/{first}")

    assert answer.json["retiredAt"]
    assert [key.kid for key in read_keys(secret_of(place), time.time() + 1)] == [second]
    assert operator_api("DELETE", "/operator/signing-keys/key_0").status == 404
    # What was not found is no reason to keep the next one out.
    assert operator_api("POST", "/operator/signing-keys").status == 201


def test_of_two_who_make_a_key_at_once_none_undoes_the_other(place):
    gate = threading.Barrier(4)

    def create() -> str | None:
        gate.wait()
        try:
            return key_pairs(place).create(None, NOW).key_id
        except ConflictError:
            return None

    with ThreadPoolExecutor(4) as pool:
        made = {one.result() for one in [pool.submit(create) for _ in range(4)]} - {None}

    assert made
    assert {key.kid for key in read_keys(secret_of(place), NOW)} == made
    assert {key["kid"] for key in published(place)} == made


def test_who_outlasts_the_lease_changes_nothing_of_what_somebody_else_made(place):
    made = []

    class Slow:
        """Secrets Manager, whose first answer comes when somebody else has made a key."""

        def __getattr__(self, name):
            return getattr(place.secretsmanager, name)

        def get_secret_value(self, **arguments):
            if not made:
                made.append(key_pairs(place).create(None, NOW + 61).key_id)
                return {"SecretString": ""}
            return place.secretsmanager.get_secret_value(**arguments)

    with pytest.raises(StoreBusyError):
        key_pairs(place, Slow()).create(None, NOW)

    assert [key.kid for key in read_keys(secret_of(place), NOW + 61)] == made
    assert [key["kid"] for key in published(place)] == made


def test_a_crash_before_the_secret_is_stored_keeps_nobody_out_for_long(place):
    crashing = Unreliable(place.secretsmanager, "put_secret_value", "", raising(CrashError("put_secret_value")))
    with pytest.raises(CrashError):
        key_pairs(place, crashing).create(None, NOW)

    with pytest.raises(ConflictError, match="changed_meanwhile"):
        key_pairs(place).create(None, NOW + 1)
    made = key_pairs(place).create(None, NOW + 61)

    assert [key.kid for key in read_keys(secret_of(place), NOW + 61)] == [made.key_id]
    assert [key["kid"] for key in published(place)] == [made.key_id]


def test_an_operators_route_takes_no_tenant_from_an_authorizer(operator_api):
    create_tenant(operator_api)
    tenant = replace(operator_api, tenant="acme")

    # The context of a token means nothing here: API Gateway lets only AWS identities through to these routes.
    assert tenant("GET", "/v1/endpoints").status == 404
    assert new_id(ENDPOINT, NOW)
