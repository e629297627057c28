"""The deployed inbound stack of one seed: functions, queues, table, archive and bus, and the rules that all keep."""

import hashlib
import io
import json
import random
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.dead_letter.environment import DeadLetterEnvironment
from lambdas.inbound.envelope import Envelope
from lambdas.inbound.metrics import CONFLICTING_DUPLICATES, DEAD_LETTERED, RENDERED_ANEW
from lambdas.inbound.quarantine import QUARANTINE_PREFIX
from lambdas.inbound.record_items import (
    INDEXES,
    PARTITION_KEY,
    SORT_KEY,
)
from lambdas.ingestion.environment import IngestionEnvironment
from lambdas.processing.environment import ProcessingEnvironment
from lambdas.replay.environment import ReplayEnvironment
from lambdas.replay.logic import IN_CONFLICT
from lambdas.shared import times
from lambdas.status.environment import StatusEnvironment
from tests.lambdas.simulation.faults import Chaos, FaultRates, Faulty, MemorySecrets
from tests.lambdas.simulation.inbound.aws import MemoryBus, MemoryS3, PartlyRefusing
from tests.lambdas.simulation.inbound.functions import Function, Reports
from tests.lambdas.simulation.inbound.queues import Mapping as EventSourceMapping
from tests.lambdas.simulation.inbound.queues import MemoryQueue
from tests.lambdas.simulation.kernel import Invocation, Kernel, determined
from tests.lambdas.simulation.memory_dynamodb import MemoryDynamoDB, failure
from tests.lambdas.support import api_gateway_event, create_table
from tools.commands import requalify
from tools.commands.target_stack import NoTargetError

TABLE, BUCKET = "sim", "bucket"
SECONDS = 30.0
"""`functions.timeout`"""
MAX_RECEIVES = 3
INGEST_RECEIVES = 12
GIVEN_UP = frozenset({"DEAD_LETTERED", "CONFLICTING"})
FINAL = GIVEN_UP | {"ROUTED"}
INDEX_SECONDS = 60.0
"""More than an index is ever behind."""
UNIQUE_IDS = frozenset({"stripe", "adyen"})
"""Providers of whose events the id, or what is signed, is enough: other bytes are the same event, rendered anew."""
_OPERATORS = ("POST /internal/replay", "GET /status")
EventKey = tuple[str, str]
"""Provider and event id."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a user chooses of the stack.

    Attributes
    ----------
    order
        What a FIFO queue keeps in order; None for a standard queue.
    direct
        Whether API Gateway writes to an ingest queue.
    archive_by
        Whether the payloads of a batch share an object.
    """

    order: str | None = None
    direct: bool = False
    archive_by: str = "batch"


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A webhook as its provider sends it, with the events in it and the transaction of each."""

    provider: str
    body: bytes
    headers: Mapping[str, str]
    events: Mapping[str, str]


@dataclass(frozen=True)
class ApiAnswer:
    """What a caller saw; status 0 when nothing came."""

    status: int
    json: Any = None


@dataclass(frozen=True)
class Publication:
    """An event on the bus."""

    at: float
    inv: Invocation
    sha256: str

    def excused(self) -> bool:
        """Tell whether a fault befell its invocation between publishing and marking.

        docs/inbound.md: "If a function crashes between publishing and marking, or one of the two calls has no good
        answer although EventBridge took the event, the same event is published again."
        """
        return any(at >= self.at for at, _ in self.inv.root.faults)


@dataclass
class Known:
    """An event that was sent: what came of it, as far as senders, operators and subscribers see.

    Attributes
    ----------
    sent, accepted
        Digests of its payloads, with the bytes, and those that were answered 202.
    replays
        Ids of those that are or were on the main queue.
    asked
        Replays that an operator was told of, with the times.
    dead, dead_replays
        Payloads and replays of the messages that were moved to the dead letter queue.
    """

    transaction: str
    sent: dict[str, bytes] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    replays: set[str] = field(default_factory=set)
    asked: dict[str, float] = field(default_factory=dict)
    published: list[Publication] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    dead_replays: set[str] = field(default_factory=set)


class World:
    """One stack on a clock of its own.

    Parameters
    ----------
    seed
        Decides everything.
    rates
        Of faults, while there are any.
    lag
        Returns the seconds that an index is behind.
    skew
        Seconds that a clock is ahead or behind at most.
    secrets
        Provider, under the name of its entry, to its secret.
    """

    def __init__(
        self,
        seed: int,
        deployment: Deployment,
        secrets: Mapping[str, str],
        *,
        rates: FaultRates | None = None,
        lag: Callable[[random.Random], float] = lambda chance: chance.expovariate(20.0),
        skew: float = 0.3,
        concurrency: int = 10,
    ) -> None:
        self.seed = seed
        self.deployment = deployment
        self.chance = random.Random(seed)
        self.kernel = Kernel()
        self.chaos = Chaos(self.kernel, self.chance, rates or FaultRates())
        self.skew = skew
        self.traced: list[str] = []
        self.violations: dict[str, list[str]] = defaultdict(list)
        self.events: dict[EventKey, Known] = {}
        self.webhooks = 0
        # Clients that are not done: they may send something yet.
        self.clients = 0
        self.last_sequence: dict[tuple[str, str], str] = {}
        self.repeated_allowed = 0
        self.repeated_other = 0
        self.states: Counter[str] = Counter()
        self.dead_lettered = 0
        self.reports = Reports(self.kernel, self.chaos.say)
        self.memory = MemoryDynamoDB(lambda: self.kernel.now, lambda: lag(self.chance))
        create_table(self.memory, TABLE, (PARTITION_KEY, SORT_KEY), INDEXES, "KEYS_ONLY")
        self.s3 = MemoryS3()
        self.secrets = _Secrets(secrets, lambda: self.kernel.now)
        self._build(secrets, concurrency)

    def _build(self, secrets: Mapping[str, str], concurrency: int) -> None:
        kernel, chaos, fifo = self.kernel, self.chaos, self.deployment.order is not None
        self.dead_letters = MemoryQueue(kernel, chaos, "dead-letters", fifo=fifo)
        self.main = MemoryQueue(
            kernel, chaos, "main", fifo=fifo, max_receives=MAX_RECEIVES, dead_letters=self.dead_letters
        )
        self.main.sent = self._queued
        self.main.spent = self._given_up
        self.ingest_dead_letters = MemoryQueue(kernel, chaos, "ingest-dead-letters")
        self.ingest = MemoryQueue(
            kernel, chaos, "ingest", max_receives=INGEST_RECEIVES, dead_letters=self.ingest_dead_letters
        )
        url = "https://queue.fifo" if fifo else "https://queue"
        group_by = self.deployment.order or "provider"
        clients = self.aws = {
            "dynamodb": Faulty("dynamodb", PartlyRefusing(self.memory, chaos), chaos),
            "s3": Faulty("s3", self.s3, chaos),
            "sqs": Faulty("sqs", self.main, chaos),
            "events": Faulty("events", MemoryBus(chaos, self._published), chaos),
            "secretsmanager": Faulty("secretsmanager", self.secrets, chaos),
        }
        providers = json.dumps({name: {"entry": name, "secretArn": name} for name in secrets})

        def function(modules: Sequence[str], environment: Any) -> Function:
            return Function(kernel, self.reports, tuple(modules), environment.to_environment(), clients)

        ingestion = [f"ingestion.{name}" for name in ("deployed", "reporting", "requalify", "handler")]
        if self.deployment.direct:
            ingestion += ["ingestion.ingest_batch", "ingestion.direct_integration"]
        self.ingestion = function(
            ingestion,
            IngestionEnvironment(
                providers=providers,
                queue_url=url,
                message_group_by=group_by,
                bucket_name=BUCKET,
                max_body_bytes=4_194_304,
                quarantine_per_hour=1_000_000 if self.deployment.direct else None,
                table_name=TABLE if self.deployment.direct else None,
            ),
        )
        self.processing = function(
            ["processing.handler"],
            ProcessingEnvironment(
                table_name=TABLE,
                bucket_name=BUCKET,
                event_bus_name="bus",
                max_receive_count=MAX_RECEIVES,
                archive_by=self.deployment.archive_by,
            ),
        )
        self.dead_letter = function(
            ["dead_letter.handler"], DeadLetterEnvironment(table_name=TABLE, bucket_name=BUCKET)
        )
        self.replay = function(
            ["replay.handler"],
            ReplayEnvironment(table_name=TABLE, bucket_name=BUCKET, queue_url=url, message_group_by=group_by),
        )
        self.status = function(["status.handler"], StatusEnvironment(table_name=TABLE))
        gathered: dict[str, Any] = {} if fifo else {"batch_size": 100, "window": 1.0}
        self.main.mapping = self._mapping("processing", self.processing, concurrency=concurrency, **gathered)
        self.dead_letters.mapping = self._mapping("dead letter handler", self.dead_letter, concurrency=2)
        self.ingest.mapping = self._mapping("ingestion", self.ingestion, concurrency=concurrency)

    def _mapping(self, what: str, function: Function, **more: Any) -> EventSourceMapping:
        return EventSourceMapping(
            start=lambda run: self.kernel.start(what, run, seconds=SECONDS, skew=self._skew()),
            invoke=lambda event: self._started(function, event),
            **{"batch_size": 10, **more},
        )

    def _started(self, function: Function, event: dict[str, Any]) -> Any:
        # Starting takes some of the time.
        self.kernel.sleep(self.chance.uniform(0.005, 0.05))
        return function.invoke(event)

    def _skew(self) -> float:
        return self.chance.uniform(-self.skew, self.skew)

    @contextmanager
    def running(self) -> Iterator["World"]:
        """Have everything come from the seed."""
        with determined(self.seed, self.kernel), mock.patch.object(requalify, "ThreadPoolExecutor", _OneByOne):
            yield self

    # Callers

    def client(self, what: str, run: Callable[[], Any]) -> Invocation:
        """Begin something outside of AWS that calls the API and waits."""

        def counted() -> Any:
            self.clients += 1
            try:
                return run()
            finally:
                self.clients -= 1

        return self.kernel.start(what, counted, seconds=1e9)

    def do(self, run: Callable[[], Any]) -> Any:
        """Have a client do something, and let time pass until it is done."""
        inv = self.client("client", run)
        while not inv.dead:
            self.kernel.run(self.kernel.next_at or self.kernel.now)
        if inv.error is not None:
            raise inv.error
        return inv.result

    def call(self, what: str, function: Function, event: dict[str, Any]) -> ApiAnswer:
        """Call the API from a client, and wait for the answer."""
        made = self.kernel.call(what, lambda: self._started(function, event), seconds=29.0, skew=self._skew())
        if made.error is not None or self.chaos.hits(self.chaos.rates.lost):
            return ApiAnswer(0)
        answer = made.result
        try:
            return ApiAnswer(answer["statusCode"], json.loads(answer["body"]))
        except ValueError:
            return ApiAnswer(answer["statusCode"])

    def send(self, webhook: Signed) -> ApiAnswer:
        """Send a webhook once, as its provider."""
        self.webhooks += 1
        sha256 = hashlib.sha256(webhook.body).hexdigest()
        for event_id, transaction in webhook.events.items():
            known = self.events.setdefault((webhook.provider, event_id), Known(transaction))
            known.sent[sha256] = webhook.body
        request_id = f"request-{self.webhooks}"
        if self.deployment.direct:
            answer = self._send_directly(webhook, request_id)
        else:
            event = api_gateway_event(
                path=f"/webhook/{webhook.provider}",
                headers=dict(webhook.headers),
                path_parameters={"provider": webhook.provider},
                received_at=self.kernel.now,
                request_id=request_id,
            )
            event |= {"body": b64encode(webhook.body).decode("ascii"), "isBase64Encoded": True}
            answer = self.call(f"POST {webhook.provider}", self.ingestion, event)
        if 200 <= answer.status < 300:
            for event_id in webhook.events:
                self.events[webhook.provider, event_id].accepted.add(sha256)
        return answer

    def _send_directly(self, webhook: Signed, request_id: str) -> ApiAnswer:
        """Have API Gateway write the request to the ingest queue."""
        if self.chaos.hits(self.chaos.rates.refused):
            return ApiAnswer(503)
        body = {
            "v": "1",
            "provider": webhook.provider,
            "correlationId": request_id,
            "receivedAt": str(int(self.kernel.now * 1000)),
            "headers": urlencode(webhook.headers),
            "body": b64encode(webhook.body).decode("ascii"),
        }
        self.ingest.put(json.dumps(body), "")
        return ApiAnswer(0 if self.chaos.hits(self.chaos.rates.lost) else 202)

    def send_until_accepted(self, webhook: Signed, tries: int = 12) -> None:
        """Send a webhook again, as providers do, until it is accepted."""
        for number in range(tries):
            answer = self.send(webhook)
            if 400 <= answer.status < 500:
                self.violate("refused", f"{webhook.provider} {sorted(webhook.events)}: {answer.status} {answer.json}")
            if 200 <= answer.status < 500:
                break
            self.kernel.sleep(min(5.0 * 2**number, 900.0))

    def ask_replay(self, body: dict[str, Any]) -> ApiAnswer:
        """Replay, as an operator."""
        self.webhooks += 1
        replay_id = f"replay-{self.webhooks}"
        event = api_gateway_event(path="/internal/replay", body=json.dumps(body), request_id=replay_id)
        began = self.kernel.now
        answer = self.call(_OPERATORS[0], self.replay, event)
        if answer.status == 202:
            for key in answer.json["replayed"]:
                self.events[tuple(key.split(":", 1))].asked[replay_id] = began  # type: ignore[index]
        return answer

    def ask_status(self, transaction: str, query: dict[str, str] | None = None) -> ApiAnswer:
        """Look a transaction up, as an operator."""
        event = api_gateway_event(
            method="GET",
            path=f"/status/{transaction}",
            path_parameters={"transactionId": transaction},
            query=query,
            received_at=self.kernel.now,
        )
        return self.call(_OPERATORS[1], self.status, event)

    def requalify(self) -> None:
        """Verify what is quarantined again, as an operator, who tries again later when something fails."""
        s3 = self.aws["s3"]
        clients = {
            "s3": SimpleNamespace(
                get_paginator=s3.get_paginator,
                get_object=s3.get_object,
                delete_object=s3.delete_object,
                exceptions=SimpleNamespace(NoSuchKey=KeyError),
            ),
            "lambda": SimpleNamespace(invoke=self._invoke_ingestion),
        }
        target: Any = SimpleNamespace(
            settings=SimpleNamespace(environment="sim"), client=clients.__getitem__, outputs={"bucket_name": BUCKET}
        )
        for provider in self.secrets.names:
            with suppress(ClientError, BotoCoreError, NoTargetError):
                requalify.requalify(target, provider, dry_run=False)

    def _invoke_ingestion(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 (names of boto3)
        del FunctionName
        event = json.loads(Payload)
        made = self.kernel.call(
            "requalify", lambda: self._started(self.ingestion, event), seconds=SECONDS, skew=self._skew()
        )
        if made.error is not None or self.chaos.hits(self.chaos.rates.lost):
            raise failure("Invoke", "ServiceException")
        return {"Payload": io.BytesIO(json.dumps(made.result).encode())}

    @property
    def quarantined(self) -> list[str]:
        """The keys of what is quarantined."""
        return [key for key in self.s3.objects if key.startswith(QUARANTINE_PREFIX)]

    # What is seen

    def violate(self, rule: str, what: str) -> None:
        self.violations[rule].append(f"{times.iso(self.kernel.now)} {what}")
        self.chaos.say(f"VIOLATION {rule}: {what}")

    def _queued(self, body: str) -> None:
        """See what is put into the main queue: each replay of an event is one more wish for a publication."""
        envelope = Envelope.from_message(body)
        if envelope.replay is not None:
            self.events[envelope.event.provider, envelope.event.event_id].replays.add(envelope.replay.replay_id)

    def _given_up(self, body: str) -> None:
        """See what is moved to the dead letter queue."""
        envelope = Envelope.from_message(body)
        self.dead_lettered += 1
        known = self.events[envelope.event.provider, envelope.event.event_id]
        if envelope.replay is not None:
            known.dead_replays.add(envelope.replay.replay_id)
        body = envelope.body or b""
        known.dead.add(envelope.archived.sha256 if envelope.archived else hashlib.sha256(body).hexdigest())

    def _published(self, entry: dict[str, Any]) -> None:
        detail, inv = json.loads(entry["Detail"]), self.kernel.current
        assert inv is not None
        key = detail["provider"], detail["eventId"]
        known, archive = self.events.get(key), detail["archive"]
        if known is None or known.transaction != detail["transactionId"]:
            self.violate("routed and never sent", str(key))
            return
        body = self.s3.objects.get(archive["key"], b"")[archive["offset"] : archive["offset"] + archive["size"]]
        if known.sent.get(archive["sha256"]) != body:
            self.violate("routed without its payload", f"{key} {archive}")
        known.published.append(Publication(self.kernel.now, inv, archive["sha256"]))
        self.chaos.say(f"published {key}")
        if self.deployment.order is not None:
            group = key[0], known.transaction if self.deployment.order == "transaction" else ""
            # What comes again comes later: a replay, which may be finished under the number of the event's own message.
            if len(known.published) == 1 and detail["sequence"] < self.last_sequence.get(group, ""):
                self.violate("out of order", f"{key}: {detail['sequence']} after {self.last_sequence[group]}")
            self.last_sequence[group] = max(detail["sequence"], self.last_sequence.get(group, ""))

    # At the end

    @property
    def settled(self) -> bool:
        return not (
            self.clients
            or self.quarantined
            or self.main.unsettled
            or self.dead_letters.unsettled
            or self.ingest.unsettled
        )

    def drain(self, limit: float) -> None:
        """Let everything come to its end without faults."""
        self.chaos.rates = FaultRates()
        end = self.kernel.now + limit
        while self.kernel.now < end:
            self.kernel.run(min(self.kernel.now + 300, end))
            self.ingest_dead_letters.redrive(self.ingest)
            if self.quarantined:
                self.do(self.requalify)
            if self.settled:
                return
        self.violate("never settled", f"{self.main.unsettled}, {self.dead_letters.unsettled}, {self.ingest.unsettled}")

    def finish(self) -> None:
        """Check what can be checked when all is over, replay the dead letters, and check the rest."""
        self.kernel.run(self.kernel.now + INDEX_SECONDS)
        found = self._look_up(known.transaction for known in self.events.values())
        for key, one in found.items():
            self.states[one.state] += 1
            for event in one.events:
                if event.get("state") not in FINAL:
                    self.violate("processing for ever", f"{key}: {event}")
            if one.dead and not self.events[key].dead:
                self.violate("dead-lettered by nobody", str(key))
        counted = self.reports.metrics[DEAD_LETTERED]
        if counted < self.dead_lettered:
            self.violate("dead letter untold", f"{self.dead_lettered} dead letters, {counted} counted")
        self._check_conflicts(found)
        self._replay_dead_letters(found)
        unfinished = [known.transaction for key, known in self.events.items() if key not in found or found[key].dead]
        again = found | self._look_up(unfinished)
        for key, known in self.events.items():
            if not known.accepted:
                continue
            shown = again.get(key, Shown())
            state = shown.state
            if state != "ROUTED" or not known.published:
                self.violate("lost", f"{key} of {known.transaction}: {state}, published {len(known.published)} times")
            for replay_id, asked in known.asked.items():
                # One that was given up before its event was taken up leaves the event as it was, with an alarm.
                carried_out = any(one.at >= asked for one in known.published)
                # That of a dead letter with other bytes ends as a conflict, which is told.
                if not (carried_out or replay_id in known.dead_replays or shown.conflicting):
                    self.violate("replay lost", f"{key}, asked for at {times.iso(asked)}")
            self._check_publications(key, known)
        for inv, error in self.kernel.crashed:
            # An operator is answered 502, and asks again.
            if not (inv.what in _OPERATORS and isinstance(error, ClientError | BotoCoreError)):
                self.violate("not caught", f"{inv.what}: {error!r}")

    def _look_up(self, transactions: Iterable[str]) -> dict[EventKey, "Shown"]:
        """Return what the status endpoint says of every event of transactions."""
        found: dict[EventKey, Shown] = {}
        for transaction in dict.fromkeys(transactions):
            events, steps = self.do(lambda transaction=transaction: self._pages(transaction))
            for event in events:
                key = event["provider"], event["eventId"]
                shown = found.setdefault(key, Shown())
                shown.events.append(event)
                # A dead letter with other bytes is beside the event.
                if sum(one.get("state") not in GIVEN_UP for one in shown.events) > 1:
                    self.violate("recorded twice", str(key))
            for step in steps:
                found[step["provider"], step["eventId"]].steps.append(step)
        return found

    def _pages(self, transaction: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the events of a transaction, and its timeline, from as many pages as there are."""
        first = self.ask_status(transaction, {"limit": "200"})
        if first.status != 200:
            return [], []
        both: list[list[dict[str, Any]]] = []
        for what, cursor in (("events", "nextEvents"), ("timeline", "next")):
            page, found = first.json, list(first.json[what])
            while page[cursor] is not None:
                page = self.ask_status(transaction, {"limit": "200", cursor: page[cursor]}).json
                found += page[what]
            both.append(found)
        return both[0], both[1]

    def _check_conflicts(self, found: Mapping[EventKey, "Shown"]) -> None:
        """See that of several payloads under one id, each is recorded, told in the timeline, or dead-lettered."""
        told_of: Counter[str] = Counter()
        for key, known in self.events.items():
            shown = found.get(key)
            if shown is None or len(known.sent) < 2:
                continue
            told = {event["archive"]["sha256"] for event in shown.events if "archive" in event}
            other = "rendered-anew" if key[0] in UNIQUE_IDS else "conflicting"
            for step in shown.steps:
                if step["step"] in ("rendered-anew", "conflicting") and "archive" in step:
                    if step["step"] != other:
                        self.violate("told wrongly", f"{key}: {step}")
                    body = self.s3.objects[step["archive"]][step["offset"] : step["offset"] + step["size"]]
                    sha256 = hashlib.sha256(body).hexdigest()
                    told.add(sha256)
                    # Its message may have died each time before it was counted; then it is a dead letter.
                    told_of[step["step"]] += sha256 not in known.dead
            if untold := known.accepted - told - known.dead:
                self.violate("conflict untold", f"{key}: {sorted(untold)}")
        for name, step in ((CONFLICTING_DUPLICATES, "conflicting"), (RENDERED_ANEW, "rendered-anew")):
            if self.reports.metrics[name] < told_of[step]:
                self.violate("conflict untold", f"{told_of} in timelines, {self.reports.metrics} counted")

    def _replay_dead_letters(self, found: Mapping[EventKey, "Shown"]) -> None:
        dead = [f"{provider}:{event_id}" for (provider, event_id), one in found.items() if one.dead]
        for start in range(0, len(dead), 100):
            answer = self.do(lambda start=start: self.ask_replay({"eventIds": dead[start : start + 100]}))
            # A dead letter in conflict is named, and stays one; the others of its id are replayed.
            failed = {} if answer.json is None else answer.json["failed"]
            if answer.status != 202 or set(failed.values()) - {IN_CONFLICT} or answer.json["notFound"]:
                self.violate("not replayable", str(answer))
        if dead:
            self.drain(86_400)
            self.kernel.run(self.kernel.now + INDEX_SECONDS)

    def _check_publications(self, key: EventKey, known: Known) -> None:
        extra = len(known.published) - 1 - len(known.replays)
        excused = sum(one.excused() for one in known.published)
        self.repeated_allowed += max(0, min(extra, excused))
        if extra > excused:
            self.repeated_other += extra - excused
            at = [times.iso(one.at) for one in known.published]
            self.violate("routed twice", f"{key}: at {at}, {len(known.replays)} replays, {excused} excused")
        if len({one.sha256 for one in known.published}) > 1:
            self.violate("two payloads routed", str(key))


@dataclass
class Shown:
    """What the status endpoint says of an event, and of dead letters with its id and other bytes."""

    events: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The state of the event itself."""
        states = [str(one.get("state")) for one in self.events]
        return next((one for one in states if one not in GIVEN_UP), states[0] if states else "None")

    @property
    def dead(self) -> bool:
        return any(one.get("state") == "DEAD_LETTERED" for one in self.events)

    @property
    def conflicting(self) -> bool:
        return any(one.get("state") == "CONFLICTING" for one in self.events)


class _Secrets:
    """Secrets Manager.

    Attributes
    ----------
    wrong
        Provider to the time in which its secret is another one than its own, of the same form.
    """

    def __init__(self, secrets: Mapping[str, str], clock: Callable[[], float]) -> None:
        self.names = tuple(secrets)
        self.wrong: dict[str, tuple[float, float]] = {}
        self._secrets = {name: MemorySecrets(secret) for name, secret in secrets.items()}
        self._clock = clock

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        name = request["SecretId"]
        start, end = self.wrong.get(name, (0.0, 0.0))
        if start <= self._clock() < end:
            return {"SecretString": "cd" * 32}
        return self._secrets[name].get_secret_value()


class _OneByOne:
    """A pool of threads that has none: the simulation's time is no thread's."""

    def __init__(self, size: int) -> None:
        del size

    def __enter__(self) -> "_OneByOne":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def map(self, call: Callable[[Any], Any], of: Iterable[Any]) -> Iterator[Any]:
        return map(call, of)
