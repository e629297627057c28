"""A provider with a wrong secret at both doors: nothing is lost, nothing is routed twice, nothing of it leaks."""

import importlib
import io
import json
import sys
import time
from types import SimpleNamespace

import pytest

from lambdas.inbound.envelope import Envelope
from lambdas.inbound.quarantine import QUARANTINE_PREFIX
from lambdas.shared import times
from modules.settings.environments import build_settings
from tests.lambdas.support import (
    CrashError,
    Trap,
    api_gateway_event,
    ingestion_variables,
    lambda_context,
    new_secret,
)
from tests.lambdas.test_ingest_batch import (  # noqa: F401 (a fixture)
    CARD,
    ENTRIES,
    OTHER_SECRET,
    SECRET,
    batch,
    body_of,
    counted,
    failures,
    ingest_message,
)
from tests.unit.signers import sign
from tools.commands import requalify
from tools.commands.target_stack import NoTargetError, Target

MAX_BODY_BYTES = 100_000
DEPLOYED = {name: ENTRIES[name] for name in ("acme", "timed", "stripe")}
THEN = time.time() - 7_200


@pytest.fixture
def secret_arns(clients):
    """What is stored is not what providers sign with."""
    return {name: new_secret(clients, OTHER_SECRET) for name in DEPLOYED}


@pytest.fixture
def start(cold_start, world, secret_arns):
    """Return a function that starts ingestion, with a quarantine by default."""

    def start(door="direct_integration", per_hour="1000", **variables):
        quarantine = {"QUARANTINE_PER_HOUR": per_hour, "TABLE_NAME": world.name} if per_hour else {}
        known = ingestion_variables(world, DEPLOYED, secret_arns, MAX_BODY_BYTES)
        cold_start("ingestion", **(known | quarantine | variables))
        return importlib.import_module(f"lambdas.ingestion.{door}")

    return start


@pytest.fixture
def correct(clients, secret_arns):
    """Return a function that corrects the secret of a provider."""

    def correct(provider="acme"):
        clients.secretsmanager.put_secret_value(SecretId=secret_arns[provider], SecretString=SECRET)

    return correct


class Lambda:
    """Runs ingestion in this process, as Lambda would: JSON in, JSON out."""

    def __init__(self, module, seconds=30.0):
        self.module = module
        self.seconds = seconds
        self.asked = []

    def invoke(self, *, FunctionName, Payload):  # noqa: N803 (names of boto3)
        assert FunctionName == "webhook-ingestion-dev"
        event = json.loads(Payload)
        self.asked.append(event["requalify"])
        answer = json.loads(json.dumps(self.module.handler(event, lambda_context(self.seconds))))
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def run(world, monkeypatch, capfd):
    """Return a function that runs ``make requalify`` against a started ingestion."""

    def run(ingestion, *arguments, provider="acme", s3=None):
        clients = {"s3": s3 or world.clients.s3, "lambda": ingestion}
        target = SimpleNamespace(
            settings=build_settings("dev", {"providers": DEPLOYED}),
            client=clients.__getitem__,
            outputs={"bucket_name": world.name},
            entry_of=DEPLOYED.__getitem__,
        )
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr(sys, "argv", ["requalify", provider, *arguments])
        code = requalify.main()
        return code, capfd.readouterr().out

    return run


def quarantined(world):
    """Return the keys of what is in quarantine now."""
    listed = world.clients.s3.list_objects_v2(Bucket=world.name, Prefix=QUARANTINE_PREFIX)
    return [item["Key"] for item in listed.get("Contents", [])]


def processed(world):
    """Process what is on the main queue, and return how often each event was routed."""
    messages = world.queued()
    assert not world.process(messages).failures
    return world.routed_counts()


def request(event_id="evt_1", secret=SECRET, received_at=None, **more):
    """Return an HTTP request to the function door."""
    body = body_of(event_id)
    headers = {"Content-Type": "application/json", **sign("generic", body, secret, 0)}
    return api_gateway_event(
        path="/webhook/acme",
        path_parameters={"provider": "acme"},
        body=body,
        headers=headers,
        received_at=received_at or THEN,
        **more,
    )


# --- both doors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["direct_integration", "handler"])
def test_after_the_secret_is_corrected_every_event_is_routed_and_none_twice(start, world, correct, run, door):
    # Given an hour of webhooks, some sent again as their provider does, and forgeries among them
    module = start(door)
    sent = [(f"evt_{number % 25}", SECRET) for number in range(30)]
    sent += [(f"evt_{number}", "whsec_forged") for number in range(100, 110)]
    for at, (event_id, secret) in enumerate(sent):
        received = THEN + at * 100
        if door == "handler":
            answer = module.handler(request(event_id, secret, received), lambda_context())
            assert answer["statusCode"] == 401
        else:
            message = ingest_message(body_of(event_id), secret=secret, received_at=received)
            assert failures(module, batch(message)) == []
    assert len(quarantined(world)) == 40
    assert processed(world) == {}

    # When the secret is corrected, which this process has not seen yet
    correct()
    code, said = run(ingestion := Lambda(module))

    # Then what is proven went to the same pipeline, and the forgeries stay
    assert code == 0
    assert ["accepted", "30"] in [line.replace("│", " ").split() for line in said.splitlines()]
    assert len(quarantined(world)) == 10
    assert processed(world) == {f"evt_{number}": 1 for number in range(25)}
    received = [json.loads(message)["receivedAt"] for asked in ingestion.asked for message in asked["messages"]]
    assert received == sorted(received)

    # and doing it again does nothing
    assert run(Lambda(module))[0] == 0
    assert processed(world) == {f"evt_{number}": 1 for number in range(25)}


def test_the_age_of_a_signature_is_judged_at_receipt(start, world, correct, run):
    # Given a signature of two hours ago, with a window of five minutes
    module = start()
    failures(module, batch(ingest_message(provider="timed", received_at=THEN)))
    correct("timed")

    run(Lambda(module), provider="timed")

    assert len(world.queued()) == 1


def test_what_is_handed_over_is_as_it_was_received_and_says_that_it_was_requalified(start, world, correct, run):
    module = start()
    message = ingest_message(received_at=THEN)
    failures(module, batch(message))
    correct()
    before = time.time()

    run(Lambda(module))

    (handed,) = world.queued()
    envelope = Envelope.from_message(handed.body)
    assert envelope.body == body_of()
    assert envelope.correlation_id == json.loads(message)["correlationId"]
    assert abs(envelope.evidence.received_at - THEN) < 0.002
    assert before <= envelope.evidence.requalified_at <= time.time()
    assert envelope.evidence.verdict == "accepted"


def test_the_function_door_keeps_nothing_without_a_quarantine(start, world):
    module = start("handler", per_hour=None)

    assert module.handler(request(), lambda_context())["statusCode"] == 401

    assert world.objects() == []


def test_nothing_of_a_quarantined_webhook_or_a_secret_is_logged(start, world, correct, run, counted):  # noqa: F811
    module = start()
    failures(module, batch(ingest_message(received_at=THEN)))
    text, counts = counted()
    assert counts == {"Refused401": 1.0, "Refused": 1.0, "Quarantined": 1.0}
    correct()
    text += run(Lambda(module), "--dry-run")[1] + run(Lambda(module))[1]

    assert "webhooks requalified" in text
    for marker in (CARD, "4242424242424242", SECRET, OTHER_SECRET):
        assert marker not in text


def test_a_message_that_sqs_delivers_twice_is_kept_once(start, world):
    module = start()
    message = ingest_message(received_at=THEN)

    for _ in range(2):
        assert failures(module, batch(message)) == []

    assert len(world.objects(QUARANTINE_PREFIX)) == 1


# --- the allowance ----------------------------------------------------------------------------------------------------


def test_beyond_the_allowance_what_is_not_kept_is_counted_for_its_provider(start, world, capfd):
    module = start(per_hour="3")
    forged = [ingest_message(body_of(f"evt_{number}"), secret="whsec_forged") for number in range(5)]

    assert failures(module, batch(*forged)) == []

    assert len(quarantined(world)) == 3
    metrics = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"_aws"' in line]
    missed = [line for line in metrics if "NotQuarantined" in line]
    assert [(sum(line["NotQuarantined"]), line["provider"]) for line in missed] == [(2, "acme")]
    assert missed[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"], ["service", "provider"]]


def test_another_provider_and_the_records_do_not_notice_a_flood(start, world):
    module = start(per_hour="2")
    for number in range(4):
        failures(module, batch(ingest_message(body_of(f"evt_{number}"), secret="whsec_forged")))

    failures(module, batch(ingest_message(provider="stripe", secret="whsec_forged")))

    assert [key.split("/")[1] for key in quarantined(world)] == ["acme", "acme", "stripe"]


OUT_OF_REACH = "https://127.0.0.1:9"


@pytest.mark.parametrize("service", ["S3", "DYNAMODB"])
def test_what_should_be_kept_and_cannot_be_is_not_dropped(start, world, counted, service):  # noqa: F811
    module = start(**{f"AWS_ENDPOINT_URL_{service}": OUT_OF_REACH})

    assert failures(module, batch(ingest_message(secret="whsec_forged"))) == ["0"]

    assert counted()[1] == {"Refused503": 1.0, "Refused": 1.0}


# --- requalifying -----------------------------------------------------------------------------------------------------


def keep(module, *messages):
    assert failures(module, batch(*messages)) == []


def test_a_dry_run_changes_nothing(start, world, correct, run):
    module = start()
    keep(module, ingest_message(received_at=THEN), ingest_message(secret="whsec_forged", received_at=THEN))
    correct()

    code, said = run(Lambda(module), "--dry-run")

    assert code == 0
    assert "proven" in said
    assert "signature_mismatch" in said
    assert len(quarantined(world)) == 2
    assert world.queued() == []


def test_a_range_of_time_is_left_and_right_of_nothing_else(start, world, correct, run):
    module = start()
    first = 1_790_000_000
    keep(module, *(ingest_message(body_of(f"evt_{at}"), received_at=first + at) for at in range(5)))
    correct()

    run(Lambda(module), "--since", times.iso(first + 1), "--until", times.iso(first + 3))

    assert sorted(processed(world)) == ["evt_1", "evt_2"]
    assert len(quarantined(world)) == 3
    said = run(Lambda(module), "--since", times.iso(first + 5))
    assert said == (0, "nothing of acme is quarantined in this time\n")
    for none in ("yesterday", "20261201"):
        with pytest.raises(NoTargetError, match=f"SINCE: '{none}'"):
            run(Lambda(module), "--since", none)


def test_what_is_proven_and_not_acceptable_stays_and_is_told(start, world, correct, run):
    module = start()
    keep(module, ingest_message(body_of(filler="x" * MAX_BODY_BYTES)), ingest_message(b'{"no":"event"'))
    correct()

    code, said = run(Lambda(module))

    assert code == 1
    assert "payload_too_large" in said
    assert len(quarantined(world)) == 2


def test_while_the_secret_cannot_be_read_everything_stays(start, world, correct, run):
    module = start()
    keep(module, ingest_message())
    broken = start(AWS_ENDPOINT_URL_SECRETS_MANAGER=OUT_OF_REACH)

    code, said = run(Lambda(broken))

    assert (code, "secrets_unavailable" in said) == (1, True)
    assert len(quarantined(world)) == 1


def test_when_the_time_of_an_invocation_runs_out_the_next_one_goes_on(start, world, correct, run):
    module = start()
    keep(module, *(ingest_message(body_of(f"evt_{number}"), received_at=THEN + number) for number in range(5)))
    correct()
    ingestion = Lambda(module)
    # Each invocation has time for one webhook.
    left = iter([10_000, 4_000] * 10)
    handler = module.handler

    def hurried(event, context):
        context.get_remaining_time_in_millis = lambda: next(left)
        return handler(event, context)

    ingestion.module = SimpleNamespace(handler=hurried)

    assert run(ingestion)[0] == 0

    assert [len(asked["messages"]) for asked in ingestion.asked] == [5, 4, 3, 2, 1]
    assert processed(world) == {f"evt_{number}": 1 for number in range(5)}


def test_more_than_an_invocation_takes_comes_in_several(start, world, correct, run, monkeypatch):
    monkeypatch.setattr(requalify, "MAX_MESSAGES", 4)
    monkeypatch.setattr(requalify, "MAX_BYTES", 10_000)
    module = start()
    sizes = [10, 10, 10, 10, 10, 9_000, 9_000, 10]
    keep(
        module,
        *(
            ingest_message(body_of(f"evt_{at}", filler="x" * size), received_at=THEN + at)
            for at, size in enumerate(sizes)
        ),
    )
    correct()

    run(ingestion := Lambda(module))

    assert [len(asked["messages"]) for asked in ingestion.asked] == [4, 1, 1, 1, 1]
    assert quarantined(world) == []


@pytest.fixture
def two_at_a_time(monkeypatch):
    monkeypatch.setattr(requalify, "MAX_MESSAGES", 2)


CRASHES = [
    (point, passes) for point in ("before invoke", "after invoke", "before delete", "after delete") for passes in (1, 2)
]


@pytest.mark.usefixtures("two_at_a_time")
@pytest.mark.parametrize("crash", CRASHES, ids=str)
def test_a_kill_at_any_point_loses_nothing_and_routes_nothing_twice(start, world, correct, run, crash):
    module = start()
    keep(module, *(ingest_message(body_of(f"evt_{number}"), received_at=THEN + number) for number in range(4)))
    correct()
    trap = Trap(*crash)
    s3, ingestion = world.clients.s3, Lambda(module)

    class Trapped:
        def __getattr__(self, name):
            return getattr(s3, name)

        def delete_object(self, **more):
            return trap.around("delete", lambda: s3.delete_object(**more))

    invoke = ingestion.invoke
    ingestion.invoke = lambda **more: trap.around("invoke", lambda: invoke(**more))

    with pytest.raises(CrashError):
        run(ingestion, s3=Trapped())
    # What was handed over before the kill may be routed by now
    processed(world)

    assert run(Lambda(module))[0] == 0

    assert processed(world) == {f"evt_{number}": 1 for number in range(4)}
    assert quarantined(world) == []


def test_no_request_reaches_what_requalifies(start, world, correct):
    # Given what an event would have to say, in all that a sender chooses
    module = start("handler")
    asked = {"requalify": {"messages": [ingest_message()], "dryRun": False}}
    event = api_gateway_event(
        path="/webhook/acme",
        path_parameters={"provider": "acme"},
        body=json.dumps(asked),
        headers={"requalify": json.dumps(asked)},
        query={"requalify": json.dumps(asked)},
    )
    correct()

    assert module.handler(event, lambda_context())["statusCode"] == 401

    assert world.queued() == []
