"""The functions run on sample webhooks against the counting endpoint, with the variables that the stack gives them."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, Any, Self

from modules.terraform_json.document import REFERENCE
from tools import ROOT, senders
from tools.estimate.observed.child import ANSWER
from tools.estimate.observed.endpoint import CountingEndpoint, encoded
from tools.estimate.observed.table import Table
from tools.estimate.observed.usage import Usage
from tools.estimate.synthesized import Resource, Stack, WebhookPath

ANSWER_SECONDS = 60
_MARK = ANSWER.encode()
# Senders whose documents may be padded to any size, and that every preset deploys.
_PREFERRED = ("generic", "generic-timestamped", "stripe", "standard-webhooks")


class NotObservedError(Exception):
    """The functions could not be observed; the message says why."""


class Observer:
    """Observes the functions of one stack for webhooks of one size.

    Parameters
    ----------
    stack : Stack
        Its functions' variables, tables and queues are what the functions see.
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
        tables = {
            self._text(table.get("name")): Table.declared(table.values) for table in stack.all("aws_dynamodb_table")
        }
        self._endpoint = CountingEndpoint(tables)
        self._children: list[_Child] = []
        self._door: Usage | None = None
        self._batches: dict[int, tuple[Usage, Usage]] = {}
        self._number = 0

    def __enter__(self) -> Self:
        """Start endpoint and functions."""
        self._endpoint.__enter__()
        if self._path.ingestion is not None:
            for secret in self._stack.all("aws_secretsmanager_secret"):
                kept = senders.kept(self._entry, self._secret)
                self._endpoint.secrets[self._reference(secret.address, "arn")] = json.dumps({"secrets": [kept]})
            self._ingestion = self._start(self._path.ingestion)
            # The first webhook reads the secret, which the function then keeps.
            self._accept()
            self._ingestion.with_output(self._endpoint.restart())
        self._processing = self._start(self._path.processing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop them."""
        for child in self._children:
            child.stop()
        self._endpoint.__exit__(kind, error, trace)

    def ingestion(self) -> Usage:
        """Return what one webhook causes at the door, once the function is warm."""
        if self._door is None:
            self._endpoint.forget()
            self._accept()
            self._door = self._ingestion.with_output(self._endpoint.restart())
        return self._door

    def processing(self, batch: int) -> tuple[Usage, Usage]:
        """Return what a batch of new events causes, and what the same batch causes when it comes again."""
        if batch not in self._batches:
            self._endpoint.forget()
            for _ in range(batch):
                self._accept()
            messages = list(self._endpoint.messages)
            self._ingestion.with_output(self._endpoint.restart())
            # What ingestion put aside because it was too large is not the batch's doing.
            self._batches[batch] = (self._process(messages), self._process(messages))
        return self._batches[batch]

    def _accept(self) -> None:
        self._number += 1
        sent = _webhook_of(self._entry, self._size, self._number, self._secret)
        headers = {**sent.headers, "X-Provider-ID": self._entry}
        answer = self._ingestion.run(
            {
                "httpMethod": "POST",
                "path": f"/webhook/{self._entry}",
                "pathParameters": {"provider": self._entry},
                "multiValueHeaders": {name: [value] for name, value in headers.items()},
                "headers": headers,
                "queryStringParameters": None,
                "requestContext": {"requestId": str(uuid.uuid4()), "requestTimeEpoch": int(time.time() * 1000)},
                "body": encoded(sent.body),
                "isBase64Encoded": True,
            }
        )
        if answer["statusCode"] != 202:
            raise NotObservedError(f"ingestion answered {answer['statusCode']} to a sample webhook: {answer['body']}")

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
        answer = self._processing.run({"Records": records})
        if failed := answer["batchItemFailures"]:
            raise NotObservedError(f"processing failed for {len(failed)} of {len(records)} sample messages")
        return self._processing.with_output(self._endpoint.restart())

    def _start(self, function: Resource) -> "_Child":
        variables = {name: self._text(value) for name, value in self._stack.variables(function).items()}
        name = str(function.get("handler")).split(".")[1]
        child = _Child(
            name,
            {
                **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                **variables,
                "AWS_ENDPOINT_URL": self._endpoint.url,
                "AWS_CA_BUNDLE": str(self._endpoint.certificate_authority),
                "AWS_ACCESS_KEY_ID": "observed",
                "AWS_SECRET_ACCESS_KEY": "observed",
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_LAMBDA_FUNCTION_NAME": self._text(function.get("function_name")),
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.get("memory_size")),
                "POWERTOOLS_TRACE_DISABLED": "true",
            },
        )
        self._children.append(child)
        return child

    def _text(self, value: object) -> str:
        return REFERENCE.sub(lambda match: self._reference(match[1], match[2]), str(value))

    def _reference(self, address: str, attribute: str) -> str:
        type_, _, id_ = address.rpartition(".")
        found = self._stack.at(address)
        values = found.values if found else {}
        if attribute == "url":
            return f"{self._endpoint.url}/000000000000/{self._text(values.get('name', id_))}"
        if attribute == "arn":
            return f"arn:aws:{type_}:us-east-1:000000000000:{id_}"
        said = values.get(attribute)
        return self._text(said) if said is not None else "000000000000"


class _Child:
    """One function's process."""

    def __init__(self, function: str, environment: Mapping[str, str]) -> None:
        self._function = function
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._errors: list[bytes] = []
        self._log: list[bytes] = []
        self._answer = b""
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

    def run(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Run the handler on an event and return what it returned."""
        self._write(json.dumps(event).encode())
        while True:
            try:
                line = self._lines.get(timeout=ANSWER_SECONDS)
            except queue.Empty:
                line = b""
            if not line:
                raise NotObservedError(f"{self._function} did not answer a sample event: {self._said()}")
            if line.startswith(_MARK):
                self._answer = line.removeprefix(_MARK).strip()
                answer: dict[str, Any] = json.loads(self._answer)
                return answer
            self._log.append(line)

    def with_output(self, usage: Usage) -> Usage:
        """Add what the function printed, and returned last, since it was asked before."""
        usage.log_bytes = sum(map(len, self._log))
        usage.metrics = set().union(*map(_metrics, self._log))
        usage.answer_bytes = len(self._answer)
        self._log.clear()
        return usage

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
        f"no deployed provider is one that sample webhooks can be signed for; deployed: {', '.join(sorted(deployed))}"
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
            f"SIZE: {size} bytes is less than a webhook of {entry} has; allowed: "
            f"{len(senders.webhook(entry, number, secret, now, {'padding': ''}).body)} bytes or more"
        )
    return senders.webhook(entry, number, secret, now, {"padding": "x" * padding})
