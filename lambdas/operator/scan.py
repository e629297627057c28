"""Going through records, the newest first, at a cost that has an end.

An index partition holds a provider's entries of an hour, a transaction's, or a part of all dead letters or conflicts.
Those of one span of time are read side by side and merged. The order is that of entries: records that were created
together have one entry, see `lambdas.inbound.record_items`, and stay together.
"""

import heapq
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from lambdas.inbound.record_items import (
    BY_RECEIVED_INDEX,
    BY_TRANSACTION_INDEX,
    MAX_LISTED,
    PARTITION_KEY,
    SHARDS,
    SORT_KEY,
    listing_id_of,
    received_minute,
)
from lambdas.inbound.record_queries import RecordQueries, buckets_of_hour
from lambdas.operator.request import LAST, Position, Wanted
from lambdas.shared import times

# Of a page. At about 2 ms each, and ten at a time, these queries take less than a second.
MAX_QUERIES = 400
# About 4 KB of entries, which are half a read unit.
CHUNK = 20
_Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Span:
    """Partitions of an index that are read side by side.

    Attributes
    ----------
    index : str
        The index.
    partitions : Sequence[str]
        Its partitions.
    start, end : str
        The range of its time, both included.
    """

    index: str
    partitions: Sequence[str]
    start: str
    end: str

    @property
    def behind(self) -> Position:
        """The place behind all of it."""
        return Position(before(self.start), LAST, LAST)


class Scan:
    """One page's way through records.

    Parameters
    ----------
    queries : RecordQueries
        The records.
    executor : Executor
        Reads partitions side by side.
    wanted : Wanted
        Where it begins and ends.
    providers : Sequence[str]
        Whose records.
    most : int
        Records from which on no more are read.

    Attributes
    ----------
    position : Position
        How far it came.
    complete : bool
        Whether it came to the end.
    """

    def __init__(
        self, queries: RecordQueries, executor: Executor, wanted: Wanted, providers: Sequence[str], most: int
    ) -> None:
        self.position = wanted.position
        self.complete = False
        self._queries = queries
        self._executor = executor
        self._wanted = wanted
        self._providers = providers
        self._most = most
        self._calls = 0
        self._read = 0
        # Records of a listing, as far as is known.
        self._listed = float(MAX_LISTED)

    def records(self, together: int) -> Iterator[dict[str, Any]]:
        """Yield records of the range, with `position` behind each, until the end, or until the page has cost enough.

        Parameters
        ----------
        together : int
            About how many are read at a time.
        """
        for span in self._spans():
            # The first one is read in any case: each page gets further than the one before.
            if self._calls and self._calls + len(span.partitions) > MAX_QUERIES:
                return
            entries = self._entries(span)
            while batch := self._take(entries, together):
                yield from self._of(batch)
                if self._calls >= MAX_QUERIES or self._read >= self._most:
                    return
            self.position = span.behind
        self.complete = True

    def _spans(self) -> Iterator[Span]:
        wanted, end = self._wanted, self.position.at
        if wanted.transaction_id is not None:
            partitions = [wanted.transaction_id]
            yield Span(index=BY_TRANSACTION_INDEX, partitions=partitions, start=wanted.start, end=end)
        elif wanted.index is not None:
            yield Span(index=wanted.index, partitions=[*map(str, range(SHARDS))], start=wanted.start, end=end)
        else:
            for start, until in hours_of(wanted.start, end):
                buckets = [bucket for provider in self._providers for bucket in buckets_of_hour(provider, start)]
                yield Span(index=BY_RECEIVED_INDEX, partitions=buckets, start=start, end=until)

    def _entries(self, span: Span) -> Iterator[_Entry]:
        """Yield the entries of a span, from the position on."""
        self._calls += len(span.partitions)
        first = list(self._executor.map(lambda partition: self._query(span, partition, None), span.partitions))
        streams = [self._in_order(span, *each) for each in zip(span.partitions, first, strict=True)]
        begun = self.position
        for entry in heapq.merge(*streams, key=self._place_of, reverse=True):
            place = self._place_of(entry)
            if place < begun.entry or (place == begun.entry and begun.taken):
                yield entry

    def _in_order(self, span: Span, partition: str, page: tuple[list[_Entry], Any]) -> Iterator[_Entry]:
        # DynamoDB has an order of its own among entries of one time. An index partition takes 1,000 writes/s, so that
        # these are few.
        for _, together in groupby(self._pages(span, partition, page), key=itemgetter(self._wanted.time)):
            yield from sorted(together, key=self._place_of, reverse=True)

    def _pages(self, span: Span, partition: str, page: tuple[list[_Entry], Any]) -> Iterator[_Entry]:
        entries, after = page
        while True:
            yield from entries
            if after is None:
                return
            self._calls += 1
            entries, after = self._query(span, partition, after)

    def _query(self, span: Span, partition: str, after: Any) -> tuple[list[_Entry], Any]:
        return self._queries.newest(span.index, partition, start=span.start, end=span.end, limit=CHUNK, after=after)

    def _take(self, entries: Iterator[_Entry], together: int) -> list[_Entry]:
        """Take entries that have about so many records."""
        batch = []
        expected = 0.0
        for entry in entries:
            batch.append(entry)
            expected += self._listed if listing_id_of(entry) else 1
            if expected >= together:
                break
        return batch

    def _of(self, batch: Sequence[_Entry]) -> Iterator[dict[str, Any]]:
        found = self._queries.records_of(batch)
        self._read += sum(map(len, found))
        if listed := [len(records) for entry, records in zip(batch, found, strict=True) if listing_id_of(entry)]:
            self._listed = sum(listed) / len(listed)
        for entry, records in zip(batch, found, strict=True):
            taken = self.position.taken if self._place_of(entry) == self.position.entry else 0
            behind = Position(*self._place_of(entry))
            for number, record in enumerate(reversed(records), start=1):
                if number > taken:
                    self.position = replace(behind, taken=number) if number < len(records) else behind
                    if record is not None:
                        yield record
            # Never to be read again, so that each page gets further than the one before.
            self.position = behind

    def _place_of(self, entry: _Entry) -> tuple[str, str, str]:
        return entry[self._wanted.time], entry[PARTITION_KEY], entry[SORT_KEY]


def hours_of(start: str, end: str) -> Iterator[tuple[str, str]]:
    """Yield the hours in which records of a range may be in the index by time of receipt, the newest first.

    Each is given by its first and last millisecond, as far as they are in the range.
    """
    # A listing is in the index at the time of its first record.
    earliest = received_minute(start) + ":00.000Z"
    while end >= earliest:
        begin = max(earliest, end[:13] + ":00:00.000Z")
        yield begin, end
        end = before(begin)


def before(time: str) -> str:
    """Return the last millisecond before a time."""
    return times.iso((datetime.fromisoformat(time) - timedelta(milliseconds=1)).timestamp())
