"""What a full batch costs processing, and how many calls to AWS it makes, against a local AWS.

The answers come from MiniStack, over TLS and with everything stored, so that it works with whatever calls the function
makes. Only the function's own CPU is counted.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from bench.measure import Document, Series, interleaved
from bench.process import MeasuredFunction, Process
from bench.report import show
from lambdas.shared import times
from tests.lambdas.support import NOW, Clients, World, envelope
from tests.lambdas.support import event as webhook_event
from tools.local.aws import REGION, ROOT_KEY, LocalAws

BATCH = 10
BEFORE = 5


def measure(
    functions: Mapping[str, MeasuredFunction], rounds: int, progress: Callable[[str], None]
) -> tuple[dict[str, dict[str, Series]], Document]:
    """Measure every function on batches of events that it has not seen."""
    numbers = count()
    with LocalAws.start() as server:
        world = World.build(Clients.of(server))
        environment = {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_CA_BUNDLE": str(server.certificate_authority),
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_SESSION_TOKEN": "",
            "AWS_REGION": REGION,
            "TABLE_NAME": world.name,
            "BUCKET_NAME": world.name,
            "EVENT_BUS_NAME": world.name,
        }
        calls: dict[str, Counter[str]] = {}
        processes = {}
        try:
            for name, function in functions.items():
                processes[name] = Process(replace(function, environment=environment))
                for _ in range(BEFORE):
                    processes[name].run(1, _batch(numbers))
                calls[name] = processes[name].calls(_batch(numbers))

            def run(process: Process) -> Mapping[str, float]:
                cpu, wall = process.run(1, _batch(numbers))
                return {"cpu": cpu, "wall": wall}

            measured = interleaved(
                {name: (lambda p=p: run(p)) for name, p in processes.items()},  # type: ignore[misc]
                rounds,
                progress,
            )
        finally:
            for process in processes.values():
                process.__exit__(None, None, None)
    document = {
        "unit": f"ms a batch of {BATCH}",
        "rounds": rounds,
        "functions": {
            name: {
                **{figure: one.to_document() for figure, one in figures.items()},
                "calls": dict(sorted(calls[name].items())),
                "callsPerEvent": round(calls[name].total() / BATCH, 2),
            }
            for name, figures in measured.items()
        },
    }
    return measured, document


def _batch(numbers: Any) -> dict[str, Any]:
    """Return a full batch from the main queue, of events that came within seconds of what they are about."""
    records = []
    for number in (next(numbers) for _ in range(BATCH)):
        one = webhook_event(event_id=f"evt_{number}", transaction_id=f"tx_{number}")
        message = envelope(
            replace(one, occurred_at=times.iso(NOW - 6)),
            body=b'{"id":"evt_%d","padding":"%s"}' % (number, b"x" * 1_000),
        )
        records.append(
            {
                "messageId": f"00000000-0000-0000-0000-{number:012}",
                "receiptHandle": "handle",
                "body": message.to_message(),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1790000000000",
                    "SenderId": "bench",
                    "ApproximateFirstReceiveTimestamp": "1790000000001",
                },
                "messageAttributes": {},
                "md5OfBody": "0",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:bench",
                "awsRegion": "us-east-1",
            }
        )
    return {"Records": records}


def table(measured: Mapping[str, Mapping[str, Series]], document: Document, rounds: int) -> None:
    """Show the figures."""
    show(
        f"Processing: a batch of {BATCH} new events, CPU ms",
        ("function", "median", "min to max", "calls to AWS", "a event", "which"),
        [
            (
                name,
                f"{figures['cpu'].median:.1f}",
                f"{figures['cpu'].minimum:.1f} to {figures['cpu'].maximum:.1f}",
                sum(document["functions"][name]["calls"].values()),
                document["functions"][name]["callsPerEvent"],
                ", ".join(f"{call} {times}" for call, times in document["functions"][name]["calls"].items()),
            )
            for name, figures in measured.items()
        ],
        f"{rounds} rounds, interleaved, against a local AWS; only the function's own CPU is counted.",
    )
