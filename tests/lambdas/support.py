"""What the tests of the functions share: a world of real, local AWS resources, messages, and things that break."""

import hashlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType, SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from lambdas.delivery.store.items import (
    BY_DUE_INDEX,
    BY_STATE_INDEX,
    BY_TENANT_INDEX,
    DUE_AT,
    DUE_KEY,
    DUE_PROJECTION,
    EVENT_KEY,
    IDENTITY_KEY,
    ITEM_KEY,
    STATE_AT,
    STATE_KEY,
    TENANT_KEY,
)
from lambdas.inbound.archive import Archive, read_payload
from lambdas.inbound.envelope import Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.record_batches import BatchedRecords
from lambdas.inbound.record_items import (
    INDEXES,
    first_key,
    listing_id_of,
)
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.records import wire_key
from lambdas.processing.archiving import BY_BATCH
from lambdas.processing.bus import Bus
from lambdas.processing.pipeline import Pipeline
from lambdas.processing.work import BatchResult, Message
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item
from tools.commands.archive_reader import payloads_of
from tools.local.aws import ACCOUNT_ID, REGION, LocalAws

NOW = 1_790_000_000.0
HOUR = 3600.0
# The beginning of an hour, so that ranges around it cross from one index partition to the next.
NOON = NOW - NOW % HOUR
"""An arbitrary time at which the tests' clocks start."""
SECONDS_LEFT = 30.0
"""What is left of an invocation: the length of its claims."""
DEADLINE_SECONDS = 120.0
PROVIDER = "acme"


class Clock:
    """A clock that stands still until a test moves it, so that no test waits for a lease to end."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_lease(self) -> None:
        """Move on to when SQS shows a message again: long after the invocation that had it must have ended."""
        self.now += 10 * SECONDS_LEFT


# --- events and messages --------------------------------------------------------------------------------------------


def event(event_id: str = "evt_1", transaction_id: str = "tx_1", provider: str = PROVIDER, **changes) -> WebhookEvent:
    values = {"event_type": "payment.succeeded", "occurred_at": times.iso(NOW - 60)} | changes
    return WebhookEvent(provider=provider, event_id=event_id, transaction_id=transaction_id, **values)


def envelope(of: WebhookEvent | None = None, *, body: bytes | None = None, **changes) -> Envelope:
    """Return an envelope as ingestion writes it; its body is made of bytes that no text codec brings through."""
    of = of or event()
    values = {
        "received_at": times.iso(NOW - 5),
        "correlation_id": f"correlation-{of.event_id}",
        "content_type": "application/json",
        "scheme": "generic-sha256",
        "body": payload_of(of.event_id) if body is None else body,
    } | changes
    return Envelope(event=of, **values)


def payload_of(event_id: str) -> bytes:
    return b'{"id":"' + event_id.encode() + b'","raw":"\x00\xff\r\n\xc3\x28"}'


def message(body: str | Envelope, message_id: str | None = None, receive_count: int = 1) -> Message:
    return Message(
        message_id=message_id or str(uuid.uuid4()),
        body=body.to_message() if isinstance(body, Envelope) else body,
        receive_count=receive_count,
    )


def received_again(messages: Sequence[Message]) -> list[Message]:
    """Return messages as SQS hands them out the next time: same ids, one receive more."""
    return [replace(one, receive_count=one.receive_count + 1) for one in messages]


# --- the world ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Clients:
    """boto3 clients of the local AWS, one set per session, since each costs a TLS handshake."""

    dynamodb: Any
    s3: Any
    events: Any
    sqs: Any
    secretsmanager: Any

    @classmethod
    def of(cls, aws: LocalAws) -> "Clients":
        return cls(**{name: aws.client(name) for name in ("dynamodb", "s3", "events", "sqs", "secretsmanager")})


@dataclass(frozen=True, kw_only=True)
class World:
    """One test's own table, bucket, main queue, and bus with a rule that sends every routed event to a queue."""

    clients: Clients
    name: str
    queue_url: str
    routed_url: str
    archive_by: str = BY_BATCH
    clock: Clock = field(default_factory=Clock)
    routed_so_far: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def build(cls, clients: Clients) -> "World":
        name = f"test-{uuid.uuid4().hex[:12]}"
        create_table(clients.dynamodb, name, ("transactionId", "timestamp"), INDEXES, "KEYS_ONLY")
        clients.s3.create_bucket(Bucket=name)
        # With versions, an object that is written twice cannot hide it.
        clients.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        queue_url = clients.sqs.create_queue(QueueName=name)["QueueUrl"]
        return cls(clients=clients, name=name, queue_url=queue_url, routed_url=_create_bus(clients, name))

    # The collaborators, as a handler builds them.

    @property
    def archive(self) -> Archive:
        return Archive(self.clients.s3, self.name)

    @property
    def records(self) -> BatchedRecords:
        return BatchedRecords(self.clients.dynamodb, self.name)

    @property
    def queries(self) -> RecordQueries:
        return RecordQueries(self.clients.dynamodb, self.name)

    @property
    def bus(self) -> Bus:
        return Bus(self.clients.events, self.name, self.name)

    def pipeline(self, **changes) -> Pipeline:
        """Return a pipeline on this world, as a new invocation has one."""
        values = {
            "archive": self.archive,
            "records": self.records,
            "queries": self.queries,
            "bus": self.bus,
            "archive_by": self.archive_by,
            "clock": self.clock,
            "on_failure": lambda *_: None,
            "on_fallback": lambda *_: None,
        }
        return Pipeline(**(values | changes))

    def process(self, messages: Sequence[Message], **changes) -> BatchResult:
        return self.pipeline(**changes).run(messages, SECONDS_LEFT)

    # What there is, read past the code under test.

    def record(self, of: WebhookEvent) -> dict[str, Any]:
        answer = self.clients.dynamodb.get_item(TableName=self.name, Key=wire_key(first_key(of)), ConsistentRead=True)
        return from_item(answer.get("Item", {}))

    def all_records(self) -> list[dict[str, Any]]:
        """Return all items but the listings."""
        return [item for item in self._all_items() if listing_id_of(item) is None]

    def listings(self) -> list[dict[str, Any]]:
        return [item for item in self._all_items() if listing_id_of(item) is not None]

    def _all_items(self) -> list[dict[str, Any]]:
        parts = self.clients.dynamodb.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        return [from_item(item) for part in parts for item in part["Items"]]

    def states(self) -> dict[str, str | None]:
        """Return the state of every event in the table; an event with two records fails here."""
        records = self.all_records()
        states = {record.get("eventId", record["timestamp"]): record.get("state") for record in records}
        assert len(states) == len(records), f"two records of one event: {records}"
        return states

    def steps(self, of: WebhookEvent) -> list[str]:
        return [step["step"] for step in self.record(of).get("timeline", [])]

    def objects(self, prefix: str = "") -> list[tuple[str, bytes]]:
        """Return key and bytes of every version of every object, so that one written twice shows up twice."""
        pages = self.clients.s3.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix)
        found = []
        for page in pages:
            assert "DeleteMarkers" not in page
            for version in page.get("Versions", []):
                answer = self.clients.s3.get_object(
                    Bucket=self.name, Key=version["Key"], VersionId=version["VersionId"]
                )
                found.append((version["Key"], answer["Body"].read()))
        return sorted(found)

    def payloads(self) -> list[bytes]:
        """Return every payload of every object of the archive, so that one archived twice shows up twice."""
        found = []
        for key, content in self.objects("raw/"):
            assert key.endswith(hashlib.sha256(content).hexdigest())
            found += payloads_of(key, content)
        return sorted(found)

    def payload_at(self, archive: Mapping[str, Any]) -> bytes:
        """Return what lies where a record or a routed event says, as its reader gets it."""
        return read_payload(self.clients.s3, self.name, archive)

    def routed(self) -> list[dict[str, Any]]:
        """Return every event that subscribers got so far, in order.

        A marker event goes through the bus behind them: the local bus delivers in order, so that whatever was
        published before has arrived when the marker has, and nothing needs to be waited for by time.
        """
        marker = uuid.uuid4().hex
        self.clients.events.put_events(
            Entries=[
                {
                    "EventBusName": self.name,
                    "Source": "webhooks.marker",
                    "DetailType": "marker",
                    "Detail": json.dumps({"marker": marker}),
                }
            ]
        )
        for routed in self._receive(self.routed_url):
            if routed["source"] != "webhooks.marker":
                self.routed_so_far.append(routed)
            elif routed["detail"]["marker"] == marker:
                return list(self.routed_so_far)
        raise AssertionError(f"the bus did not deliver the marker within {DEADLINE_SECONDS} s")

    def routed_counts(self) -> Counter[str]:
        """Return event id to how often subscribers got the event."""
        return Counter(routed["detail"]["eventId"] for routed in self.routed())

    def snapshot(self) -> dict[str, Any]:
        """Return all that a run can change."""
        records = sorted(self.all_records(), key=lambda record: (record["transactionId"], record["timestamp"]))
        return {"records": records, "objects": self.objects(), "routed": self.routed()}

    def queued(self) -> list[Message]:
        """Take the messages that are on the main queue now, with their SQS ids."""
        found = []
        while batch := self._take(self.queue_url):
            found += [message(one["Body"], one["MessageId"]) for one in batch]
        return found

    def _receive(self, url: str) -> Iterator[dict[str, Any]]:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            for one in self._take(url, WaitTimeSeconds=1):
                yield json.loads(one["Body"])

    def _take(self, url: str, **arguments) -> list[dict[str, Any]]:
        batch = self.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **arguments).get("Messages", [])
        if batch:
            entries = [{"Id": str(index), "ReceiptHandle": one["ReceiptHandle"]} for index, one in enumerate(batch)]
            answer = self.clients.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            assert "Failed" not in answer or answer["Failed"] == []
        return batch


def create_table(
    dynamodb: Any,
    name: str,
    keys: Sequence[str],
    indexes: Mapping[str, Sequence[str]],
    projection: str = "ALL",
    *,
    included: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Create a table with these keys, and indexes with theirs, as a layer of `modules` describes it."""

    def schema(of: Sequence[str]) -> list[dict[str, str]]:
        return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(of, ("HASH", "RANGE"), strict=False)]

    def projected(index: str) -> dict[str, Any]:
        if index in included:
            return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(included[index])}
        return {"ProjectionType": projection}

    found = [
        {"IndexName": index, "KeySchema": schema(of), "Projection": projected(index)} for index, of in indexes.items()
    ]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schema(keys),
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in dict.fromkeys([*keys, *chain(*indexes.values())])
        ],
        **({"GlobalSecondaryIndexes": found} if found else {}),
    )


def create_delivery_tables(dynamodb: Any, name: str) -> None:
    """Create the three tables that `modules.delivery.tables` describes, where nothing expires.

    The tests' clocks stand at a time of their own, and the local DynamoDB deletes by the machine's.
    """
    for table, keys, indexes in (
        ("tenants", (IDENTITY_KEY,), {BY_TENANT_INDEX: (TENANT_KEY, IDENTITY_KEY)}),
        ("endpoints", (TENANT_KEY, ITEM_KEY), {}),
        (
            "events",
            (EVENT_KEY, ITEM_KEY),
            {BY_STATE_INDEX: (STATE_KEY, STATE_AT), BY_DUE_INDEX: (DUE_KEY, DUE_AT)},
        ),
    ):
        create_table(dynamodb, f"{name}-{table}", keys, indexes, included={BY_DUE_INDEX: DUE_PROJECTION})


def _create_bus(clients: Clients, name: str) -> str:
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}-routed"
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    url = clients.sqs.create_queue(QueueName=f"{name}-routed", Attributes={"Policy": policy})["QueueUrl"]
    clients.events.create_event_bus(Name=name)
    pattern = json.dumps({"source": [{"prefix": "webhooks."}]})
    clients.events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
    answer = clients.events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "routed", "Arn": arn}])
    assert answer["FailedEntryCount"] == 0
    return url


# --- what breaks ----------------------------------------------------------------------------------------------------


class CrashError(BaseException):
    """The end of the process: no `except Exception` catches it, as none would catch a kill."""


@dataclass
class Trap:
    """Ends the process once, at the n-th time that it comes by a point."""

    point: str
    passes: int = 1
    sprung: bool = False

    def at(self, point: str) -> None:
        if point == self.point and not self.sprung:
            self.passes -= 1
            if self.passes == 0:
                self.sprung = True
                raise CrashError(point)

    def around(self, action: str, call: Callable[[], Any]) -> Any:
        self.at(f"before {action}")
        result = call()
        self.at(f"after {action}")
        return result


# What a trap calls the calls around which it lies, which their own class may make too.
TRAPPED = {
    Archive: {"store": "archive", "store_batch": "batch archive"},
    BatchedRecords: {
        "create": "record create",
        "take_over": "take over",
        "mark_routed": "mark",
        "take_signatures": "batch signatures",
        "create_all": "batch create",
        "mark_all_routed": "batch mark",
    },
    Bus: {"publish": "publish"},
}


def trapping(kind: type, trap: Trap) -> Any:
    """Return a class like another, with the trap around its calls."""

    def around(name: str, action: str) -> Callable[..., Any]:
        return lambda self, *args, **more: trap.around(action, lambda: getattr(kind, name)(self, *args, **more))

    return type(f"Trapped{kind.__name__}", (kind,), {name: around(name, of) for name, of in TRAPPED[kind].items()})


def trapped(world: World, trap: Trap, dynamodb: Any = None) -> Pipeline:
    """Return a pipeline that dies at the trap's point."""
    return world.pipeline(
        archive=trapping(Archive, trap)(world.clients.s3, world.name),
        records=trapping(BatchedRecords, trap)(dynamodb or world.clients.dynamodb, world.name),
        bus=trapping(Bus, trap)(world.clients.events, world.name, world.name),
    )


class HalfDone:
    """A DynamoDB client that dies when half of the statements of a call about records are done."""

    def __init__(self, client, verb):
        self._client = client
        self._verb = verb

    def __getattr__(self, name):
        return getattr(self._client, name)

    def batch_execute_statement(self, *, Statements):  # noqa: N803 - boto3's name
        if len(Statements) == 1 or not Statements[0]["Statement"].startswith(self._verb):
            return self._client.batch_execute_statement(Statements=Statements)
        self._client.batch_execute_statement(Statements=Statements[: len(Statements) // 2])
        raise CrashError(self._verb)


class Unreliable:
    """A boto3 client of which one operation fails where its arguments hold a text.

    Simulated because the local AWS has no limits of its own, so that it never throttles and never loses an answer.
    """

    def __init__(self, client: Any, operation: str, text: str, fail: Callable[[Callable[..., Any], dict], Any]) -> None:
        self._client = client
        self._operation = operation
        self._text = text
        self._fail = fail

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name != self._operation:
            return real

        def call(**arguments: Any) -> Any:
            return self._fail(real, arguments) if self._text in repr(arguments) else real(**arguments)

        return call


def raising(error: Exception) -> Callable[..., Any]:
    """Return a way to fail in which nothing reaches AWS."""

    def fail(call: Callable[..., Any], arguments: dict) -> Any:
        raise error

    return fail


def without_batches(client: Any) -> Any:
    """Return a DynamoDB client that carries out no batch of statements, so that all is done one by one."""
    fail = raising(aws_error("AccessDeniedException", "BatchExecuteStatement"))
    return Unreliable(client, "batch_execute_statement", "", fail)


def refusing_statements(code: str, text: str) -> Callable[..., Any]:
    """Return a way for a batch of statements to have those refused that hold a text, and the others carried out."""

    def fail(call: Callable[..., Any], arguments: dict) -> Any:
        statements = arguments["Statements"]
        taken = [one for one in statements if text not in repr(one)]
        done = iter(call(Statements=taken)["Responses"] if taken else [])
        refused = {"Error": {"Code": code, "Message": "card 4242 4242 4242 4242 quoted"}}
        return {"Responses": [refused if text in repr(one) else next(done) for one in statements]}

    return fail


def losing_the_answer(error: Exception) -> Callable[..., Any]:
    """Return a way to fail in which AWS does what was asked, and the answer is lost."""

    def fail(call: Callable[..., Any], arguments: dict) -> Any:
        call(**arguments)
        raise error

    return fail


def aws_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "card 4242 4242 4242 4242 quoted"}}, operation)


# --- what Lambda hands to a handler ---------------------------------------------------------------------------------


def lambda_context(seconds: float = SECONDS_LEFT) -> Any:
    """Return a stand-in for Lambda's context object, with what Powertools and the handlers read of it."""
    return SimpleNamespace(
        function_name="function-under-test",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:function-under-test",
        aws_request_id=str(uuid.uuid4()),
        get_remaining_time_in_millis=lambda: int(seconds * 1000),
    )


def new_secret(clients: Clients, *values: str) -> str:
    """Return the ARN of a new secret: one without a value, or with one as it is stored."""
    value = {"SecretString": values[0]} if values else {}
    return str(clients.secretsmanager.create_secret(Name=f"webhooks/{uuid.uuid4().hex}", **value)["ARN"])


def ingestion_variables(
    world: World, entries: Mapping[str, str], secret_arns: Mapping[str, str], max_body_bytes: int
) -> dict[str, str]:
    """Return the environment of ingestion with providers deployed, each with its entry and its secret."""
    deployed = {name: {"entry": entry, "secretArn": secret_arns[name]} for name, entry in entries.items()}
    return {
        "PROVIDERS": json.dumps(deployed),
        "QUEUE_URL": world.queue_url,
        "MESSAGE_GROUP_BY": "provider",
        "BUCKET_NAME": world.name,
        "MAX_BODY_BYTES": str(max_body_bytes),
    }


def sqs_event(messages: Sequence[Message], queue: str = "main") -> dict[str, Any]:
    """Return the event of an SQS event source mapping: of a FIFO queue where the messages have a sequence.

    On a standard queue messages have a group as well, for fair queueing, and no place in it.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    return {
        "Records": [
            {
                "messageId": one.message_id,
                "receiptHandle": f"receipt-{one.message_id}",
                "body": one.body,
                "attributes": {
                    "ApproximateReceiveCount": str(one.receive_count),
                    "SentTimestamp": str(int(NOW * 1000)),
                    "SenderId": "AROAEXAMPLE",
                    "ApproximateFirstReceiveTimestamp": str(int(NOW * 1000) + 1),
                    "MessageGroupId": one.group or PROVIDER,
                    **(
                        {"SequenceNumber": one.sequence, "MessageDeduplicationId": f"deduplication-{one.message_id}"}
                        if one.sequence
                        else {}
                    ),
                },
                "messageAttributes": {},
                "md5OfBody": "0" * 32,
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
                "awsRegion": "us-east-1",
            }
            for one in messages
        ]
    }


def api_gateway_event(
    *,
    method: str = "POST",
    path: str = "/webhook",
    body: bytes | str | None = None,
    base64_encoded: bool = False,
    headers: dict[str, str] | None = None,
    path_parameters: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    received_at: float | None = None,
    request_id: str | None = None,
    stage: str = "v1",
) -> dict[str, Any]:
    """Return the event of a REST API's Lambda proxy integration, payload format 1.0.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    headers = headers or {}
    epoch = time.time() if received_at is None else received_at
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query and {name: [value] for name, value in query.items()},
        "pathParameters": path_parameters,
        "stageVariables": None,
        "requestContext": {
            "requestId": request_id or str(uuid.uuid4()),
            "extendedRequestId": "JKJaXmPLvHcESHA=",
            "accountId": "000000000000",
            "apiId": "1234567890",
            "stage": stage,
            "httpMethod": method,
            "path": f"/{stage}{path}",
            "protocol": "HTTP/1.1",
            "requestTimeEpoch": int(epoch * 1000),
            "identity": {"sourceIp": "192.0.2.1", "userArn": "arn:aws:iam::000000000000:user/operator"},
        },
        "body": body.decode("utf-8") if isinstance(body, bytes) else body,
        "isBase64Encoded": base64_encoded,
    }
