"""Ingestion behind the ingest queue: the result of each message, and that only unfinished messages are delivered again.

The partial batch response decides what SQS deletes: an empty list deletes the batch.
Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import base64
import importlib
import json
import time
import uuid
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from lambdas.inbound.envelope import Envelope
from modules.constructs.ingest_template import send_message
from tests.lambdas.support import CrashError, api_gateway_event, ingestion_variables, lambda_context, new_secret
from tests.lambdas.support import message as as_message
from tests.unit.signers import sign
from tools.local.mapping_template import render

SECRET = "whsec_c2VjcmV0LW1hcmtlci1zZWNyZXQtbWFya2Vy"
OTHER_SECRET = "whsec_b3RoZXItbWFya2VyLW90aGVyLW1hcmtlcg=="
CARD = "PAYLOAD-MARKER-4242424242424242"
MAX_BODY_BYTES = 4_000
ENTRIES = {
    "acme": "generic",
    "stripe": "stripe",
    "timed": "generic-timestamped",
    "fresh": "generic",
    "filled": "generic",
    "rotated": "generic",
    "adyen": "adyen",
    "braintree": "braintree",
}


@pytest.fixture(scope="module")
def secret_arns(clients):
    """A secret for each name; ``fresh`` has no value, and ``filled`` gets one late."""

    return dict.fromkeys(["acme", "stripe", "timed"], new_secret(clients, json.dumps({"secrets": [SECRET]}))) | {
        "fresh": new_secret(clients),
        "filled": new_secret(clients),
        "rotated": new_secret(clients),
        "adyen": new_secret(clients, "ab" * 32),
        "braintree": new_secret(clients, "public:private"),
    }


@pytest.fixture
def start(cold_start, world, secret_arns):
    def start(**variables):
        cold_start("ingestion", **(ingestion_variables(world, ENTRIES, secret_arns, MAX_BODY_BYTES) | variables))
        return importlib.import_module("lambdas.ingestion.direct_integration")

    return start


def body_of(event_id="evt_1", **more):
    return json.dumps(
        {"id": event_id, "type": "payment.succeeded", "transaction_id": "tx_1", "card": CARD, **more}
    ).encode()


def ingest_message(body=None, *, provider="acme", secret=SECRET, received_at=None, signed_at=None, headers=None):
    """Return a message of the ingest queue as API Gateway writes it, signed by default."""
    body = body_of() if body is None else body
    now = time.time() if received_at is None else received_at
    signed = sign(ENTRIES.get(provider, "generic"), body, secret, int(now if signed_at is None else signed_at))
    return written(body, provider, {"Content-Type": "application/json", **signed, **(headers or {})}, now)


def written(body, provider, headers, now):
    """Return the message of any request."""
    rendered = render(
        send_message(provider),
        body=base64.b64encode(body).decode("ascii"),
        headers=headers,
        context={"requestId": f"request-{uuid.uuid4().hex}", "requestTimeEpoch": int(now * 1000)},
    )
    return parse_qs(rendered.text)["MessageBody"][0]


def batch(*bodies):
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def failures(module, event):
    answer = json.loads(json.dumps(module.handler(event, lambda_context())))
    assert set(answer) == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def queued(world):
    return [Envelope.from_message(one.body) for one in world.queued()]


@pytest.fixture
def counted(capfd):
    """Return a function that returns all that was printed, and what was counted."""

    def read():
        out, err = capfd.readouterr()
        lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        counts = {}
        for line in lines:
            for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"] if "_aws" in line else ():
                counts[metric["Name"]] = counts.get(metric["Name"], 0) + sum(line[metric["Name"]])
        return out + err, counts

    return read


def test_a_verified_request_is_on_the_main_queue_with_its_exact_bytes(start, world, counted):
    body = b'\xef\xbb\xbf{"id":"evt_1","transaction_id":"tx_1","type":"payment.succeeded"}\r\n\n'
    message = ingest_message(body, received_at=(now := time.time()))

    assert failures(start(), batch(message)) == []

    (envelope,) = queued(world)
    assert envelope.body == body
    assert envelope.correlation_id == json.loads(message)["correlationId"]
    assert envelope.content_type == "application/json"
    assert abs(envelope.evidence.received_at - now) < 0.002
    assert counted()[1] == {"Accepted": 1.0}


def unsigned(body, provider):
    """Return the message of a request with no signature, where one would be in its body."""
    return written(body, provider, {}, time.time())


UNREADABLE = b'{"card":"' + CARD.encode() + b'"'
TOO_LARGE = "x" * MAX_BODY_BYTES
DROPPED = {
    "forged": (lambda: ingest_message(secret=OTHER_SECRET), 401),
    "not signed": (lambda: ingest_message(headers={"X-Webhook-Signature": ""}), 401),
    "without a body, as anybody can send it": (lambda: ingest_message(b"", secret=OTHER_SECRET), 401),
    "signed long before it came": (lambda: ingest_message(provider="timed", signed_at=time.time() - 3_600), 401),
    "forged, and no event": (lambda: ingest_message(UNREADABLE, secret=OTHER_SECRET), 401),
    "forged, and too large": (lambda: ingest_message(body_of(filler=TOO_LARGE), secret=OTHER_SECRET), 401),
    "unreadable where its signature would be": (lambda: unsigned(UNREADABLE, "adyen"), 401),
    "no form where its signature would be": (lambda: unsigned(UNREADABLE, "braintree"), 401),
    "of a provider that is not deployed": (lambda: ingest_message(provider="nobody"), 404),
    "of no provider": (lambda: ingest_message(provider=""), 404),
}


@pytest.mark.parametrize("case", DROPPED.values(), ids=DROPPED)
def test_what_is_refused_for_good_is_dropped_and_counted(start, world, counted, case):
    make, status = case

    assert failures(start(), batch(make())) == []

    assert queued(world) == []
    assert world.objects() == []
    text, counts = counted()
    assert counts.pop("Refused", 0) == (status != 404)
    assert counts == {f"Refused{status}": 1.0}
    assert "webhook dropped" in text
    assert "4242424242424242" not in text
    assert SECRET not in text


SIGNED = {
    "no event": (lambda: ingest_message(UNREADABLE), 400),
    "too large": (lambda: ingest_message(body_of(filler=TOO_LARGE)), 413),
}


@pytest.mark.parametrize("case", SIGNED.values(), ids=SIGNED)
def test_a_signed_request_that_cannot_be_accepted_is_returned_to_the_queue_and_counted(start, world, counted, case):
    make, status = case

    assert failures(start(), batch(ingest_message(), make())) == ["1"]

    assert [one.event.event_id for one in queued(world)] == ["evt_1"]
    text, counts = counted()
    assert counts == {"Accepted": 1.0, f"Refused{status}": 1.0, "Refused": 1.0}
    assert "webhook returned to the queue" in text
    assert "4242424242424242" not in text


def test_a_larger_limit_lets_in_what_came_back(start, world):
    message = ingest_message(body_of(filler=TOO_LARGE))
    assert failures(start(), batch(message)) == ["0"]

    assert failures(start(MAX_BODY_BYTES=str(2 * MAX_BODY_BYTES)), batch(message)) == []

    assert len(queued(world)) == 1


def test_a_signature_ages_against_the_time_of_receipt_and_not_of_verification(start, world):
    # Given a request that was signed and received two hours ago, and waited since
    then = time.time() - 7_200

    assert failures(start(), batch(ingest_message(provider="timed", received_at=then))) == []

    (envelope,) = queued(world)
    assert abs(envelope.evidence.received_at - then) < 0.002


OUTAGES = {
    "the secret is empty": ({}, {"provider": "fresh"}, "Refused503"),
    "Secrets Manager out of reach": ({"AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://127.0.0.1:9"}, {}, "Refused503"),
    "the main queue out of reach": ({"AWS_ENDPOINT_URL_SQS": "https://127.0.0.1:9"}, {}, "Refused503"),
}


@pytest.mark.parametrize("case", OUTAGES.values(), ids=OUTAGES)
def test_a_request_that_cannot_be_checked_or_kept_is_returned_to_the_queue(start, world, counted, case):
    variables, changes, metric = case

    assert failures(start(**variables), batch(ingest_message(**changes))) == ["0"]

    assert queued(world) == []
    text, counts = counted()
    assert counts == {metric: 1.0, "Refused": 1.0}
    assert "4242424242424242" not in text


def test_what_waited_for_its_secret_is_accepted_once_that_is_filled(start, world, clients, secret_arns):
    module = start()
    store = importlib.import_module("lambdas.ingestion.ingest_batch")._ingestion.secrets
    message = ingest_message(provider="filled")
    assert failures(module, batch(message)) == ["0"]
    clients.secretsmanager.put_secret_value(SecretId=secret_arns["filled"], SecretString=SECRET)

    # In the same process, which knows of no value yet, and looks again after five seconds
    store._clock = lambda: time.monotonic() + 5
    assert failures(module, batch(message)) == []

    assert [one.event.provider for one in queued(world)] == ["filled"]


@pytest.mark.parametrize("case", [(4.9, 0), (5.0, 1)], ids=["younger", "older"])
def test_a_wrong_signature_is_checked_against_a_secret_of_five_seconds_at_most(
    start, world, clients, secret_arns, case
):
    age, accepted = case
    # Given a secret that was read, and rotated since
    module = start()
    store = importlib.import_module("lambdas.ingestion.ingest_batch")._ingestion.secrets
    store._clock = lambda: 0.0
    clients.secretsmanager.put_secret_value(SecretId=secret_arns["rotated"], SecretString=SECRET)
    assert failures(module, batch(ingest_message(body_of("evt_old"), provider="rotated"))) == []
    clients.secretsmanager.put_secret_value(SecretId=secret_arns["rotated"], SecretString=OTHER_SECRET)

    # When a message comes that the new one has signed
    store._clock = lambda: age
    assert failures(module, batch(ingest_message(provider="rotated", secret=OTHER_SECRET))) == []

    # Then it is accepted, but for the seconds in which forgeries cost no look-up
    assert [one.event.event_id for one in queued(world)] == ["evt_old"] + ["evt_1"] * accepted


def test_a_message_that_fails_leaves_its_neighbours_alone(start, world, counted):
    good = [ingest_message(body_of(f"evt_{number}")) for number in range(4)]
    bad = ["not an ingest message", "{}"]
    mixed = batch(good[0], bad[0], good[1], bad[1], good[2], ingest_message(secret=OTHER_SECRET), good[3])

    assert failures(start(), mixed) == ["1", "3"]

    assert [one.event.event_id for one in queued(world)] == ["evt_0", "evt_1", "evt_2", "evt_3"]
    assert counted()[1] == {"Accepted": 4.0, "Refused500": 2.0, "Refused401": 1.0, "Refused": 1.0}


def test_a_batch_counts_its_providers_each_in_a_line_of_its_own(start, capfd):
    of_both = [ingest_message(body_of(f"evt_{number}"), provider=("acme", "timed")[number % 2]) for number in range(3)]

    assert failures(start(), batch(*of_both, ingest_message(secret=OTHER_SECRET))) == []

    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if "_aws" in line]
    names = ("provider", "reason", "Accepted", "Refused", "Refused401")
    assert [tuple(line.get(name) for name in names) for line in lines] == [
        ("acme", None, [2], None, None),
        ("timed", None, [1], None, None),
        (None, None, None, None, [1]),
        ("acme", "signature_mismatch", None, [1], None),
    ]


def test_all_that_is_done_names_nothing(start):
    assert failures(start(), batch()) == []
    assert failures(start(), batch(ingest_message())) == []


def test_a_crash_between_sending_and_deleting_ends_as_one_record(start, world, monkeypatch):
    # Given a function that is killed after the main queue has the event, and before it answers
    module = start()
    settle = importlib.import_module("lambdas.ingestion.ingest_batch")
    message = ingest_message()
    with monkeypatch.context() as dying:

        def crash(*_, **__):
            raise CrashError("after sending")

        dying.setattr(settle, "report_accepted", crash)
        with pytest.raises(CrashError):
            module.handler(batch(message), lambda_context())

    # When SQS delivers the request again
    assert failures(module, batch(message)) == []

    # Then the main queue has the event twice, and processing makes one record of it, and routes it once
    messages = world.queued()
    assert len(messages) == 2
    outcome = world.process([as_message(one.body, one.message_id) for one in messages])
    assert not outcome.failures
    assert list(world.states().values()) == ["ROUTED"]
    assert world.routed_counts() == {"evt_1": 1}


def test_without_time_left_all_but_the_first_message_are_returned_to_the_queue(start, world):
    left = iter([10_000, 6_000, 4_000, 3_000])
    context = lambda_context()
    clock = SimpleNamespace(**vars(context) | {"get_remaining_time_in_millis": lambda: next(left)})
    messages = [ingest_message(body_of(f"evt_{number}")) for number in range(4)]

    answer = start().handler(batch(*messages), clock)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]}
    assert [one.event.event_id for one in queued(world)] == ["evt_0", "evt_1"]


def test_a_challenge_by_http_finds_its_provider_in_the_path(start):
    event = api_gateway_event(
        path="/base/webhook/acme", path_parameters=None, headers={}, body="", base64_encoded=False
    )
    # Behind a domain of one's own, the path begins with what is mapped.
    event |= {"httpMethod": "GET", "resource": "/webhook/acme"}

    answer = start().handler(event, lambda_context())

    # Its provider asks none, so that the refusal tells which it was taken for.
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (404, "no_challenge")
