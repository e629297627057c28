"""``python -m bench.operator_pages 100000 720``: what pages of the operators' lists cost, on the local AWS.

Arguments are the number of events and the hours over which they came. The calls are counted, and their read units by
DynamoDB's rules: an eventually consistent query takes half a unit for each 4 KB that it reads, and half a unit if it
reads nothing; a strongly consistent item takes one for each 4 KB. Times are those of a table in memory, which AWS's are
not; they say what the function itself needs.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.record_batches import BatchedRecords, Creation
from lambdas.inbound.record_items import (
    INDEXES,
    Claim,
    Step,
    entry,
    first_key,
)
from lambdas.inbound.record_queries import RecordQueries
from lambdas.operator.logic import Operator
from lambdas.operator.request import COUNTS, EVENTS, read_list
from lambdas.shared import times
from tests.lambdas.support import create_table
from tools.local.aws import LocalAws

NOW = 1_790_000_000.0
PROVIDERS = ("stripe", "adyen", "github", "generic")
BATCH = 25
_KB4 = 4_096


class Counting:
    """A DynamoDB client that counts calls and read units."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: Counter[str] = Counter()
        self.units = 0.0

    def query(self, **request: Any) -> Any:
        """Query, and count."""
        answer = self._client.query(**request)
        per_4_kb = 1.0 if request.get("ConsistentRead") else 0.5
        self.calls["Query"] += 1
        self.units += per_4_kb * max(1, -(-sum(map(_size, answer.get("Items", ()))) // _KB4))
        return answer

    def batch_get_item(self, **request: Any) -> Any:
        """Read items, and count."""
        answer = self._client.batch_get_item(**request)
        self.calls["BatchGetItem"] += 1
        self.units += sum(-(-_size(item) // _KB4) for items in answer["Responses"].values() for item in items)
        return answer


def _size(item: Mapping[str, Any]) -> int:
    """Return about how many bytes an item has."""
    return sum(len(name) + len(str(value)) for name, value in item.items())


def fill(client: Any, events: int, hours: float) -> None:
    """Make a table with events that came in evenly, in batches of one provider each, and one dead letter in 1,000."""
    create_table(client, "records", ("transactionId", "timestamp"), INDEXES, "KEYS_ONLY")
    records = BatchedRecords(client, "records")
    rng = random.Random(1)  # noqa: S311 (the same events in every run)
    for first in range(0, events, BATCH):
        at = NOW - hours * 3_600 * first / events - 1
        provider = rng.choice(PROVIDERS)
        codes = records.create_all([_creation(provider, number, at) for number in range(first, first + BATCH)])
        assert set(codes) == {None}
        if first % 1_000 == 0:
            envelope = _creation(provider, first, at).envelope
            # Its message was received for the last time when the claim had ended.
            records.mark_dead_lettered(envelope, f"m-{first}", times.iso(at), "dead-letter/one.json", "it is broken")


def _creation(provider: str, number: int, at: float) -> Creation:
    event = WebhookEvent(
        provider=provider,
        event_id=f"evt_{number:024}",
        event_type="wanted" if number % 10_000 == 0 else "payment_intent.succeeded",
        transaction_id=f"pi_{number // 5:024}",
        occurred_at=times.iso(at),
    )
    body = ArchivedBody(key=f"raw/_batch/2026-09-21/{number:064}", size=1_536, sha256=f"{number:064}")
    envelope = Envelope(
        event=event,
        received_at=times.iso(at),
        correlation_id=f"{number:036}",
        content_type="application/json",
        scheme="stripe-v1",
        archived=body,
    )
    steps = [entry(step, times.iso(at)) for step in (Step.RECEIVED, Step.ARCHIVED, Step.RECORDED, Step.ROUTED)]
    claim = Claim(owner=f"{number:036}", until=0)
    return Creation(key=first_key(event), envelope=envelope, archived=body, claim=claim, timeline=steps)


QUERIES: Mapping[str, Mapping[str, str]] = {
    "newest 50": {},
    "newest 50 of a provider": {"provider": "stripe"},
    "newest 200": {"limit": "200"},
    "50 of a type that one in 10,000 has": {"type": "wanted"},
    "newest 50 dead letters": {"list": "dead-letters"},
    "one event": {"eventId": f"evt_{77_777:024}"},
    "one transaction": {"transactionId": f"pi_{7_777:024}"},
}


def main() -> None:
    """Print what each page costs."""
    events, hours = int(sys.argv[1]), float(sys.argv[2])
    with LocalAws.start() as aws:
        client = aws.client("dynamodb")
        started = time.monotonic()
        fill(client, events, hours)
        print(
            f"{events:,} events over {hours:g} hours, of {len(PROVIDERS)} providers; {time.monotonic() - started:.0f} s"
        )
        for name, query in QUERIES.items():
            show(name, client, query)
        for name, back in (("hour", 1), ("day", 24), ("week", 168)):
            since = {"from": times.iso(NOW - back * 3_600)}
            show(f"counts of an {name}" if back == 1 else f"counts of a {name}", client, since, counted=True)
        show("counts of a week of a provider", client, {**since, "provider": "stripe"}, counted=True)


def show(name: str, client: Any, query: Mapping[str, str], *, counted: bool = False) -> None:
    """Print what a page costs."""
    counting = Counting(client)
    with ThreadPoolExecutor(10) as executor:
        operator = Operator(
            queries=RecordQueries(counting, "records"),
            read_archived=lambda _: b"",
            read_dead_letter=lambda _: "",
            executor=executor,
            providers=PROVIDERS,
        )
        wanted = read_list({key: [value] for key, value in query.items()}, COUNTS if counted else EVENTS, NOW)
        started = time.process_time()
        page = operator.counts(wanted) if counted else operator.events(wanted)
        spent = time.process_time() - started
    number = sum(one["events"] for one in page["counts"]) if counted else len(page["events"])
    calls = ", ".join(f"{count} {call}" for call, count in counting.calls.items())
    more = (", exact" if page["exact"] else ", estimated") if counted else ", and more" if page["next"] else ""
    print(f"{name}: {number} events{more}; {calls}; {counting.units:.0f} read units; {spent:.2f} s of CPU here")


if __name__ == "__main__":
    main()
