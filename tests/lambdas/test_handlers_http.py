"""The HTTP endpoints as API Gateway calls them: status, body and headers of every answer, and what is never logged."""

import base64
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from lambdas.inbound.envelope import Envelope
from lambdas.shared import times
from tests.lambdas.support import (
    NOW,
    Unreliable,
    World,
    api_gateway_event,
    aws_error,
    envelope,
    event,
    ingestion_variables,
    lambda_context,
    message,
    new_secret,
    payload_of,
    raising,
)
from tests.unit.signers import sign
from tools.local.stack import status_path

MAX_BODY_BYTES = 300_000
# Unmistakable, so that no line of any log can hold them by chance.
SECRET = "whsec_c2VjcmV0LW1hcmtlci1zZWNyZXQtbWFya2Vy"
OTHER_SECRET = "whsec_b3RoZXItbWFya2VyLW90aGVyLW1hcmtlcg=="
CARD = "PAYLOAD-MARKER-4242424242424242"
HEADER = "HEADER-MARKER-authorization"
PAYLOAD = {"id": "evt_1", "type": "payment.succeeded", "transaction_id": "tx_1", "card": CARD}
BODY = json.dumps(PAYLOAD).encode()
MARKERS = (SECRET, SECRET.removeprefix("whsec_"), OTHER_SECRET, "4242424242424242", "HEADER-MARKER")


# --- ingestion ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secret_arns(clients):
    """A secret for each name; ``fresh`` has no value yet, and nothing can be made of that of ``broken``."""

    return dict.fromkeys(["acme", "stripe", "timed"], new_secret(clients, json.dumps({"secrets": [SECRET]}))) | {
        "fresh": new_secret(clients),
        "broken": new_secret(clients, json.dumps({"secret": SECRET})),
    }


ENTRIES = {
    "acme": "generic",
    "stripe": "stripe",
    "timed": "generic-timestamped",
    "fresh": "generic",
    "broken": "generic",
}


@pytest.fixture
def start_ingestion(cold_start, world, secret_arns):
    return lambda **variables: cold_start("ingestion", **(variables_of(world, secret_arns) | variables))


@pytest.fixture(scope="module")
def untouched_world(clients):
    """One world for all tests whose requests are refused and leave nothing in it."""
    return World.build(clients)


@pytest.fixture(scope="module")
def refusing_ingestion(warm_start, untouched_world, secret_arns):
    return warm_start("ingestion", **variables_of(untouched_world, secret_arns))


def variables_of(world, secret_arns):
    return ingestion_variables(world, ENTRIES, secret_arns, MAX_BODY_BYTES)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A webhook as a sender sends it; signed by default."""

    provider: str | None = "acme"
    body: bytes = BODY
    secret: str = SECRET
    signed: bool = True
    signed_at: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw_body: str | None = None
    base64_encoded: bool = False
    by_header: bool = False

    def signature(self) -> dict[str, str]:
        scheme = ENTRIES.get(self.provider, "generic")
        signed_at = int(time.time()) if self.signed_at is None else self.signed_at
        return sign(scheme, self.body, self.secret, signed_at) if self.signed else {}

    def to_event(self, request_id: str | None = None) -> dict:
        headers = {"Content-Type": "application/json", "Authorization": HEADER, **self.signature(), **self.headers}
        encoded = base64.b64encode(self.body).decode() if self.base64_encoded else self.body
        provider = None if self.by_header or self.provider is None else {"provider": self.provider}
        if self.by_header:
            headers["X-Provider-Id"] = self.provider
        return api_gateway_event(
            path="/webhook" if provider is None else f"/webhook/{self.provider}",
            path_parameters=provider,
            headers=headers,
            body=encoded if self.raw_body is None else self.raw_body,
            base64_encoded=self.base64_encoded,
            request_id=request_id,
        )


def post(module, event_):
    """Return status, headers and body of the answer, which goes through JSON on its way to API Gateway."""
    answer = json.loads(json.dumps(module.handler(event_, lambda_context())))
    assert set(answer) == {"statusCode", "headers", "body"}
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])


@pytest.fixture
def printed(capfd, caplog):
    """Return a function that returns all that was printed or logged, by whatever logger, and the function's lines."""

    def read():
        out, err = capfd.readouterr()
        lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return out + err + caplog.text, [line for line in lines if "message" in line]

    return read


def leaks_of(text, *requests):
    """Return what must not stand in a log and does."""
    bodies = [base64.b64encode(one.body).decode() for one in requests if one.body]
    signatures = [value for one in requests for value in one.signature().values() if len(value) > 20]
    return [marker for marker in (*MARKERS, *bodies, *signatures) if marker in text]


ACCEPTED = {
    "by path": Request(),
    "by header": Request(by_header=True),
    "as base64": Request(base64_encoded=True),
    "with bytes that are no text": Request(
        body=b'\xef\xbb\xbf{"id":"evt_1","transaction_id":"tx_1","type":"payment.succeeded","card":"'
        + CARD.encode()
        + b'"}',
        base64_encoded=True,
    ),
    "of a scheme with a signed time": Request(provider="timed"),
    "of Stripe": Request(
        provider="stripe",
        body=json.dumps(
            {"id": "evt_1", "type": "payment.succeeded", "data": {"object": {"id": "tx_1", "card": CARD}}}
        ).encode(),
    ),
    "too large for a message": Request(body=json.dumps({**PAYLOAD, "filler": "x" * 250_000}).encode()),
    "as large as may be": Request(body=json.dumps(PAYLOAD).encode().ljust(MAX_BODY_BYTES)),
}


@pytest.mark.parametrize("request_", ACCEPTED.values(), ids=ACCEPTED)
def test_an_accepted_webhook_is_durable_and_followed_by_one_id(start_ingestion, world, printed, request_):
    # Given a deployed provider
    ingestion = start_ingestion()

    # When a webhook that it signed comes in
    request_id = str(uuid.uuid4())
    status, headers, body = post(ingestion, request_.to_event(request_id))

    # Then the sender receives 202 with the ids that it may ask for, and no time to retry
    assert status == 202
    assert body == {"eventId": "evt_1", "transactionId": "tx_1", "correlationId": request_id}
    assert headers == {"Content-Type": "application/json", "X-Correlation-Id": request_id}

    # And the message on the queue holds the exact bytes, or says where they lie, under the same id
    [queued] = [Envelope.from_message(one.body) for one in world.queued()]
    kept = dict(world.objects("raw/"))
    assert (queued.body if queued.archived is None else kept[queued.archived.key]) == request_.body
    assert (queued.correlation_id, queued.event.provider) == (request_id, request_.provider)

    # And so does the one line of the log, which holds nothing of payload, headers or secret
    text, [line] = printed()
    assert (line["message"], line["correlation_id"], line["event_id"]) == ("webhook accepted", request_id, "evt_1")
    assert leaks_of(text, request_) == []


def test_the_correlation_id_follows_the_event_to_its_subscribers(start_ingestion, world):
    # Given an accepted webhook
    request_id = str(uuid.uuid4())
    assert post(start_ingestion(), Request().to_event(request_id))[0] == 202

    # When processing has its message
    assert world.process(world.queued()).failures == {}

    # Then record and routed event carry the id of the HTTP request
    [record] = world.all_records()
    [routed] = world.routed()
    assert (record["correlationId"], routed["detail"]["correlationId"]) == (request_id, request_id)
    assert world.payloads() == [BODY]


def test_the_time_of_receipt_is_api_gateways(start_ingestion, world):
    # Given a webhook that API Gateway received some time before the function ran
    event_ = Request().to_event()
    event_["requestContext"]["requestTimeEpoch"] = int((NOW - 2.5) * 1000)

    # When it is accepted, then its message says when that was
    assert post(start_ingestion(), event_)[0] == 202
    [queued] = world.queued()
    assert Envelope.from_message(queued.body).received_at == times.iso(NOW - 2.5)


def two_signatures(event_):
    """Repeat the signature header, as a proxy on the way may do."""
    values = event_["multiValueHeaders"]["X-Webhook-Signature"]
    event_["multiValueHeaders"]["X-Webhook-Signature"] = values * 2
    return event_


LARGE = json.dumps({**PAYLOAD, "filler": "x" * 250_000}).encode()
STALE = int(time.time()) - 3600

# What comes in, and the status and reason with which it is refused.
REFUSED = {
    "an unknown provider": (Request(provider="nobody"), 404, "unknown_provider"),
    "no provider": (Request(provider=None), 404, "unknown_provider"),
    "an unknown provider by header": (Request(provider="nobody", by_header=True), 404, "unknown_provider"),
    "a provider's name in capitals": (Request(provider="ACME"), 404, "unknown_provider"),
    "no signature": (Request(signed=False), 401, "missing_signature_header"),
    "an empty signature": (Request(headers={"X-Webhook-Signature": ""}), 401, "missing_signature_header"),
    "another's signature": (Request(secret=OTHER_SECRET), 401, "signature_mismatch"),
    "a signature that is not ASCII": (Request(headers={"X-Webhook-Signature": "é" * 64}), 401, "signature_mismatch"),
    "an endless signature": (
        Request(headers={"X-Webhook-Signature": "a" * 5000}),
        401,
        "signature_header_too_long",
    ),
    "a signature over other bytes": (Request(raw_body=BODY.decode() + " "), 401, "signature_mismatch"),
    "a signature of an hour ago": (
        Request(provider="timed", signed_at=STALE),
        401,
        "timestamp_outside_window",
    ),
    "a Stripe signature of an hour ago": (
        Request(provider="stripe", signed_at=STALE),
        401,
        "timestamp_outside_window",
    ),
    "a body over the limit": (Request(body=BODY.ljust(MAX_BODY_BYTES + 1)), 413, "payload_too_large"),
    "a body over the limit, unsigned": (
        Request(body=BODY.ljust(MAX_BODY_BYTES + 1), signed=False),
        413,
        "payload_too_large",
    ),
    "not base64": (Request(raw_body=f"%%{CARD}", base64_encoded=True), 400, "body_not_base64"),
    "an empty body": (Request(body=b""), 400, "body_not_json"),
    "a body that is not JSON": (Request(body=f"card={CARD}".encode()), 400, "body_not_json"),
    "a body that is an array": (Request(body=f'["{CARD}"]'.encode()), 400, "body_not_json_object"),
    "a key twice": (Request(body=f'{{"id":"{CARD}","id":"evt_1"}}'.encode()), 400, "body_not_json"),
    "no event id": (
        Request(provider="stripe", body=json.dumps({"type": "x", "card": CARD}).encode()),
        400,
        "no_event_id",
    ),
    "a secret without a value": (Request(provider="fresh"), 503, "secret_missing"),
    "a secret of which nothing can be made": (Request(provider="broken"), 503, "secret_unusable"),
}


def assert_refused(world, printed, answer, *, request_id, status, reason, sent):
    """Check answer, log and queue of a refusal, and return the line of the log."""
    retry = {"Retry-After": "5"} if status >= 500 else {}
    assert answer == (
        status,
        {"Content-Type": "application/json", "X-Correlation-Id": request_id, **retry},
        {"error": reason, "correlationId": request_id},
    )
    text, [line] = printed()
    assert (line["correlation_id"], line["status"]) == (request_id, status)
    assert leaks_of(text, sent) == []
    assert world.queued() == []
    return line


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_refusal_says_why_and_nothing_else(refusing_ingestion, untouched_world, printed, case):
    # Given a deployed provider
    world, (sent, status, reason) = untouched_world, case

    # When something comes in that cannot be accepted
    request_id = str(uuid.uuid4())
    answer = post(refusing_ingestion, sent.to_event(request_id))

    # Then the sender receives the status and a code; the log has both, and nothing is kept
    line = assert_refused(world, printed, answer, request_id=request_id, status=status, reason=reason, sent=sent)
    assert (line["message"], line["reason"]) == ("webhook refused", reason)
    assert world.objects() == []


def test_a_repeated_signature_header_is_refused(start_ingestion, world, printed):
    # Given a request in which the signature stands twice, when it comes in, then it is refused
    request_id = str(uuid.uuid4())
    answer = post(start_ingestion(), two_signatures(Request().to_event(request_id)))
    reason = "repeated_signature_header"
    assert_refused(world, printed, answer, request_id=request_id, status=401, reason=reason, sent=Request())


def without_permission(local_aws):
    """Return the credentials of a user who may do nothing."""
    iam = local_aws.client("iam")
    name = f"nobody-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


# What fails in AWS, and what the sender of a good webhook receives.
OUTAGES = {
    "no permission to read the secret": (without_permission, Request(), "secrets_unavailable"),
    "Secrets Manager out of reach": (
        lambda *_: {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://127.0.0.1:9"},
        Request(),
        "secrets_unavailable",
    ),
    "the queue gone": (
        lambda aws: {"QUEUE_URL": f"{aws.url}/000000000000/gone"},
        Request(),
        "not_durable",
    ),
    "the bucket gone": (lambda *_: {"BUCKET_NAME": f"gone-{uuid.uuid4().hex}"}, Request(body=LARGE), "not_durable"),
}


@pytest.mark.parametrize("case", OUTAGES.values(), ids=OUTAGES)
def test_what_cannot_be_checked_or_kept_is_asked_for_again(start_ingestion, world, local_aws, printed, case):
    # Given something of AWS that is out of order
    broken, sent, reason = case
    ingestion = start_ingestion(**broken(local_aws))

    # When a good webhook comes in
    request_id = str(uuid.uuid4())
    answer = post(ingestion, sent.to_event(request_id))

    # Then the sender is asked to come again
    line = assert_refused(world, printed, answer, request_id=request_id, status=503, reason=reason, sent=sent)
    assert (line["message"], line["reason"]) == ("webhook refused", reason)


class Exploding:
    """Ingestion with a fault in it, whose message quotes all that must not be logged.

    Simulated because no way is known in which the real one fails unexpectedly.
    """

    def accept(self, name, request, correlation_id):
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(f"cannot make sense of {request.body!r} from {request.headers!r}") from error


def test_an_unexpected_failure_has_a_response_and_a_log_without_what_it_quotes(start_ingestion, world, printed):
    # Given a fault in the function
    ingestion = start_ingestion()
    ingestion.INGESTION = Exploding()

    # When a webhook comes in
    request_id = str(uuid.uuid4())
    answer = post(ingestion, Request().to_event(request_id))

    # Then the sender is asked to come again, and the log names the kind of the failure and its place alone
    reason = "internal_error"
    line = assert_refused(world, printed, answer, request_id=request_id, status=500, reason=reason, sent=Request())
    assert line["message"] == "webhook failed"
    assert "ValueError" in json.dumps(line)
    assert "test_handlers_http.py" in json.dumps(line)


def test_an_event_that_api_gateway_never_sends_has_a_response_too(start_ingestion, world, printed):
    # Given an event without the time of receipt, when it comes in, then it ends as an internal error
    event_ = Request().to_event(request_id := str(uuid.uuid4()))
    del event_["requestContext"]["requestTimeEpoch"]
    answer = post(start_ingestion(), event_)
    reason = "internal_error"
    assert_refused(world, printed, answer, request_id=request_id, status=500, reason=reason, sent=Request())


def test_a_response_never_contains_what_a_log_must_not(start_ingestion):
    # Given a function that answers all kinds of requests
    ingestion = start_ingestion()
    requests = [*ACCEPTED.values(), *(request_ for request_, *_ in REFUSED.values())]

    # When they come in, one after the other, to the same process
    answers = [ingestion.handler(one.to_event(), lambda_context()) for one in requests]

    # Then no answer holds anything of payload or secret
    assert leaks_of(json.dumps(answers), *requests) == []
    assert [answer["statusCode"] for answer in answers] == [202] * len(ACCEPTED) + [
        status for _, status, _ in REFUSED.values()
    ]


def test_one_request_leaves_nothing_behind_in_the_log_of_the_next(start_ingestion, printed):
    # Given a warm function that accepted a webhook
    ingestion = start_ingestion()
    assert post(ingestion, Request().to_event("request-1"))[0] == 202

    # When another one is refused before its provider is known
    bad = Request(raw_body="%%", base64_encoded=True)
    assert post(ingestion, bad.to_event("request-2"))[0] == 400

    # Then its line carries its own id, and nothing of the first one's
    _, [first, second] = printed()
    assert (first["correlation_id"], first["provider"]) == ("request-1", "acme")
    assert second["correlation_id"] == "request-2"
    assert {"provider", "event_id", "event_type"} & set(second) == set()


def metrics_in(text):
    """Return what CloudWatch makes of the printed lines: metric and dimensions, without the function's, to its sum."""
    counted = Counter()
    for line in map(json.loads, text.splitlines()):
        for block in line["_aws"]["CloudWatchMetrics"] if "_aws" in line else ():
            for names in block["Dimensions"]:
                assert names[0] == "service"
                for metric in block["Metrics"]:
                    counted[metric["Name"], *(line[name] for name in names[1:])] += sum(line[metric["Name"]])
    return counted


def test_ingestion_counts_what_it_accepts_by_provider(start_ingestion, capfd):
    # Given a function, when it accepts two webhooks of a provider, and one of another
    ingestion = start_ingestion()
    post(ingestion, Request().to_event())
    post(ingestion, Request(body=BODY.replace(b"evt_1", b"evt_2")).to_event())
    post(ingestion, Request(provider="timed").to_event())

    # Then there is a metric of all, and one of each
    assert metrics_in(capfd.readouterr().out) == {("Accepted",): 3, ("Accepted", "acme"): 2, ("Accepted", "timed"): 1}


def test_ingestion_counts_what_it_refuses_by_provider_and_reason(start_ingestion, capfd):
    # Given a function, when it refuses two webhooks of a provider, and one of a name that somebody made up
    ingestion = start_ingestion()
    post(ingestion, Request(secret=OTHER_SECRET).to_event())
    post(ingestion, Request(signed=False).to_event())
    post(ingestion, Request(provider="made-up").to_event())

    # Then only deployed names are dimensions
    assert metrics_in(capfd.readouterr().out) == {
        ("Refused401",): 2,
        ("Refused404",): 1,
        ("Refused",): 2,
        ("Refused", "acme"): 2,
        ("Refused", "acme", "signature_mismatch"): 1,
        ("Refused", "acme", "missing_signature_header"): 1,
    }


def test_ingestion_counts_what_fails_by_provider_too(start_ingestion, capfd, monkeypatch):
    ingestion = start_ingestion()
    monkeypatch.setattr(type(ingestion.INGESTION), "accept", lambda *_: 1 / 0)

    post(ingestion, Request().to_event())

    assert metrics_in(capfd.readouterr().out) == {
        ("Refused500",): 1,
        ("Refused",): 1,
        ("Refused", "acme"): 1,
        ("Refused", "acme", "internal_error"): 1,
    }


# --- status ---------------------------------------------------------------------------------------------------------


def getter(module):
    """Return a function that asks a status function for a transaction."""

    def get(transaction_id, request_id=None, **query):
        parameters = None if transaction_id is None else {"transactionId": transaction_id}
        answer = module.handler(
            api_gateway_event(
                method="GET",
                path=f"/status/{transaction_id}",
                path_parameters=parameters,
                query=query or None,
                request_id=request_id,
            ),
            lambda_context(),
        )
        assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return answer["statusCode"], json.loads(answer["body"])

    return get


@pytest.fixture
def status_of(cold_start, world):
    return getter(cold_start("status", TABLE_NAME=world.name))


@pytest.fixture(scope="module")
def status_without_table(warm_start):
    """A status function that fails as soon as it asks its table."""
    return getter(warm_start("status", TABLE_NAME="gone"))


def test_the_status_of_a_transaction_tells_its_events_and_their_timeline(status_of, world):
    # Given a transaction with an event that was routed, one that the bus refuses, and another transaction
    refused = Unreliable(world.clients.events, "put_events", "evt_2", raising(aws_error("Throttled", "PutEvents")))
    assert world.process([message(envelope(event("evt_1")))]).failures == {}
    world.clock.now += 10
    failed = world.process([message(envelope(event("evt_2")))], bus=type(world.bus)(refused, world.name, world.name))
    assert len(failed.failures) == 1
    assert world.process([message(envelope(event("evt_3", "tx_2")))]).failures == {}

    # When its status is asked for
    status, body = status_of("tx_1")

    # Then it is being processed, and each event says where it stands and where its payload lies
    assert status == 200
    assert (body["transactionId"], body["state"], body["next"]) == ("tx_1", "PROCESSING", None)
    events = {one["eventId"]: one for one in body["events"]}
    assert set(events) == {"evt_1", "evt_2"}
    assert events["evt_1"] == {
        "provider": "acme",
        "eventId": "evt_1",
        "eventType": "payment.succeeded",
        "state": "ROUTED",
        "occurredAt": times.iso(NOW - 60),
        "receivedAt": times.iso(NOW - 5),
        "correlationId": "correlation-evt_1",
        "scheme": "generic-sha256",
        "archive": {
            **events["evt_1"]["archive"],
            "key": world.record(event("evt_1"))["archive"]["key"],
            "size": len(payload_of("evt_1")),
        },
    }
    assert events["evt_2"]["lastFailure"]["reason"] == "PutEvents: Throttled"

    # And the timeline is one over both, the newest first
    assert [(one["step"], one["eventId"]) for one in body["timeline"] if one["at"] >= times.iso(NOW)] == [
        ("recorded", "evt_2"),
        ("archived", "evt_2"),
        ("routed", "evt_1"),
        ("recorded", "evt_1"),
        ("archived", "evt_1"),
    ]
    assert {one["eventId"] for one in body["timeline"] if one["step"] == "received"} == {"evt_1", "evt_2"}


def test_an_unknown_transaction_is_not_found(status_of, world):
    # Given a known transaction, when another is asked for, then it is not found
    assert world.process([message(envelope())]).failures == {}
    assert status_of("tx_2") == (404, {"error": "no event of this transaction is known"})
    assert status_of("tx") == (404, {"error": "no event of this transaction is known"})


IMPOSSIBLE_IDS = {
    "none": None,
    "empty": "",
    "blank": " ",
    "with a blank": "tx 1",
    "with a line end": "tx_1\n",
    "with a NUL": "tx\0",
    "not ASCII": "tx_é",
    "digits of another script": "\u0661\u0662",
    "longer than any": "x" * 257,
    "emoji": "\U0001f4b3",
    "half a character": "\ud83d",
}


@pytest.mark.parametrize("transaction_id", IMPOSSIBLE_IDS.values(), ids=IMPOSSIBLE_IDS)
def test_an_id_that_cannot_be_one_is_refused_unseen(status_without_table, transaction_id):
    # Given an id that no transaction can have, when its status is asked for, then the answer says so
    status, body = status_without_table(transaction_id)
    assert status == 400
    assert body["error"].startswith("transactionId: ")


@pytest.mark.parametrize("transaction_id", ["a/b", "..", "%2F", "*", "x" * 256, "sha256:0", '"'])
def test_a_strange_id_that_can_be_one_is_looked_up(status_of, world, transaction_id):
    # Given a transaction with a strange id, when its status is asked for, then it is found
    assert world.process([message(envelope(event("evt_1", transaction_id)))]).failures == {}
    status, body = status_of(transaction_id)
    assert (status, body["transactionId"], body["state"]) == (200, transaction_id, "ROUTED")


STRANGE_IDS = ["order/2026/1", "..", ".", "/", "//", "%2F", "a?b=c#d", "a;b|c{d}", "~", "~b3JkZXI", "+", "x" * 256]


@pytest.mark.parametrize("transaction_id", STRANGE_IDS)
def test_an_id_that_no_path_can_carry_is_found_by_its_base64url(status_of, world, transaction_id):
    # Given a transaction whose id would be cut, decoded or resolved on the way here
    assert world.process([message(envelope(event("evt_1", transaction_id)))]).failures == {}

    # When it is asked for in letters, digits, hyphens and underscores behind a tilde
    part = status_path(transaction_id).removeprefix("/status/")
    assert re.fullmatch("~[A-Za-z0-9_-]+|x{256}", part)
    status, body = status_of(part)

    # Then it is found under its own id
    assert (status, body["transactionId"], body["state"]) == (200, transaction_id, "ROUTED")


@pytest.mark.parametrize(
    "part", ["~", "~a", "~a.b", "~YS9i=", "~YS 9i", "~YS9i\n", "~/", "~\u00e9", "~w6k", "~AA", "~IA"], ids=repr
)
def test_what_is_no_id_behind_a_tilde_is_refused_unseen(status_without_table, part):
    status, body = status_without_table(part)
    assert status == 400
    assert body["error"].startswith("transactionId: ")


BAD_PARAMETERS = {
    "limit 0": ({"limit": "0"}, "limit"),
    "limit 201": ({"limit": "201"}, "limit"),
    "limit -1": ({"limit": "-1"}, "limit"),
    "limit 1.5": ({"limit": "1.5"}, "limit"),
    "limit 1_0": ({"limit": "1_0"}, "limit"),
    "limit of another script": ({"limit": "\u0661"}, "limit"),
    "limit empty": ({"limit": ""}, "limit"),
    "limit endless": ({"limit": "9" * 5000}, "limit"),
    "cursor empty": ({"next": ""}, "next"),
    "cursor not base64": ({"next": "%%%"}, "next"),
    "cursor not ASCII": ({"next": "é"}, "next"),
    "cursor not JSON": ({"next": "WzA"}, "next"),
    "cursor of two parts": ({"next": base64.urlsafe_b64encode(b'["a","b"]').decode()}, "next"),
    "cursor with a fraction": ({"next": base64.urlsafe_b64encode(b'["a","b",1.5]').decode()}, "next"),
    "cursor of events not JSON": ({"nextEvents": "WzA"}, "nextEvents"),
    "cursor of events of another kind": ({"nextEvents": "MQ"}, "nextEvents"),
    "cursor nested": ({"next": base64.urlsafe_b64encode(b"[" * 50_000).decode()}, "next"),
}


@pytest.mark.parametrize(("query", "named"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_a_parameter_that_makes_no_sense_is_refused_and_named(status_without_table, query, named):
    # Given a senseless parameter, when the status of a transaction is asked for with it, then the answer names it
    status, body = status_without_table("tx_1", **query)
    assert status == 400
    assert body["error"].startswith(f"{named}: ")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_paging_covers_the_timeline_once_in_order(status_of, world, limit):
    # Given a transaction of five events, in batches with the clock standing still, so that many entries share a time
    for numbers in ((1, 2, 3), (4, 5)):
        batch = [message(envelope(event(f"evt_{number}"))) for number in numbers]
        assert world.process(batch).failures == {}
        world.clock.now += 1
    expected = {(f"evt_{number}", step) for number in range(1, 6) for step in world.steps(event(f"evt_{number}"))}

    # When an operator follows the cursor to its end
    found, query, pages = [], {}, 0
    while pages == 0 or query:
        status, body = status_of("tx_1", limit=str(limit), **query)
        assert (status, body["state"], len(body["events"])) == (200, "ROUTED", 5)
        assert len(body["timeline"]) <= limit
        found += body["timeline"]
        query = {"next": body["next"]} if body["next"] else {}
        pages += 1
        assert pages <= len(expected), "the cursor does not come to an end"

    # Then every entry was there once, the newest first
    assert sorted((one["eventId"], one["step"]) for one in found) == sorted(expected)
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    assert pages == -(-len(expected) // limit)


def test_events_continue_behind_their_cursor(status_of, world):
    # Given a transaction of three events
    batch = [message(envelope(event(f"evt_{number}"))) for number in (1, 2, 3)]
    assert world.process(batch).failures == {}

    # When an operator asks for those behind the second one, then there is the last one, and the whole timeline
    place = [event("evt_2").occurred_at or "-", f"{event('evt_2').key} -"]
    cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
    status, body = status_of("tx_1", nextEvents=cursor)
    assert (status, [one["eventId"] for one in body["events"]], body["nextEvents"]) == (200, ["evt_1"], None)
    assert {one["eventId"] for one in body["timeline"]} == {"evt_1", "evt_2", "evt_3"}


def test_a_transaction_larger_than_one_query_is_whole(status_of, world):
    # Given a transaction whose records are more than the megabyte that one Query returns
    filler = "x" * 100_000
    for number in range(15):
        of = event(f"evt_{number:02}")
        assert world.process([message(envelope(of, correlation_id=filler))]).failures == {}

    # When its status is asked for, then every event is there
    status, body = status_of("tx_1", limit="200")
    assert status == 200
    assert {one["eventId"] for one in body["events"]} == {f"evt_{number:02}" for number in range(15)}
    assert {one["eventId"] for one in body["timeline"]} == {f"evt_{number:02}" for number in range(15)}


def test_a_dead_lettered_event_says_so(status_of, world):
    # Given a transaction with a routed event and one that was given up
    assert world.process([message(envelope(event("evt_1")))]).failures == {}
    world.records.mark_dead_lettered(
        envelope(event("evt_2")), "message_1", times.iso(NOW), "dead-letter/acme/message_1.json", "bus down"
    )

    # When its status is asked for, then it needs somebody, and says where the message lies and why
    status, body = status_of("tx_1")
    assert (status, body["state"]) == (200, "DEAD_LETTERED")
    [given_up] = [one for one in body["events"] if one["state"] == "DEAD_LETTERED"]
    assert given_up["deadLetter"] == "dead-letter/acme/message_1.json"
    assert given_up["lastFailure"]["reason"] == "bus down"


def test_an_event_that_could_not_be_recorded_yet_is_shown_with_its_failure(status_of, world):
    # Given an event of which there is nothing but the note of a failure
    s3 = Unreliable(world.clients.s3, "put_object", "evt_1", raising(aws_error("SlowDown", "PutObject")))
    outcome = world.process([message(envelope())], archive=type(world.archive)(s3, world.name))
    assert len(outcome.failures) == 1

    # When the status of its transaction is asked for
    status, body = status_of("tx_1")

    # Then it is being processed, and the answer says which event it is and what is wrong
    assert (status, body["state"], body["timeline"]) == (200, "PROCESSING", [])
    assert [one["lastFailure"]["reason"] for one in body["events"]] == ["PutObject: SlowDown"]
    assert [one.get("eventId") for one in body["events"]] == ["evt_1"]


def test_status_logs_nothing_of_a_payload(status_of, world, printed):
    # Given a transaction whose payload cannot be mistaken
    assert world.process([message(envelope(body=BODY))]).failures == {}

    # When its status is asked for
    status, body = status_of("tx_1")

    # Then neither the answer nor the log holds anything of it
    assert status == 200
    text, _ = printed()
    assert leaks_of(json.dumps(body) + text, Request()) == []
