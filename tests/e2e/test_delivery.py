"""Delivery, deployed beside the inbound stack on a local AWS with IAM enforced."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import stripe
from playwright.sync_api import expect
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from lambdas.delivery.store.items import DUE_AT, DUE_KEY, due_shard, hold_key
from lambdas.delivery_receiver.faults import Fault
from lambdas.shared import times
from lambdas.shared.dynamodb import to_item
from modules.constructs.naming import DELIVERY_PREFIX, Names
from tests import emulator
from tests.browsing import Visit, launched
from tests.copies import a_copy
from tests.e2e.calls import callable_here, was_called
from tests.e2e.delivery import refused_url, settled
from tests.e2e.left import left_behind
from tests.e2e.observe import await_state, log_lines
from tests.e2e.smoking import as_one_who_may
from tools.commands import events
from tools.commands.target_stack import Target
from tools.local.calls import create_operator, wait_for
from tools.local.delivery import LocalDelivery, TenantClient
from tools.local.faulty_receiver import FaultyReceiver
from tools.local.stack import LocalStack
from tools.senders import SENDERS, Signing, webhook

SETTLE_SECONDS = 240


@pytest.fixture(scope="module")
def inbound(bundles: Path) -> Iterator[LocalStack]:
    """A copy of both stacks; none of its messages is given up, whatever the tests do."""
    del bundles
    with a_copy() as stack:
        yield stack
        # What endpoints do wrong is a state of their deliveries; the dead letter queue is for faults of ours.
        waiting = stack.aws.client("sqs").get_queue_attributes(
            QueueUrl=stack.delivery.outputs["dead_letter_queue_url"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert waiting["Attributes"]["ApproximateNumberOfMessages"] == "0"


@pytest.fixture(scope="module")
def delivery(inbound) -> LocalDelivery:
    return inbound.delivery


@pytest.fixture(scope="module")
def second_plan(delivery) -> dict[str, Any]:
    """What a plan would change once more."""
    return delivery.workspace.plan()


@pytest.fixture(scope="module")
def alpha(delivery) -> TenantClient:
    return delivery.make_tenant("alpha")


@pytest.fixture(scope="module")
def beta(delivery) -> TenantClient:
    return delivery.make_tenant("beta")


@pytest.fixture
def endpoint() -> Iterator[FaultyReceiver]:
    """An endpoint that takes everything."""
    with FaultyReceiver() as server:
        yield server


@pytest.fixture
def other() -> Iterator[FaultyReceiver]:
    """A second endpoint."""
    with FaultyReceiver() as server:
        yield server


@pytest.fixture(autouse=True)
def without_endpoints_of_earlier_tests(alpha, beta) -> Iterator[None]:
    yield
    for tenant in (alpha, beta):
        for made in tenant.ask("GET", "/v1/endpoints")["endpoints"]:
            tenant.call("DELETE", f"/v1/endpoints/{made['endpointId']}")


def arrived(endpoint: FaultyReceiver, count: int = 1):
    """Return what an endpoint got, once it got so many requests."""
    return wait_for(
        f"{count} requests",
        lambda: list(endpoint.received) if len(endpoint.received) >= count else None,
        SETTLE_SECONDS,
    )


def test_an_event_reaches_each_endpoint_that_subscribes_signed_and_byte_for_byte(alpha, endpoint, other):
    # Given two endpoints, one of which wants invoices only
    everything = alpha.add_endpoint(endpoint.url())
    alpha.add_endpoint(other.url(), eventTypes=["invoice.*"])
    body = b'{ "type":"payment.failed", "data":{"amount":1.10,"big":12345678901234567890,"text":"\xc3\xa9\\u00e9"} }'

    # When an event of another type comes
    answer = alpha.call("POST", "/v1/events", body)
    event_id = answer.json()["eventId"]
    found = alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})

    # Then the one got exactly these bytes, once, and the official library accepts them
    assert answer.status_code == 201
    (request,) = endpoint.received
    assert request.body == body
    assert Webhook(everything["secret"]).verify(request.body, request.headers)
    assert other.received == []
    (made,) = found["deliveries"]
    assert (made["endpointId"], made["state"], made["attempts"]) == (everything["endpointId"], "DELIVERED", 1)


def test_the_style_of_stripe_is_accepted_by_stripes_library(alpha, endpoint):
    made = alpha.add_endpoint(endpoint.url(), style="stripe")

    alpha.send("invoice.paid", {"n": 1})
    (request,) = arrived(endpoint)

    signature = request.headers["stripe-signature"]
    assert stripe.WebhookSignature.verify_header(request.body.decode(), signature, made["secret"], 300)


def test_a_failed_delivery_is_tried_again_with_the_same_id_and_a_fresh_time(alpha, endpoint):
    # Given an endpoint that takes the first attempt, and answers as if it had not
    made = alpha.add_endpoint(endpoint.url("/hook?duplicate"))

    event_id = alpha.send("invoice.paid")
    found = alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})

    first, second = arrived(endpoint, 2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    for request in (first, second):
        assert Webhook(made["secret"]).verify(request.body, request.headers)
    outcomes = [attempt["outcome"] for attempt in sorted(found["attempts"], key=lambda each: each["number"])]
    assert outcomes == ["status 500", "delivered"]


def test_a_dead_endpoint_delays_no_other(alpha, endpoint):
    alpha.add_endpoint(refused_url())
    alive = alpha.add_endpoint(endpoint.url())

    event_id = alpha.send("invoice.paid")
    found = alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})

    states = {each["endpointId"]: each["state"] for each in found["deliveries"]}
    assert states.pop(alive["endpointId"]) == "DELIVERED"
    assert set(states.values()) <= {"PENDING", "FAILED"}


def test_gone_disables_the_endpoint_and_an_operator_requeues_what_it_missed(alpha, delivery, endpoint):
    # Given an endpoint that says it is gone
    endpoint.decide = lambda _: Fault(status=410)
    made = alpha.add_endpoint(endpoint.url())
    event_id = alpha.send("invoice.paid")
    dead = alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DLQ"})
    assert dead["deliveries"][0]["reason"]
    assert alpha.ask("GET", f"/v1/endpoints/{made['endpointId']}")["state"] == "DISABLED"

    # When it is back, and an operator requeues the event
    endpoint.decide = lambda _: Fault()
    alpha.ask("POST", f"/v1/endpoints/{made['endpointId']}/activate")
    target = {"tenantId": "alpha", "eventId": event_id, "endpointId": made["endpointId"]}
    answer = delivery.call("POST", "/operator/requeue", target)

    # Then it is really delivered
    assert answer.ok, answer.text
    alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})
    assert list(endpoint.ids().values()) == [2]


def test_a_tenant_has_a_delivered_event_sent_once_more(alpha, endpoint):
    made = alpha.add_endpoint(endpoint.url())
    event_id = alpha.send("invoice.paid")
    alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})

    alpha.ask("POST", f"/v1/events/{event_id}/deliveries/{made['endpointId']}/resend")

    first, second = arrived(endpoint, 2)
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_what_waits_for_long_is_in_the_due_index_and_a_sweep_hands_it_out(alpha, delivery, endpoint):
    # Given an endpoint that fails, and asks for an hour for this delivery
    alpha.add_endpoint(endpoint.url("/hook?status=500&retry-after=3600"))
    event_id = alpha.send("invoice.paid")
    alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"FAILED"})

    # Then the due index has it for that time
    waiting = delivery_of(delivery, "alpha", event_id)
    due_in = times.parse(waiting["dueAt"]["S"]) - time.time()
    assert 3_600 - SETTLE_SECONDS < due_in < 2 * 3_600
    assert waiting["dueAt"] == waiting["nextAttemptAt"]

    # When the hour has passed, and EventBridge invokes the sweeper
    set_due(delivery, waiting)

    # Then it is attempted again
    arrived(endpoint, 2)


def test_two_secrets_sign_during_a_rotation(alpha, endpoint):
    made = alpha.add_endpoint(endpoint.url())

    rotated = alpha.ask("POST", f"/v1/endpoints/{made['endpointId']}/rotate-secret", {})
    alpha.send("invoice.paid")
    (request,) = arrived(endpoint)

    assert rotated["secret"] != made["secret"]
    for secret in (made["secret"], rotated["secret"]):
        assert Webhook(secret).verify(request.body, request.headers)


def test_a_paused_endpoint_gets_what_it_missed_when_it_goes_on(alpha, endpoint):
    made = alpha.add_endpoint(endpoint.url())
    alpha.ask("POST", f"/v1/endpoints/{made['endpointId']}/pause")
    event_id = alpha.send("invoice.paid")
    alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"PENDING"})
    settled(alpha, event_id)
    assert endpoint.received == []

    alpha.ask("POST", f"/v1/endpoints/{made['endpointId']}/activate")

    alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})
    assert len(endpoint.received) == 1


def test_a_suspended_tenants_deliveries_wait_until_it_is_active_again(delivery, endpoint):
    # Given a tenant with a delivery that is to be made once more
    epsilon = delivery.make_tenant("epsilon")
    made = epsilon.add_endpoint(endpoint.url())
    event_id = epsilon.send("invoice.paid")
    epsilon.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})
    assert delivery.call("POST", "/operator/tenants/epsilon/suspend").json()["state"] == "SUSPENDED"
    target = {"tenantId": "epsilon", "eventId": event_id, "endpointId": made["endpointId"]}
    assert delivery.call("POST", "/operator/requeue", target).ok

    def waits() -> bool | None:
        return delivery_of(delivery, "epsilon", event_id).get("waitingFor") == {"S": "tenant suspended"} or None

    wait_for("the delivery to wait", waits, SETTLE_SECONDS)
    assert len(endpoint.received) == 1

    # When the suspension ends
    assert delivery.call("POST", "/operator/tenants/epsilon/activate").json()["state"] == "ACTIVE"

    arrived(endpoint, 2)


def test_what_an_operator_stopped_stays_stopped(alpha, delivery, endpoint):
    made = alpha.add_endpoint(endpoint.url())
    one = f"/operator/tenants/alpha/endpoints/{made['endpointId']}"
    assert delivery.call("POST", f"{one}/pause", {"reason": "looks wrong"}).ok

    refused = alpha.call("POST", f"/v1/endpoints/{made['endpointId']}/activate")
    assert (refused.status_code, refused.json()["error"]) == (409, "stopped_by_operator")
    assert alpha.ask("GET", f"/v1/endpoints/{made['endpointId']}")["stateReason"] == "looks wrong"
    event_id = alpha.send("invoice.paid")
    settled(alpha, event_id)
    assert delivery.call("GET", one).json()["waiting"] == 1

    assert delivery.call("POST", f"{one}/activate").json()["state"] == "ACTIVE"
    alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})


def test_operational_events_are_on_the_operators_bus(alpha, delivery, endpoint):
    # Given a rule of an operator's, with a queue as its target
    sqs, events = delivery.aws.client("sqs"), delivery.aws.client("events")
    name = delivery.outputs["operations_bus_arn"].rpartition("/")[2]
    queue = sqs.create_queue(QueueName=f"operations-{delivery.environment}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="told", EventBusName=name, EventPattern='{"source":["webhook.delivery"]}')
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    events.put_targets(Rule="told", EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    try:
        # When an endpoint is disabled
        endpoint.decide = lambda _: Fault(status=410)
        made = alpha.add_endpoint(endpoint.url())
        alpha.send("invoice.paid")
        found: dict[str, Any] = {}

        def told() -> dict[str, Any] | None:
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                event = json.loads(message["Body"])
                if event["detail"].get("endpointId") == made["endpointId"]:
                    found[event["detail-type"]] = event["detail"]
            return found if len(found) == 2 else None

        wait_for("both events", told, SETTLE_SECONDS)
    finally:
        events.remove_targets(Rule="told", EventBusName=name, Ids=["queue"])
        events.delete_rule(Name="told", EventBusName=name)
        sqs.delete_queue(QueueUrl=queue)

    # Then the bus has that, and what became of the delivery
    assert {kind: (detail["tenantId"], detail["reason"]) for kind, detail in found.items()} == {
        "webhook.endpoint.disabled": ("alpha", "answered 410"),
        "webhook.delivery.given_up": ("alpha", "status 410"),
    }


def test_the_same_idempotency_key_is_one_event(alpha, endpoint):
    alpha.add_endpoint(endpoint.url())
    body, key = b'{"type":"invoice.paid"}', {"Idempotency-Key": f"key-{time.time_ns()}"}

    first, again = (alpha.call("POST", "/v1/events", body, key) for _ in range(2))
    other_body = alpha.call("POST", "/v1/events", b'{"type":"invoice.void"}', key)

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert other_body.status_code == 409
    alpha.wait_for_deliveries(first.json()["eventId"], 1, SETTLE_SECONDS, states={"DELIVERED"})
    assert len(endpoint.received) == 1


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic YTpi", "Bearer whk_" + "A" * 43])
def test_without_a_good_token_nobody_gets_past_api_gateway(delivery, header):
    answer = delivery.get("/v1/events", {} if header is None else {"Authorization": header})

    assert answer.status_code == 401
    assert set(answer.json()) == {"error", "message", "correlationId"}


def test_a_revoked_token_is_good_for_nothing(delivery):
    # Given a token that nobody has used, so that no answer about it is kept
    tenant = delivery.make_tenant("gamma")
    (token,) = delivery.call("GET", "/operator/tenants/gamma/tokens").json()["tokens"]

    assert delivery.call("DELETE", f"/operator/tenants/gamma/tokens/{token['tokenId']}").ok

    assert tenant.call("GET", "/v1/events").status_code == 401


def test_a_token_does_what_it_is_for_and_a_portal_link_manages_its_tenants_endpoints(delivery, endpoint):
    tenant = delivery.make_tenant("delta")
    reader = delivery.call("POST", "/operator/tenants/delta/tokens", {"access": "read", "label": "für den Bericht"})
    links = [delivery.call("POST", "/operator/tenants/delta/portal-links").json()["url"] for _ in range(2)]
    read, (customer, unused) = (
        replace(tenant, token=reader.json()["token"]),
        (replace(tenant, token=link.partition("#token=")[2]) for link in links),
    )

    assert read.ask("GET", "/v1/token")["label"] == "für den Bericht"
    assert read.ask("GET", "/v1/endpoints")["endpoints"] == []
    assert read.call("POST", "/v1/endpoints", {"url": endpoint.url()}).status_code == 403

    assert links[0].startswith(f"{delivery.outputs['endpoint_url']}/portal#token=whp_")
    made = customer.add_endpoint(endpoint.url())
    assert customer.call("POST", "/v1/events", {"type": "invoice.paid"}).status_code == 403
    sent = customer.ask("POST", f"/v1/endpoints/{made['endpointId']}/test")["eventId"]
    customer.wait_for_deliveries(sent, 1, SETTLE_SECONDS, states={"DELIVERED"})

    # One that nobody has used, so that no answer about it is kept
    assert delivery.call("DELETE", "/operator/tenants/delta/portal-links").ok
    assert unused.call("GET", "/v1/token").status_code == 401
    customer.ask("DELETE", f"/v1/endpoints/{made['endpointId']}")


def test_in_the_portal_a_customer_sees_why_an_attempt_failed_sends_it_again_and_rotates_the_secret(
    delivery, alpha, endpoint
):
    # Given an endpoint that refused an event
    made = alpha.add_endpoint(endpoint.url(), retryWaits=[])
    endpoint.decide = lambda _: Fault(status=422)
    event_id = alpha.send("invoice.paid", {"note": "<script>alert(1)</script>"})
    alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DLQ"})
    patience = 60_000

    with launched() as browser:
        # When its customer opens a link that an operator made, then the failed attempt shows the endpoint's answer
        visit = Visit(browser, ignore_https_errors=True)
        page = visit.page
        visit.open(delivery.portal_link("alpha", expiresInMinutes=30))
        page.get_by_role("link", name="Deliveries").click()
        page.get_by_role("row").filter(has_text="DLQ").get_by_role("link", name=event_id).click(timeout=patience)
        page.get_by_role("button", name="Show", exact=True).click(timeout=patience)
        expect(page.get_by_role("table", name="Attempts")).to_contain_text("status 422")
        expect(page.get_by_label("Answer", exact=True)).to_contain_text('{"received": true}', timeout=patience)
        page.get_by_role("button", name="Show the payload").click()
        expect(page.get_by_label("Payload")).to_contain_text("<script>alert(1)</script>", timeout=patience)

        # When the endpoint is well again, then it gets the event that is sent again
        endpoint.decide = lambda _: Fault()
        page.locator("summary", has_text="Send again").click()
        page.get_by_role("form", name="Send again").get_by_role("button").click()
        expect(page.get_by_text("Sent again.")).to_be_visible(timeout=patience)
        expect(page.get_by_role("table", name="Deliveries")).to_contain_text("DELIVERED", timeout=patience)

        # When the secret is rotated, then the endpoint verifies with the new one alone
        page.get_by_role("table", name="Deliveries").get_by_role("link").click()
        page.locator("summary", has_text="Rotate the secret").click(timeout=patience)
        rotate = page.get_by_role("form", name="Rotate the secret")
        rotate.get_by_label("Hours").fill("0")
        rotate.get_by_role("button", name="Rotate").click()
        secret = page.get_by_label("The secret", exact=True).text_content(timeout=patience)
        page.locator("summary", has_text="Send a test event").click()
        page.get_by_role("form", name="Send a test event").get_by_role("button").click()
        expect(page.get_by_role("table", name="Attempts")).to_contain_text("delivered", timeout=patience)
        # A page that is left while it asks has requests that fail.
        assert [each for each in visit.complaints if not each.startswith("failed: ")] == []

    first, again, test = endpoint.received
    assert first.body == again.body
    assert Webhook(made["secret"]).verify(again.body, again.headers)["type"] == "invoice.paid"
    assert Webhook(secret).verify(test.body, test.headers)["type"] == "webhook.test"
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(test.body, test.headers)


def test_a_tenant_sees_nothing_of_another(alpha, beta, endpoint):
    made = alpha.add_endpoint(endpoint.url())
    event_id = alpha.send("invoice.paid")
    alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})
    foreign = [
        ("GET", f"/v1/events/{event_id}"),
        ("GET", f"/v1/events/{event_id}/attempts/{made['endpointId']}/1"),
        ("DELETE", f"/v1/events/{event_id}/payload"),
        ("POST", f"/v1/events/{event_id}/deliveries/{made['endpointId']}/resend"),
        ("GET", f"/v1/endpoints/{made['endpointId']}"),
        ("DELETE", f"/v1/endpoints/{made['endpointId']}"),
        ("POST", f"/v1/endpoints/{made['endpointId']}/test"),
    ]

    answers = [beta.call(method, path) for method, path in foreign]

    assert [answer.status_code for answer in answers] == [404] * len(foreign)
    assert len({answer.json()["error"] for answer in answers}) == 1
    assert alpha.ask("GET", foreign[1][1])["answer"]["body"] == '{"received": true}'
    assert beta.ask("GET", "/v1/events")["events"] == []
    assert beta.ask("GET", "/v1/endpoints")["endpoints"] == []


def test_a_kept_answer_of_the_authorizer_opens_no_route_of_operators(alpha, delivery):
    # Given that the authorizer's answer about this token is kept
    assert alpha.call("GET", "/v1/events").ok

    answer = alpha.call("POST", "/operator/tenants", {"tenantId": "mine", "name": "Mine"})

    assert answer.status_code == 403
    assert delivery.call("GET", "/operator/tenants/mine").status_code == 404


def test_operators_routes_are_closed_to_strangers(inbound, delivery):
    stranger = inbound.stranger()

    answer = delivery.call("GET", "/operator/tenants", operator=stranger)

    assert answer.status_code == 403
    assert delivery.call("GET", "/operator/tenants").status_code == 200


def test_an_operator_finds_a_delivery_tries_an_action_takes_it_and_is_recorded(
    inbound, alpha, endpoint, monkeypatch, capsys
):
    # Given deliveries of two tenants
    delivery = inbound.delivery
    gamma = delivery.make_tenant("gamma")
    made = [tenant.add_endpoint(endpoint.url())["endpointId"] for tenant in (alpha, gamma)]
    sent = [tenant.send("invoice.paid") for tenant in (alpha, gamma)]
    for tenant, event_id in zip((alpha, gamma), sent, strict=True):
        tenant.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})

    # When an operator lists what was delivered, with the command, then both are there
    monkeypatch.setattr(Target, "chosen", lambda: as_one_who_may(inbound, delivery.outputs["operator_policy_json"]))
    monkeypatch.setattr("sys.argv", ["make deliveries", "deliveries", "--state", "DELIVERED"])
    assert events.main() == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {("alpha", sent[0]), ("gamma", sent[1])} <= {(each["tenantId"], each["eventId"]) for each in found}
    (one,) = delivery.call("GET", f"/operator/deliveries?endpointId={made[1]}").json()["deliveries"]

    # When the operator tries an action, or somebody else takes it, then nothing changes
    shown = f"/operator/tenants/{one['tenantId']}/endpoints/{one['endpointId']}"
    tried = delivery.call("POST", f"{shown}/pause?dryRun=true", {"reason": "floods"})
    refused = delivery.call("POST", f"{shown}/pause", {"reason": "floods"}, operator=inbound.stranger())
    assert (tried.status_code, tried.json()["state"], refused.status_code) == (200, "ACTIVE", 403)
    assert delivery.call("GET", shown).json()["state"] == "ACTIVE"

    # When the operator takes it, then it is recorded, and only that
    assert delivery.call("POST", f"{shown}/pause", {"reason": "floods"}).json()["state"] == "PAUSED"
    route = "POST /operator/tenants/{tenantId}/endpoints/{endpointId}/pause"
    query = urlencode({"tenantId": "gamma", "action": route}, quote_via=quote)
    (entry,) = [
        each
        for each in delivery.call("GET", f"/operator/audit?{query}").json()["entries"]
        if each["asked"]["endpointId"] == made[1]
    ]
    assert (entry["reason"], entry["outcome"]) == ("floods", "done")
    assert ":user/" in entry["who"]
    assert delivery.call("GET", "/operator/audit", operator=inbound.stranger()).status_code == 403


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/.well-known/webhook-keys.json"])
def test_documents_and_keys_are_for_everybody(delivery, path):
    assert delivery.get(path).status_code == 200


def test_an_asymmetric_signature_verifies_with_the_public_key(alpha, delivery, endpoint):
    from base64 import b64decode

    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    # Given a signing key, and an endpoint that asks for such signatures
    assert delivery.call("POST", "/operator/signing-keys", {}).ok
    alpha.add_endpoint(endpoint.url(), asymmetric=True)

    alpha.send("invoice.paid")
    (request,) = arrived(endpoint)

    # Then one of the published keys verifies what was signed
    keys = delivery.get("/.well-known/webhook-keys.json").json()["keys"]
    signed = b".".join(
        [request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(), request.body]
    )
    signatures = [b64decode(each[4:]) for each in request.headers["webhook-signature"].split() if each[:4] == "v1a,"]
    raw = [b64decode(key["publicKey"].removeprefix("whpk_")) for key in keys]

    def verifies(key, signature):
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    assert any(verifies(key, signature) for key in raw for signature in signatures)


def test_an_inbound_webhook_becomes_an_event_of_the_tenant_that_subscribes(inbound, delivery, endpoint, number):
    # Given the subscription stripe -> acme of the settings
    acme = delivery.make_tenant("acme")
    made = acme.add_endpoint(endpoint.url())

    # When Stripe sends a webhook
    sent = webhook("stripe", number, inbound.secrets["stripe"], int(time.time()))
    inbound.post(sent).raise_for_status()

    # Then the tenant's endpoint gets it byte for byte, signed with the tenant's secret
    (request,) = arrived(endpoint)
    assert Webhook(made["secret"]).verify(request.body, request.headers)
    assert request.body.endswith(b'"data": ' + sent.body + b"}")
    assert json.loads(request.body)["source"]["provider"] == "stripe"
    assert request.headers["webhook-id"] in [each["eventId"] for each in acme.ask("GET", "/v1/events")["events"]]


def test_make_event_shows_one_timeline_from_receipt_to_the_last_attempt(inbound, endpoint, number, monkeypatch, capsys):
    # Given a webhook that became an event of a tenant, and was delivered
    inbound.delivery.make_tenant("acme").add_endpoint(endpoint.url())
    sent = webhook("stripe", number, inbound.secrets["stripe"], int(time.time()))
    inbound.post(sent).raise_for_status()
    (request,) = arrived(endpoint)
    (event,) = await_state(inbound, sent.transaction_id, "ROUTED")["events"]

    def shown(target):
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr("sys.argv", ["make event", "show", f"stripe:{event['eventId']}"])
        assert events.main() == 0
        out, err = capsys.readouterr()
        return json.loads(out), err

    # When whoever may read both halves looks at it, then every step is there
    policies = [stack.outputs["operator_policy_json"] for stack in (inbound, inbound.delivery)]
    both = as_one_who_may(inbound, *policies)

    def statuses(shown):
        return [one["status"] for each in shown["deliveryEvents"] for one in each["attempts"]]

    # An attempt may run out of time on a busy machine, and another one follows.
    wait_for("the attempt", lambda: 200 in statuses(shown(both)[0]) or None, SETTLE_SECONDS)
    whole, err = shown(both)
    (became,) = whole["deliveryEvents"]
    assert (became["tenantId"], became["eventId"], err) == ("acme", request.headers["webhook-id"], "")
    assert statuses(whole)[-1] == 200
    assert [one["step"] for one in whole["records"][0]["timeline"]] == ["routed", "recorded", "archived", "received"]

    # When somebody looks who may read the inbound half only, then that is there
    half, err = shown(as_one_who_may(inbound, policies[0]))
    assert half == {**whole, "deliveryEvents": [], "deliveryError": half["deliveryError"]}
    assert err == f"what became of it in delivery is not shown: {half['deliveryError']}\n"


def test_one_id_under_two_orders_is_one_event_inbound_and_for_the_tenant(inbound, delivery, endpoint, number):
    # Given the subscription generic -> acme of the settings
    acme = delivery.make_tenant("acme")
    acme.add_endpoint(endpoint.url(), eventTypes=["order.paid"])
    sender = SENDERS["generic"]
    signing = Signing(secret=inbound.secrets["generic"], now=int(time.time()), number=number)

    # When a sender uses one id for two orders
    for order in (f"order-{number}-1", f"order-{number}-2"):
        sent = webhook("generic", number, signing.secret, signing.now)
        body = json.dumps({"id": f"evt-of-two-{number}", "type": "order.paid", "transaction_id": order}).encode()
        sent = replace(sent, body=body, headers={**sent.headers, **sender.sign(body, signing)})
        answer = inbound.post(sent)
        correlation_id = answer.headers["X-Correlation-Id"]
        wait_for(
            "processing to see it",
            lambda of=correlation_id: next((line for line in log_lines(inbound, "processing") if of in line), None),
            SETTLE_SECONDS,
        )

    # Then it is routed once, the tenant gets it once, and the second one is told as a conflict
    (request,) = arrived(endpoint)
    assert json.loads(request.body)["data"]["transaction_id"] == f"order-{number}-1"
    steps = [step["step"] for step in inbound.status(f"order-{number}-1")["timeline"]]
    assert steps.count("routed") == steps.count("conflicting") == 1
    assert inbound.status(f"order-{number}-2") is None
    events = [event for event in acme.ask("GET", "/v1/events")["events"] if event["type"] == "order.paid"]
    assert len(events) == 1


def test_erasure_takes_the_payload_and_leaves_the_event(alpha, delivery):
    event_id = alpha.send("invoice.paid", {"name": "Jane Doe"})
    other_id = alpha.send("invoice.paid", {"name": "Jane Doe"})

    assert alpha.call("DELETE", f"/v1/events/{event_id}/payload").ok
    # Operators may not, but for those with the other policy.
    eraser = create_operator(
        delivery.aws, f"delivery-eraser-{delivery.environment}", delivery.outputs["erase_policy_json"]
    )
    erase = f"/operator/tenants/alpha/events/{other_id}/payload"
    assert delivery.call("DELETE", erase).status_code == 403
    assert delivery.call("DELETE", erase, operator=eraser).ok

    assert alpha.event(event_id)["erasedAt"]
    assert "Jane Doe" not in repr(table(delivery, "events_table_name"))


def test_a_replay_counts_first_and_then_sends_what_was_given_up(alpha, delivery, endpoint):
    # Given three events, after each of which the endpoint said that it is gone
    endpoint.decide = lambda _: Fault(status=410)
    made = alpha.add_endpoint(endpoint.url())
    events = []
    for number in range(3):
        events.append(alpha.send("invoice.paid", {"n": number}))
        alpha.wait_for_deliveries(events[-1], 1, SETTLE_SECONDS, states={"DLQ"})
        wait_for("the endpoint to be disabled", lambda: disabled(alpha, made), SETTLE_SECONDS)
        alpha.ask("POST", f"/v1/endpoints/{made['endpointId']}/activate")
    endpoint.decide = lambda _: Fault()
    replays, given_up = "/operator/tenants/alpha/replays", {"endpointId": made["endpointId"], "include": ["DLQ"]}

    # When
    counted = delivery.call("POST", replays, given_up).json()
    started = delivery.call("POST", replays, {**given_up, "dryRun": False}).json()

    # Then
    assert (counted["count"]["matched"], counted["replay"]) == (3, None)
    for event_id in events:
        alpha.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})
    done = finished(alpha, f"/v1/endpoints/{made['endpointId']}/replays/{started['replay']['replayId']}")
    assert (done["state"], done["sent"]) == ("DONE", 3)


def test_a_replay_sends_what_came_before_the_endpoint(alpha, delivery, endpoint):
    began = times.iso(time.time() - 1)
    event_id = alpha.send("before.it")
    fanned_out(delivery, "alpha", event_id)
    made = alpha.add_endpoint(endpoint.url(), eventTypes=["before.it"])
    replays, asked = f"/v1/endpoints/{made['endpointId']}/replays", {"eventTypes": ["before.it"], "from": began}

    counted = alpha.ask("POST", replays, asked)["count"]
    started = alpha.ask("POST", replays, {**asked, "dryRun": False})["replay"]
    # A replay is a minute behind, and comes last in a sweep, which takes long on a busy machine.
    alpha.wait_for_deliveries(event_id, 1, 3 * SETTLE_SECONDS, states={"DELIVERED"})

    assert counted["matched"] == len(arrived(endpoint)) == 1
    done = finished(alpha, f"{replays}/{started['replayId']}")
    assert (done["state"], done["sent"]) == ("DONE", 1)
    assert alpha.ask("GET", replays)["replays"] == [done]


def finished(tenant: TenantClient, replay: str) -> dict[str, Any]:
    """Return a replay once it has ended."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = tenant.ask("GET", replay)
        return None if found["state"] == "RUNNING" else found

    return wait_for("the replay to end", look, SETTLE_SECONDS)


def fanned_out(delivery: LocalDelivery, tenant_id: str, event_id: str) -> None:
    """Wait until an event has a delivery for each endpoint that there is."""
    key = {"event": {"S": f"{tenant_id}#{event_id}"}, "item": {"S": "event"}}

    def look() -> bool | None:
        item = delivery.aws.client("dynamodb").get_item(TableName=delivery.outputs["events_table_name"], Key=key)[
            "Item"
        ]
        return item["fannedOut"]["BOOL"] or None

    wait_for("the event to be fanned out", look, SETTLE_SECONDS)


def disabled(tenant: TenantClient, endpoint: dict[str, Any]) -> bool | None:
    """Tell whether the system disabled an endpoint; None where it has not."""
    return tenant.ask("GET", f"/v1/endpoints/{endpoint['endpointId']}")["state"] == "DISABLED" or None


def test_the_receiver_verifies_the_signatures_of_an_endpoint(alpha, delivery):
    made = alpha.add_endpoint(refused_url())
    now = datetime.now(UTC)
    body = '{"type":"invoice.paid"}'
    path = f"/receiver/alpha/{made['endpointId']}"

    def post(secret: str) -> int:
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign("msg_1", now, body),
        }
        return delivery.post(path, body.encode(), headers).status_code

    assert post(made["secret"]) == 200
    assert post("whsec_" + "A" * 32) == 401


def table(delivery: LocalDelivery, output: str) -> list[dict[str, Any]]:
    """Return every item of a table, in DynamoDB's wire form."""
    pages = delivery.aws.client("dynamodb").get_paginator("scan").paginate(TableName=delivery.outputs[output])
    return [item for page in pages for item in page["Items"]]


def delivery_of(delivery: LocalDelivery, tenant_id: str, event_id: str) -> dict[str, Any]:
    """Return the item of an event's only delivery."""
    items = [item for item in table(delivery, "events_table_name") if item["event"]["S"] == f"{tenant_id}#{event_id}"]
    (found,) = [item for item in items if item["item"]["S"].startswith("delivery#")]
    return found


def set_due(delivery: LocalDelivery, item: dict[str, Any]) -> None:
    """Have the due index look at an item now, as if its time had come."""
    delivery.aws.client("dynamodb").update_item(
        TableName=delivery.outputs["events_table_name"],
        Key={name: item[name] for name in ("event", "item")},
        UpdateExpression="SET dueAt = :now, nextAttemptAt = :now",
        ExpressionAttributeValues={":now": {"S": times.iso(time.time())}},
    )


def test_nothing_secret_is_logged_or_kept_in_plain(alpha, delivery):
    made = alpha.add_endpoint(refused_url(), headers={"X-Custom-Key": "sesame-open"})
    alpha.send("invoice.paid", {"card": "4242424242424242"})
    settled_log = delivery.aws.log()

    for secret in (alpha.token, made["secret"], "sesame-open", "4242424242424242"):
        assert secret not in settled_log
    # Of tokens only their digests are kept.
    assert alpha.token not in repr(table(delivery, "tenants_table_name"))


def exercise(inbound: LocalStack, delivery: LocalDelivery, endpoint: FaultyReceiver, number: int) -> None:
    """Have the functions do all that they are granted actions for."""
    acme = delivery.make_tenant("acme")
    inbound.post(webhook("stripe", number, inbound.secrets["stripe"], int(time.time()))).raise_for_status()
    wait_for("the inbound event", lambda: acme.ask("GET", "/v1/events")["events"] or None, SETTLE_SECONDS)
    assert delivery.call("POST", "/operator/signing-keys", {}).ok
    tenant = delivery.make_tenant("busy")
    missed = tenant.send("invoice.paid")
    fanned_out(delivery, "busy", missed)
    made = tenant.add_endpoint(endpoint.url(), asymmetric=True)
    place = f"/v1/endpoints/{made['endpointId']}"
    # Missed, replayed; delivered, sent once more, erased; given up, requeued; parked for an hour; paused and resumed.
    for path, asked in (("/operator/tenants/busy/replays", {}), (f"{place}/replays", {"dryRun": False})):
        caller = delivery if path.startswith("/operator") else tenant
        assert caller.call("POST", path, asked).ok
    tenant.wait_for_deliveries(missed, 1, SETTLE_SECONDS, states={"DELIVERED"})
    event_id = tenant.send("invoice.paid")
    tenant.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DELIVERED"})
    tenant.ask("POST", f"/v1/events/{event_id}/deliveries/{made['endpointId']}/resend")
    arrived(endpoint, 3)
    assert tenant.call("DELETE", f"/v1/events/{event_id}/payload").ok
    endpoint.decide = lambda _: Fault(status=410)
    event_id = tenant.send("invoice.paid")
    tenant.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"DLQ"})
    wait_for("the endpoint to be disabled", lambda: disabled(tenant, made), SETTLE_SECONDS)
    endpoint.decide = lambda _: Fault(status=503, retry_after="3600")
    tenant.ask("POST", f"{place}/activate")
    given_up = {"tenantId": "busy", "eventId": event_id, "endpointId": made["endpointId"]}
    assert delivery.call("POST", "/operator/requeue", given_up).ok
    tenant.wait_for_deliveries(event_id, 1, SETTLE_SECONDS, states={"FAILED"})
    tenant.ask("POST", f"{place}/pause")
    exercise_sweeps(delivery, tenant, made["endpointId"], event_id)
    tenant.ask("POST", f"{place}/rotate-secret", {})
    assert tenant.ask("GET", "/v1/events")["events"]
    assert tenant.ask("GET", "/v1/endpoints")["endpoints"]
    assert delivery.get("/.well-known/webhook-keys.json").ok
    assert delivery.post(f"/receiver/busy/{made['endpointId']}", b"{}", {}).status_code == 401
    # Stopped and activated by an operator; suspended and activated with its tenant.
    one = f"/operator/tenants/busy/endpoints/{made['endpointId']}"
    assert delivery.call("POST", f"{one}/pause", {"reason": "test"}).ok
    assert delivery.call("POST", f"{one}/activate").json()["waiting"] >= 0
    assert delivery.call("GET", "/operator/tenants/busy/endpoints").ok
    # A portal link, whose making forgets one that has expired.
    expired = {"id": f"token#{'0' * 64}", "tenantId": "busy#portal", "label": "", "createdAt": times.iso(0)}
    delivery.aws.client("dynamodb").put_item(
        TableName=delivery.outputs["tenants_table_name"], Item=to_item({**expired, "expiresAt": 3_600})
    )
    assert delivery.call("POST", "/operator/tenants/busy/portal-links").ok
    assert delivery.call("POST", "/operator/tenants/busy/suspend").ok
    assert delivery.call("POST", "/operator/tenants/busy/activate").ok
    tenant.ask("DELETE", place)


def exercise_sweeps(delivery: LocalDelivery, tenant: TenantClient, endpoint_id: str, event_id: str) -> None:
    """Have a delivery of a paused endpoint held up and released, and holds kept and forgotten, which takes hours."""
    dynamodb, name = delivery.aws.client("dynamodb"), delivery.outputs["events_table_name"]
    hold = {"event": {"S": f"busy#hold#{endpoint_id}"}, "item": {"S": "hold"}}

    def has_hold() -> bool:
        return "Item" in dynamodb.get_item(TableName=name, Key=hold)

    def released() -> bool:
        return delivery_of(delivery, "busy", event_id)["dueKey"]["S"].startswith("due#")

    for endpoint, touched in (("ep_quiet", 0.0), ("ep_touched", time.time())):
        dynamodb.put_item(TableName=name, Item=hold_to_item("busy", endpoint, touched))
    # The sweeper finds it, and the worker holds it up.
    set_due(delivery, delivery_of(delivery, "busy", event_id))
    wait_for("the delivery to be held up", lambda: (has_hold() and not released()) or None, SETTLE_SECONDS)
    # The worker releases it; the hold of an endpoint with nothing held up is forgotten an hour later.
    tenant.ask("POST", f"/v1/endpoints/{endpoint_id}/activate")
    wait_for("the delivery to be released", lambda: released() or None, SETTLE_SECONDS)

    def forgotten() -> bool:
        if not has_hold():
            return True
        # As if an hour had passed since the worker, which may still be at it, touched it.
        with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.update_item(
                TableName=name,
                Key=hold,
                UpdateExpression="SET touchedMs = :long_ago",
                ExpressionAttributeValues={":long_ago": {"N": "0"}},
                ConditionExpression="attribute_exists(touchedMs)",
            )
        tenant.ask("POST", f"/v1/endpoints/{endpoint_id}/activate")
        return False

    wait_for("the hold to be forgotten", lambda: forgotten() or None, SETTLE_SECONDS)


def hold_to_item(tenant_id: str, endpoint_id: str, touched: float) -> dict[str, Any]:
    """Return a hold that is due, in DynamoDB's wire form."""
    return to_item(
        {
            **hold_key(tenant_id, endpoint_id),
            "tenantId": tenant_id,
            "endpointId": endpoint_id,
            DUE_KEY: due_shard(tenant_id, endpoint_id),
            DUE_AT: times.iso(time.time()),
            "touchedMs": int(touched * 1_000),
        }
    )


def test_every_granted_action_is_called(inbound, delivery, endpoint, number, report):
    exercise(inbound, delivery, endpoint, number)
    used, unused = [], []
    for function in ("worker", "sweeper", "authorizer", "api", "operator", "docs", "receiver"):
        name = Names(delivery.environment, DELIVERY_PREFIX)(function)
        for action in sorted(callable_here(delivery.aws, name)):
            (used if was_called(delivery.aws, name, action) else unused).append(f"{function}: {action}")

    report(f"delivery permissions: {len(used)} granted actions, each seen called: {', '.join(used)}")
    assert unused == []


def test_a_second_plan_has_nothing_to_do(second_plan, report):
    explained, unexplained = emulator.split(second_plan)

    report(f"delivery: second plan: {len(explained)} alarms differ because MiniStack's XML leaves attributes out")
    assert unexplained == {}


def test_neither_plan_nor_state_holds_a_secret(alpha, delivery, second_plan):
    state, plan = delivery.workspace.run("state", "pull"), json.dumps(second_plan)

    assert alpha.token not in state + plan
    assert '"aws_secretsmanager_secret_version"' not in state


def test_destroy_leaves_nothing_of_what_still_waits(bundles, endpoint):
    del bundles
    with a_copy() as stack:
        # Given a delivery that is still waiting
        tenant = stack.delivery.make_tenant("alpha")
        tenant.add_endpoint(endpoint.url("/hook?status=503&retry-after=3600"))
        tenant.wait_for_deliveries(tenant.send("invoice.paid"), 1, SETTLE_SECONDS, states={"FAILED"})

        stack.delivery.workspace.destroy()
        stack.workspace.destroy()

        assert left_behind(stack.aws) == {}
