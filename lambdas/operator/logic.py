"""Lists of events, one event with all that belongs to it, its payload, and counts."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

from lambdas.inbound.envelope import Envelope, NotAnEnvelopeError
from lambdas.inbound.record_items import DEAD_LETTER, SORT_KEY, UNREADABLE, shown, transaction_of
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.requests import BadRequestError, is_event_key, read_path_id
from lambdas.operator.counting import count
from lambdas.operator.request import Wanted, write_position
from lambdas.operator.scan import Scan

# Records of a page.
MAX_RECORDS = 1_000
# Read together where only some of them are asked for.
_TOGETHER = 100
# An event has one record, and one for each dead letter with its id and another payload.
MAX_SHOWN = 20
MAX_RELATED = 100


def read_event_key(part: str) -> str:
    """Return ``<provider>:<event id>`` from the last part of a path.

    Raises
    ------
    BadRequestError
        When it cannot name an event.
    """
    key = read_path_id("event", part)
    if not is_event_key(key):
        raise BadRequestError(f'event: {key[:60]!r} is not of the form "<provider>:<event id>"')
    return key


class NotFoundError(Exception):
    """There is no such event, or no such record of it."""


class NoPayloadError(Exception):
    """The payload cannot be read; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Answers what operators ask about events.

    Attributes
    ----------
    queries : RecordQueries
        Finds the records.
    read_archived : Callable[[Mapping[str, Any]], bytes]
        Reads the payload at a place in the archive.
    read_dead_letter : Callable[[str], str]
        Reads the message of a dead letter, whose payload may not be archived.
    executor : Executor
        Carries out reads side by side.
    providers : Sequence[str]
        The deployed names.
    """

    queries: RecordQueries
    read_archived: Callable[[Mapping[str, Any]], bytes]
    read_dead_letter: Callable[[str], str]
    executor: Executor
    providers: Sequence[str]

    def events(self, wanted: Wanted) -> dict[str, Any]:
        """Return a page of events, the newest first. It may be short, or empty, and have a next one."""
        if wanted.event_id is not None:
            return {"events": [_listed(record) for record in self._looked_up(wanted)], "next": None}
        scan = self._scan(wanted, MAX_RECORDS)
        selective = wanted.index is None and set(wanted.attributes) - {"provider"}
        records = scan.records(_TOGETHER if selective else wanted.limit)
        found = list(islice(filter(wanted.matches, records), wanted.limit))
        return {"events": [_listed(record) for record in found], "next": _next_of(scan, wanted)}

    def counts(self, wanted: Wanted) -> dict[str, Any]:
        """Return how many events there are by provider and state, exactly or estimated."""
        return count(self.queries, self.executor, self._providers(wanted), wanted)

    def event(self, key: str) -> dict[str, Any]:
        """Return the records of an event, each with its timeline, and the other events of its transaction.

        Raises
        ------
        NotFoundError
            When there is no such event.
        """
        records = self._records(key)
        transaction_id = transaction_of(records[0])
        related = list(islice(self.queries.transaction(transaction_id), MAX_RELATED + 1))
        others = [record for record in related if f"{record['provider']}:{record['eventId']}" != key]
        return {
            "event": key,
            "records": [
                {**_listed(one), "record": one[SORT_KEY], "timeline": one.get("timeline", [])[::-1]} for one in records
            ],
            "transaction": {
                "transactionId": transaction_id,
                "otherEvents": [_listed(record) for record in others[:MAX_RELATED]],
                "hasMore": len(related) > MAX_RELATED,
            },
        }

    def payload(self, key: str, sort: str | None) -> bytes:
        """Return the exact bytes that were received of an event.

        Parameters
        ----------
        sort : str | None
            Which of its records; None for the first one whose payload is stored.

        Raises
        ------
        NotFoundError
            When there is no such event, or no such record of it.
        NoPayloadError
            When the payload is not stored, or cannot be read.
        """
        records = [record for record in self._records(key) if sort in (None, record[SORT_KEY])]
        if not records:
            raise NotFoundError
        left = [record for record in records if "erasedAt" not in record]
        if not left:
            raise NoPayloadError(f"it was erased at {records[0]['erasedAt']}")
        for record in left:
            if archived := record.get("archive"):
                return self.read_archived(archived)
        for record in left:
            if letter := record.get("deadLetter"):
                return self._payload_of_dead_letter(letter)
        raise NoPayloadError("it is neither archived nor dead-lettered; its message is still in the queue")

    def _payload_of_dead_letter(self, letter: str) -> bytes:
        try:
            envelope = Envelope.from_message(self.read_dead_letter(letter))
        except NotAnEnvelopeError as error:
            raise NoPayloadError(f"the message at {letter} cannot be read: {error}") from error
        return self.read_archived(asdict(envelope.archived)) if envelope.archived else envelope.body or b""

    def _records(self, key: str) -> list[dict[str, Any]]:
        records = self.queries.by_event(key)[:MAX_SHOWN]
        if not records:
            raise NotFoundError
        # The event itself first, and not its dead letters.
        return sorted(records, key=lambda record: record[SORT_KEY].startswith(DEAD_LETTER))

    def _looked_up(self, wanted: Wanted) -> list[dict[str, Any]]:
        providers = self._providers(wanted)
        found = self.executor.map(self.queries.by_event, [f"{name}:{wanted.event_id}" for name in providers])
        records = [record for records in found for record in records]
        return sorted(filter(wanted.matches, records), key=itemgetter("receivedAt"), reverse=True)[: wanted.limit]

    def _scan(self, wanted: Wanted, most: int) -> Scan:
        return Scan(self.queries, self.executor, wanted, self._providers(wanted), most)

    def _providers(self, wanted: Wanted) -> Sequence[str]:
        return [*self.providers, UNREADABLE] if wanted.provider is None else [wanted.provider]


def _listed(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**shown(record), "transactionId": transaction_of(record)}


def _next_of(scan: Scan, wanted: Wanted) -> str | None:
    return None if scan.complete else write_position(wanted.start, scan.position)
