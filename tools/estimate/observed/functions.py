"""The functions run on sample webhooks against a local AWS, with the variables that the stack gives them."""

import base64
import json
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from lambdas.inbound.providers.registry import REGISTRY
from modules.terraform_json.document import REFERENCE
from tools import ROOT, senders
from tools.estimate.observed.child import ANSWER
from tools.estimate.observed.usage import Usage
from tools.estimate.synthesized import Resource, Stack, WebhookPath
from tools.local.aws import ACCOUNT_ID, REGION, LocalAws

ANSWER_SECONDS = 60
_MARK = ANSWER.encode()
# Senders whose documents may be padded to any size, and that every preset deploys.
_PREFERRED = ("generic", "generic-timestamped", "stripe", "standard-webhooks")


class NotObservedError(Exception):
    """The functions could not be observed; the message says why."""


class Invocation(NamedTuple):
    """What a function returned, what that took, and the requests of ``SendMessage`` that it made."""

    answer: Mapping[str, Any]
    usage: Usage
    messages: list[dict[str, Any]]


class Observer:
    """Observes the functions of one stack for webhooks of one size.

    Parameters
    ----------
    stack : Stack
        Its functions' variables, tables, queues, secrets, bus and bucket are what the functions see.
    path : WebhookPath
        The functions.
    size : int
        Bytes of a webhook's body.
    """

    def __init__(self, stack: Stack, path: WebhookPath, size: int) -> None:
        self._stack = stack
        self._path = path
        self._entry = _sample_entry(stack, path)
        self._size = size
        self._secret = senders.new_secret(self._entry)
        self._secret_arns: dict[str, str] = {}
        self._ingested: Usage | None = None
        self._batches: dict[int, tuple[Usage, Usage]] = {}
        self._number = 0

    def __enter__(self) -> Self:
        """Start a local AWS and the functions."""
        with ExitStack() as running:
            self._aws = running.enter_context(LocalAws.start())
            self._create_resources()
            self._processing = running.enter_context(self._started(self._path.processing))
            if self._path.ingestion is not None:
                self._ingestion = running.enter_context(self._started(self._path.ingestion))
                # The first webhook reads the secret, which the function then keeps.
                self._accept()
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop them."""
        self._running.close()

    def ingestion(self) -> Usage:
        """Return what one webhook causes in ingestion, once the function is warm."""
        if self._ingested is None:
            self._ingested = self._accept().usage
        return self._ingested

    def processing(self, batch: int) -> tuple[Usage, Usage]:
        """Return what a batch of new events causes, and what the same batch causes when it comes again."""
        if batch not in self._batches:
            messages = [message for _ in range(batch) for message in self._accept().messages]
            self._batches[batch] = (self._process(messages), self._process(messages))
        return self._batches[batch]

    def _create_resources(self) -> None:
        for bucket in self._stack.all("aws_s3_bucket"):
            self._aws.client("s3").create_bucket(Bucket=self._text(bucket.get("bucket")))
        for table in self._stack.all("aws_dynamodb_table"):
            self._aws.client("dynamodb").create_table(**_declared(self._text(table.get("name")), table))
        for each in self._stack.all("aws_sqs_queue"):
            fifo = {"Attributes": {"FifoQueue": "true"}} if each.get("fifo_queue") else {}
            self._aws.client("sqs").create_queue(QueueName=self._text(each.get("name")), **fifo)
        for bus in self._stack.all("aws_cloudwatch_event_bus"):
            self._aws.client("events").create_event_bus(Name=self._text(bus.get("name")))
        kept = json.dumps({"secrets": [senders.kept(self._entry, self._secret)]})
        for secret in self._stack.all("aws_secretsmanager_secret"):
            name = self._text(secret.get("name"))
            made = self._aws.client("secretsmanager").create_secret(Name=name, SecretString=kept)
            self._secret_arns[secret.id] = made["ARN"]

    def _accept(self) -> Invocation:
        self._number += 1
        sent = _webhook_of(self._entry, self._size, self._number, self._secret)
        headers = {**sent.headers, "X-Provider-ID": self._entry}
        invocation = self._ingestion.run(
            {
                "resource": "/webhook/{provider}",
                "httpMethod": "POST",
                "path": f"/webhook/{self._entry}",
                "pathParameters": {"provider": self._entry},
                "multiValueHeaders": {name: [value] for name, value in headers.items()},
                "headers": headers,
                "queryStringParameters": None,
                "requestContext": {"requestId": str(uuid.uuid4()), "requestTimeEpoch": int(time.time() * 1000)},
                "body": base64.b64encode(sent.body).decode("ascii"),
                "isBase64Encoded": True,
            }
        )
        if (status := invocation.answer["statusCode"]) != REGISTRY[self._entry].response.status:
            raise NotObservedError(f"ingestion answered {status} to a sample webhook: {invocation.answer['body']}")
        return invocation

    def _process(self, messages: list[dict[str, Any]]) -> Usage:
        records = [
            {
                "messageId": str(uuid.uuid4()),
                "receiptHandle": "receipt",
                "body": message["MessageBody"],
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(int(time.time() * 1000)),
                    **(
                        {"SequenceNumber": f"{number:020}", "MessageGroupId": message["MessageGroupId"]}
                        if self._path.queue.get("fifo_queue")
                        else {}
                    ),
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            }
            for number, message in enumerate(messages)
        ]
        invocation = self._processing.run({"Records": records})
        if failed := invocation.answer["batchItemFailures"]:
            raise NotObservedError(f"processing failed for {len(failed)} of {len(records)} sample messages")
        return invocation.usage

    @contextmanager
    def _started(self, function: Resource) -> Iterator["_Child"]:
        environment = {
            name: value
            for name, value in self._aws.environment().items()
            if name in ("PATH", "HOME") or name.startswith("AWS_")
        }
        for name, value in self._stack.variables(function).items():
            environment[name] = self._text(value)
        environment["AWS_LAMBDA_FUNCTION_NAME"] = self._text(function.get("function_name"))
        environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = str(function.get("memory_size"))
        environment["POWERTOOLS_TRACE_DISABLED"] = "true"
        child = _Child(str(function.get("handler")).split(".")[1], environment)
        try:
            yield child
        finally:
            child.stop()

    def _text(self, value: object) -> str:
        return REFERENCE.sub(lambda match: self._reference(match[1], match[2]), str(value))

    def _reference(self, address: str, attribute: str) -> str:
        type_, _, id_ = address.rpartition(".")
        target = self._stack.at(address)
        values = target.values if target else {}
        if attribute == "url":
            return f"{self._aws.url}/{ACCOUNT_ID}/{self._text(values.get('name', id_))}"
        if attribute == "arn":
            return self._secret_arns.get(id_) or f"arn:aws:{type_}:{REGION}:{ACCOUNT_ID}:{id_}"
        found = values.get(attribute)
        return self._text(found) if found is not None else ACCOUNT_ID


class _Child:
    """One function's process."""

    def __init__(self, function: str, environment: Mapping[str, str]) -> None:
        self._function = function
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._errors: list[bytes] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.estimate.observed.child"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for pipe, take in ((self._process.stdout, self._lines.put), (self._process.stderr, self._errors.append)):
            assert pipe is not None
            threading.Thread(target=_read, args=(pipe, take), daemon=True).start()
        self._write(function.encode())

    def run(self, event: Mapping[str, Any]) -> Invocation:
        """Run the handler on an event.

        Raises
        ------
        NotObservedError
            When it does not answer, or calls what is not counted.
        """
        self._write(json.dumps(event).encode())
        log: list[bytes] = []
        while True:
            try:
                line = self._lines.get(timeout=ANSWER_SECONDS)
            except queue.Empty:
                line = b""
            if not line:
                raise NotObservedError(f"{self._function} did not answer a sample event: {self._said()}")
            if line.startswith(_MARK):
                break
            log.append(line)
        return invocation(self._function, line.removeprefix(_MARK), log)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise NotObservedError(f"{self._function} does not start: {self._said()}") from error

    def _said(self) -> str:
        return b"".join(self._errors[-3:]).decode(errors="replace").strip() or "it printed nothing"


def _declared(name: str, table: Resource) -> dict[str, Any]:
    """Return the request of ``CreateTable`` for a table of the stack."""
    indexes = [
        {
            "IndexName": index["name"],
            "KeySchema": _key_schema(index),
            "Projection": {
                "ProjectionType": index["projection_type"],
                **({"NonKeyAttributes": names} if (names := index.get("non_key_attributes")) else {}),
            },
        }
        for index in table.blocks("global_secondary_index")
    ]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _key_schema(table.values),
        "AttributeDefinitions": [
            {"AttributeName": one["name"], "AttributeType": one["type"]} for one in table.blocks("attribute")
        ],
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    }


def _key_schema(keyed: Mapping[str, Any]) -> list[dict[str, str]]:
    kinds = {"hash_key": "HASH", "range_key": "RANGE"}
    return [{"AttributeName": keyed[name], "KeyType": kind} for name, kind in kinds.items() if keyed.get(name)]


def invocation(function: str, answer: bytes, log: list[bytes]) -> Invocation:
    """Return what a function's process says of an invocation.

    Parameters
    ----------
    answer : bytes
        What `tools.estimate.observed.child` says.
    log : list[bytes]
        The lines that the function printed.

    Raises
    ------
    NotObservedError
        When the function calls what is not counted.
    """
    returned, counted, messages, unknown = json.loads(answer)
    if unknown:
        calls = ", ".join(sorted(set(unknown)))
        raise NotObservedError(f"{function} calls {calls}: tools/estimate/observed does not count it")
    usage = Usage(**counted)
    usage.log_bytes = sum(map(len, log))
    usage.metrics = set().union(*map(_metrics, log))
    usage.answer_bytes = len(json.dumps(returned))
    return Invocation(returned, usage, messages)


def _read(pipe: IO[bytes], take: Callable[[bytes], None]) -> None:
    """Hand on lines, and an empty one at the end."""
    for line in pipe:
        take(line)
    take(b"")


def _metrics(line: bytes) -> set[str]:
    """Return the custom metrics that a line of the log reports in the embedded metric format."""
    try:
        document = json.loads(line)
        found = document["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return set()
    return {
        f"{block['Namespace']} {','.join(f'{name}={document.get(name)}' for name in dimensions)} {metric['Name']}"
        for block in found
        for dimensions in block["Dimensions"]
        for metric in block["Metrics"]
    }


def _sample_entry(stack: Stack, path: WebhookPath) -> str:
    deployed = {secret.get("name", "") for secret in stack.all("aws_secretsmanager_secret")}
    function = path.ingestion or path.processing
    entries: dict[str, dict[str, str]] = json.loads(stack.variables(function).get("PROVIDERS", "{}"))
    usable = [name for name, of in entries.items() if of["entry"] == name and name in senders.providers()]
    for name in (*_PREFERRED, *usable):
        if name in usable:
            return name
    raise NotObservedError(
        f"sample webhooks can be signed for none of the deployed providers; deployed: {', '.join(sorted(deployed))}"
    )


def _webhook_of(entry: str, size: int, number: int, secret: str) -> senders.SentWebhook:
    """Return a webhook whose body has a size."""
    now = int(time.time())
    bare = senders.webhook(entry, number, secret, now)
    padding = size - len(senders.webhook(entry, number, secret, now, {"padding": ""}).body)
    if size == len(bare.body):
        return bare
    if padding < 0:
        raise NotObservedError(
            f"SIZE: {size} bytes is less than the smallest webhook of {entry}; allowed: "
            f"{len(senders.webhook(entry, number, secret, now, {'padding': ''}).body)} bytes or more"
        )
    return senders.webhook(entry, number, secret, now, {"padding": "x" * padding})
