"""``make smoke``: what it sends, what it makes of what it finds, and what is left of it."""

import hashlib
import io
import json
import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
import requests
from botocore.exceptions import ClientError

from lambdas.inbound.archive import key_part
from lambdas.inbound.event import read_events
from lambdas.inbound.evidence import Evidence
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import SignatureRefusedError
from lambdas.shared.request import WebhookRequest
from modules.constructs.bundling import FUNCTIONS
from modules.settings.environments import build_settings
from tools.commands.target_stack import NoTargetError, Target
from tools.senders import SENDERS, Signing
from tools.smoke import __main__ as smoke
from tools.smoke import surroundings, trial
from tools.smoke.own_queue import MarkedQueue
from tools.smoke.trial import MARK

NOW = 1_790_000_000
MARKED = {"detail": {"transactionId": [{"prefix": MARK}]}}
TOPIC = "arn:aws:sns:us-east-1:1:webhook-alarms-dev"
LOGS = [
    *(f"/aws/lambda/webhook-{name.replace('_', '-')}-dev" for name in FUNCTIONS),
    "/aws/apigateway/webhook-api-dev",
    "API-Gateway-Execution-Logs_abc/v1",
]


def refusal(code, operation="Call"):
    return ClientError({"Error": {"Code": code, "Message": "its words"}}, operation)


@dataclass
class World:
    """A deployed stack of a few providers, as a caller sees it: what is sent is verified, recorded and archived."""

    providers: dict[str, str] = field(default_factory=lambda: {"stripe": "stripe"})
    direct: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    posted: list = field(default_factory=list)
    statuses: dict[str, dict] = field(default_factory=dict)
    objects: dict[str, tuple] = field(default_factory=dict)
    messages: list = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    alarms: dict[str, str] = field(default_factory=lambda: {"webhook-errors-dev": "OK"})
    retention: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(LOGS, 7))
    # What a test has go wrong: a step to what it does instead, or an operation to its refusal.
    wrong: dict = field(default_factory=dict)

    def __post_init__(self):
        self.secrets = {name: SENDERS[entry].new_secret() for name, entry in self.providers.items() if entry in SENDERS}
        api = {"ingest": "direct", "max_body_bytes": 180_000} if self.direct else {}
        self.target = Target(
            settings=build_settings("dev", {"providers": self.providers, "api": api}),
            base_url="https://abc.example",
            outputs={
                "endpoint_url": "https://abc.execute-api.us-east-1.amazonaws.com/v1",
                "secret_arns": {name: name for name in self.secrets},
                "bucket_name": "archive",
                "bus_arn": "arn:aws:events:us-east-1:1:event-bus/webhook-events-dev",
                "alarm_topic_arn": TOPIC,
            },
            client=lambda _: self,
            verify=True,
            signing_secrets={},
        )

    # --- what providers and operators call

    def post(self, base_url, outputs, verify, webhook):
        self.posted.append(webhook)
        if len(webhook.body) > 262_144:
            return SimpleNamespace(status_code=self.wrong.get("too large", 413), text="")
        entry = REGISTRY[self.providers[webhook.provider]]
        headers = {name.lower(): [value] for name, value in webhook.headers.items()}
        request = WebhookRequest(body=webhook.body, headers=headers, received_at=self.now)
        try:
            verdict = entry.scheme.verify(request, [self.secrets[webhook.provider]])
        except SignatureRefusedError:
            if "forged is accepted" not in self.wrong:
                return SimpleNamespace(status_code=entry.response.status if self.direct else 401, text="")
            verdict = SimpleNamespace(scheme="", key_id="", headers={})
        if webhook.headers["Content-Type"] in self.wrong.get("refused types", ()):
            return SimpleNamespace(status_code=415, text="")
        (event,) = read_events(webhook.provider, entry, request)
        self.arrive(webhook, event, verdict)
        return SimpleNamespace(status_code=entry.response.status, text="{}")

    def arrive(self, webhook, event, verdict):
        evidence = Evidence(
            entry=self.providers[webhook.provider],
            scheme=verdict.scheme,
            key_id=verdict.key_id,
            headers=verdict.headers,
            received_at=self.now,
        )
        body = self.wrong.get("archived body", webhook.body)
        key = f"raw/{webhook.provider}/{key_part(event.event_id)}/{hashlib.sha256(body).hexdigest()}"
        self.objects[key] = body, self.wrong.get("metadata", evidence.to_metadata())
        state = self.wrong.get("state", "ROUTED")
        self.statuses[event.transaction_id] = {"state": state, "events": [{"archive": {"key": key}}]}
        source = self.wrong.get("source", f"webhooks.{webhook.provider}")
        self.messages.append({"source": source, "detail": {"transactionId": event.transaction_id}})

    def status(self, transaction_id):
        if error := self.wrong.get("status"):
            raise error
        return self.statuses.get(transaction_id)

    # --- what AWS answers

    def get_secret_value(self, **asked):
        self.refuse("GetSecretValue")
        return {"SecretString": self.secrets[asked["SecretId"]]}

    def get_object(self, **asked):
        body, metadata = self.objects[asked["Key"]]
        return {"Body": io.BytesIO(body), "Metadata": metadata}

    def get_paginator(self, operation):
        def paginate(**asked):
            self.refuse(operation)
            if operation == "describe_alarms":
                actions = [TOPIC]
                others = [{"AlarmName": "webhook-other-eu-dev", "StateValue": "ALARM", "AlarmActions": ["another"]}]
                mine = [{"AlarmName": a, "StateValue": s, "AlarmActions": actions} for a, s in self.alarms.items()]
                return [{"MetricAlarms": mine + others}]
            groups = [
                (name, days) for name, days in self.retention.items() if name.startswith(asked["logGroupNamePrefix"])
            ]
            return [{"logGroups": [{"logGroupName": n} | ({"retentionInDays": d} if d else {}) for n, d in groups]}]

        return SimpleNamespace(paginate=paginate)

    exceptions = SimpleNamespace(QueueDeletedRecently=type("QueueDeletedRecently", (ClientError,), {}))

    def refuse(self, operation):
        if code := self.wrong.get(operation):
            raise refusal(code, operation)

    def create_queue(self, **asked):
        self.made.append(f"queue {asked['QueueName']}")
        return {"QueueUrl": asked["QueueName"]}

    def put_rule(self, **asked):
        self.refuse("PutRule")
        assert json.loads(asked["EventPattern"]) == MARKED
        self.made.append(f"rule {asked['EventBusName']}/{asked['Name']}")

    def put_targets(self, **asked):
        self.refuse("PutTargets")
        self.made.append(f"target of {asked['Rule']}")
        return {"FailedEntryCount": 0}

    def remove_targets(self, **asked):
        self.made = [each for each in self.made if each != f"target of {asked['Rule']}"]

    def delete_rule(self, **asked):
        self.refuse("DeleteRule")
        if (rule := f"rule {asked['EventBusName']}/{asked['Name']}") not in self.made:
            raise refusal("ResourceNotFoundException", "DeleteRule")
        # EventBridge removes no rule that has targets.
        assert f"target of {asked['Name']}" not in self.made
        self.made.remove(rule)

    def get_queue_url(self, **asked):
        if f"queue {asked['QueueName']}" not in self.made:
            raise refusal("AWS.SimpleQueueService.NonExistentQueue", "GetQueueUrl")
        return {"QueueUrl": asked["QueueName"]}

    def delete_queue(self, **asked):
        self.made.remove(f"queue {asked['QueueUrl']}")

    def receive_message(self, **_):
        taken, self.messages = self.messages, []
        return {"Messages": [{"Body": json.dumps(each)} for each in taken]} if taken else {}


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command on a world; return its exit code and what it printed."""

    def go(world, *names):
        world.now = NOW
        monkeypatch.setattr(trial.time, "time", lambda: NOW)
        monkeypatch.setattr(trial, "post_webhook", world.post)
        monkeypatch.setattr(surroundings, "post_webhook", world.post)
        monkeypatch.setattr(Target, "status", lambda _, transaction: world.status(transaction))
        monkeypatch.setattr(Target, "chosen", lambda: world.target)
        # Whatever has not come at the first look, never will.
        monkeypatch.setattr(smoke, "SETTLE_SECONDS", -1)
        monkeypatch.setattr(smoke, "RULE_SECONDS", 0)
        monkeypatch.setattr("sys.argv", ["smoke", *(["--providers", *names] if names else [])])
        code = smoke.main()
        printed = " ".join(capsys.readouterr().out.split())
        assert [each for each in world.secrets.values() if each and each in printed] == []
        return code, printed

    return go


def test_a_stack_in_order_is_found_in_order_and_nothing_is_left(run):
    world = World()

    code, printed = run(world)

    assert (code, world.made) == (0, [])
    assert "│ stripe │ ok │ ok │ ok │ ok │ ok │ ok │" in printed
    assert "0 failed" in printed


@pytest.mark.parametrize(("entry", "event"), [(e, event) for e, sender in SENDERS.items() for event in sender.events])
def test_every_event_can_be_marked_where_its_receiver_looks(entry, event):
    sender, secret = SENDERS[entry], SENDERS[entry].new_secret()
    signing = Signing(secret=secret, now=NOW, number=1_234_566, options=sender.options, mark=MARK)
    plain = sender.webhook(replace(signing, mark=""), event=event)

    sent = sender.webhook(signing, event=event)

    request = WebhookRequest(
        body=sent.body, headers={name.lower(): [value] for name, value in sent.headers.items()}, received_at=NOW
    )
    provider = REGISTRY[entry].configured(sender.options)
    assert provider.scheme.verify(request, [sender.kept(secret)])
    assert [each.transaction_id for each in read_events(entry, provider, request)] == [MARK + plain.transaction_id]
    assert sent.transaction_id == MARK + plain.transaction_id


def test_what_is_sent_is_marked_the_forged_one_too_and_that_comes_first(run):
    world = World()

    run(world)

    assert [MARK in webhook.transaction_id for webhook in world.posted] == [True, True]
    assert [webhook.transaction_id in world.statuses for webhook in world.posted] == [False, True]


WRONG = {
    "a forged one is taken": ({"forged is accepted": True}, "stripe: forged: answered 202 instead of 401"),
    "it is refused": ({"refused types": ["application/json"]}, "stripe: answer: answered 415 '' instead of 202"),
    "it is a dead letter": ({"state": "DEAD_LETTERED"}, "stripe: status: its state is DEAD_LETTERED"),
    "other bytes are archived": ({"archived body": b"{}"}, "stripe: archive: what was sent is not in raw/stripe/"),
    "there is no evidence": ({"metadata": {}}, "stripe: evidence: no evidence"),
    "another source": ({"source": "webhooks.github"}, "stripe: bus: its source is webhooks.github"),
    "the secret may not be read": (
        {"GetSecretValue": "AccessDenied"},
        "stripe: answer: it was not sent: GetSecretValue: AccessDenied; the output smoke_policy_json allows it",
    ),
    "the status may not be read": (
        {"status": requests.HTTPError(response=SimpleNamespace(status_code=403))},
        "stripe: answer: it was not sent: answered 403",
    ),
    "alarms may not be listed": ({"describe_alarms": "AccessDenied"}, "no alarm is on: describe_alarms: AccessDenied"),
    "the bus takes no rule": (
        {"PutRule": "LimitExceeded"},
        "the bus takes a rule with a queue: PutRule: LimitExceeded",
    ),
    "the rule takes no target": ({"PutTargets": "No"}, "the bus takes a rule with a queue: PutTargets: No"),
    "the rule stays": (
        {"DeleteRule": "No"},
        "all that it made is removed: rule webhook-smoke-dev could not be removed: DeleteRule: No",
    ),
}


@pytest.mark.parametrize(("wrong", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_and_ends_with_one(run, wrong, says):
    world = World(wrong=wrong)

    code, printed = run(world)

    assert code == 1
    assert f"FAILED {says}" in printed
    assert "its words" not in printed
    assert world.made == (["rule webhook-events-dev/webhook-smoke-dev"] if "DeleteRule" in wrong else [])


def test_an_event_that_does_not_come_is_told_for_each_place_where_it_is_missing(run, monkeypatch):
    monkeypatch.setattr(World, "arrive", lambda *_: None)

    code, printed = run(World())

    assert code == 1
    assert "stripe: status: it is not on record" in printed
    assert "stripe: bus: the bus sent no such event on" in printed
    assert "stripe (archive, evidence): what it follows from is not there" in printed
    assert "an event comes through: none did" in printed


def test_an_alarm_that_is_on_is_told_and_that_of_another_environment_is_not(run):
    states = {
        "webhook-errors-dev": "ALARM",
        "webhook-dlq-dev": "INSUFFICIENT_DATA",
        "webhook-silent-stripe-dev": "ALARM",
        "webhook-statement-missing-dev": "ALARM",
    }
    code, printed = run(World(alarms=states))

    assert code == 1
    assert "FAILED no alarm is on: webhook-errors-dev ok" in printed


def test_logs_that_are_kept_for_another_time_or_are_not_there_are_told(run):
    kept = dict.fromkeys(LOGS, 7) | {"/aws/lambda/webhook-status-dev": None, "/aws/apigateway/webhook-api-dev": 30}
    del kept["API-Gateway-Execution-Logs_abc/v1"]

    code, printed = run(World(retention=kept))

    assert code == 1
    assert (
        "FAILED logs are kept as set: /aws/apigateway/webhook-api-dev: 30, /aws/lambda/webhook-status-dev: for ever, "
        "API-Gateway-Execution-Logs_abc/v1 is not there"
    ) in printed


def test_what_cannot_be_signed_is_not_checked_and_why(run):
    world = World(providers={"stripe": "stripe", "other": "stripe", "pair": "standard-webhooks-ed25519"})
    world.secrets["other"] = ""
    world.secrets["pair"] = SENDERS["standard-webhooks-ed25519"].kept(world.secrets["pair"])

    code, printed = run(world)

    assert code == 0
    assert "other (forged, answer, status, archive, evidence, bus): it has no secret yet" in printed
    assert "pair (answer, status, archive, evidence, bus): the stack has only a public key of pair" in printed
    assert {webhook.provider for webhook in world.posted} == {"stripe", "pair"}


def test_so_few_are_forged_that_no_alarm_goes_off(run):
    names = [f"shop{number}" for number in range(12)]
    world = World(providers=dict.fromkeys(names, "stripe"))

    code, printed = run(world)

    assert (code, len(world.posted)) == (0, 12 + smoke.FORGED_AT_MOST)
    assert "shop10, shop11 (forged): so many would set off the alarm refused-signatures" in printed


def test_one_provider_may_be_chosen_and_must_be_deployed(run):
    world = World(providers={"stripe": "stripe", "github": "github"})
    assert run(world, "github")[0] == 0
    assert {webhook.provider for webhook in world.posted} == {"github"}

    with pytest.raises(NoTargetError, match="PROVIDER: 'strpie' is not deployed; deployed: stripe, github"):
        run(world, "strpie")


def test_nothing_to_send_is_no_success(run):
    world = World()
    world.secrets["stripe"] = ""

    code, printed = run(world)

    assert code == 1
    assert "FAILED an event comes through: none did" in printed


def test_under_direct_integration_what_only_aws_can_tell_is_looked_at(run):
    code, printed = run(World(direct=True))

    assert code == 0
    assert "ok only AWS can tell: what SQS has no room for is answered 413" in printed
    assert "ok only AWS can tell: application/json; charset=utf-8 is taken" in printed


def test_under_direct_integration_what_aws_answers_otherwise_is_told(run):
    wrong = {"too large": 503, "refused types": ["application/json; charset=utf-8"]}

    code, printed = run(World(direct=True, wrong=wrong))

    assert code == 1
    assert "FAILED only AWS can tell: what SQS has no room for is answered 413: answered 503 instead of 413" in printed
    assert "FAILED only AWS can tell: application/json; charset=utf-8 is taken: answered 415" in printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("where", ["send", "put_targets", "create_queue"])
def test_what_is_interrupted_removes_what_it_made(run, monkeypatch, number, where):
    world = World()
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    place = trial.Trial if where == "send" else World
    interrupted = getattr(place, where)

    def interrupt(self, *arguments, **more):
        done = interrupted(self, *arguments, **more)
        os.kill(os.getpid(), number)
        return done

    monkeypatch.setattr(place, where, interrupt)

    with pytest.raises(SystemExit, match=f"smoke stopped by {number.name}"):
        run(world)

    assert world.made == []
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_queue_whose_name_sqs_still_remembers_is_made_as_soon_as_it_may_be(monkeypatch):
    world, tried = World(), []
    create = world.create_queue

    def refuse_once(**asked):
        tried.append(asked)
        if len(tried) == 1:
            raise World.exceptions.QueueDeletedRecently({"Error": {"Code": "x"}}, "CreateQueue")
        return create(**asked)

    monkeypatch.setattr(world, "create_queue", refuse_once)
    with ExitStack() as cleanup:
        MarkedQueue.of(world.target).make(MARKED, cleanup)
        assert len(world.made) == 3
    assert (len(tried), world.made) == (2, [])
