"""Counting events by provider and state, at a cost that does not grow with their number.

Where there are few, every record is read, and the counts are exact. Where there are many, they are estimated from a
sample: an event's shard is that of its id's digest, so that some shards of each hour stand for all, and records that
are spread evenly over the entries stand for those between them. A state that few events have may be missed then.
"""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from lambdas.inbound.record_items import BY_RECEIVED_INDEX, MAX_LISTED, SHARDS, listing_id_of
from lambdas.inbound.record_queries import RecordQueries, buckets_of_hour
from lambdas.operator.request import Wanted
from lambdas.operator.scan import before, hours_of

# At about 1.5 ms each of one CPU, these queries take less than four seconds. A week of one provider has 1,690.
MAX_QUERIES = 2_000
# Of all partitions together, and of each at least: what half a read unit has.
MAX_ENTRIES = 50_000
MIN_ENTRIES = 20
MAX_RECORDS = 1_000


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """An entry of the index, and for how many entries it stands."""

    provider: str
    entry: dict[str, Any]
    weight: float

    @property
    def records(self) -> int:
        """How many records it may have."""
        return MAX_LISTED if listing_id_of(self.entry) else 1


def count(queries: RecordQueries, executor: Executor, providers: Sequence[str], wanted: Wanted) -> dict[str, Any]:
    """Return how many events of a range there are by provider and state, and whether that is exact."""
    hours = list(hours_of(wanted.start, before(wanted.end)))
    shards = min(SHARDS, max(1, MAX_QUERIES // (len(hours) * len(providers))))
    partitions = [
        (provider, bucket, start, end)
        for provider in providers
        for start, end in hours
        for bucket in buckets_of_hour(provider, start)[:shards]
    ]
    most = max(MIN_ENTRIES, MAX_ENTRIES // len(partitions))

    def read(provider: str, bucket: str, start: str, end: str) -> list[_Counted]:
        entries, more = queries.newest(BY_RECEIVED_INDEX, bucket, start=start, end=end, limit=most)
        # What was not read is taken to be as dense as what was.
        part = _seconds(entries[-1]["receivedAt"], end) / _seconds(start, end) if more else 1.0
        weight = SHARDS / shards / part
        return [_Counted(provider=provider, entry=entry, weight=weight) for entry in entries]

    found = [one for entries in executor.map(read, *zip(*partitions, strict=True)) for one in entries]
    sample = [
        one
        for _, of_provider in groupby(found, key=attrgetter("provider"))
        for one in _sample(list(of_provider), MAX_RECORDS // len(providers))
    ]
    estimated: defaultdict[tuple[str, str | None], float] = defaultdict(float)
    for one, records in zip(sample, queries.records_of([one.entry for one in sample]), strict=True):
        for record in records:
            if record is not None and wanted.matches(record):
                estimated[one.provider, record.get("state")] += one.weight
    return {
        "from": wanted.start,
        "to": wanted.end,
        "exact": shards == SHARDS and all(one.weight == 1 for one in sample),
        "counts": [
            {"provider": provider, "state": state, "events": round(number)}
            for (provider, state), number in sorted(estimated.items(), key=str)
        ],
    }


def _sample(found: Sequence[_Counted], most: int) -> Sequence[_Counted]:
    """Return entries that have at most about so many records, evenly spread, with the weight of those between them."""
    if sum(one.records for one in found) <= most:
        return found
    number = max(1, len(found) * most // sum(one.records for one in found))
    chosen = [found[place * len(found) // number] for place in range(number)]
    factor = sum(one.weight for one in found) / sum(one.weight for one in chosen)
    return [_Counted(provider=one.provider, entry=one.entry, weight=one.weight * factor) for one in chosen]


def _seconds(start: str, end: str) -> float:
    # At least a millisecond, for entries of one time.
    return max(0.001, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
