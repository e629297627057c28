"""Making statements: of each day that is over and has none, in order, each written once.

All that a statement says is read before it is written, and a run that ends before it is written leaves nothing but its
progress. Two runs at a time make the same; the first one's is the statement.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from lambdas.inbound.archive import Archive
from lambdas.inbound.envelope import RecordKey
from lambdas.inbound.record_items import FIRST, UNREADABLE, partition_of
from lambdas.inbound.record_queries import RecordQueries
from lambdas.shared.times import iso
from lambdas.statement.baseline import LASTING, Stated, compared_until, numbers_of, stated
from lambdas.statement.chain import Statement, broken_links, day_after, days_of, digest, write
from lambdas.statement.counting import HAS, NUMBERS, Tally, count_entries, count_on, is_open, named, number_of
from lambdas.statement.differences import of_list, of_records, of_the_day, summary
from lambdas.statement.page import page_of
from lambdas.statement.places import PROGRESS_KEY, STATEMENT_PREFIX, key_of, page_key_of
from lambdas.statement.sources import LISTED_DAYS, Sources, bounds

# Until a day's events are processed, and the metrics of its end are there.
SETTLE_SECONDS = 3 * 3_600.0
# What is left of an invocation when nothing else is begun: the writing of the progress, which names each account.
STOP_SECONDS = 60.0
# So much is counted again after a run that was killed.
SAVE_SECONDS = 60.0
# Of the quarantine, between two looks at the time: a flood can leave millions.
NAMES_AT_ONCE = 1_000
# Open events of earlier days that are followed besides those of the day.
MAX_FOLLOWED = 100


class OutOfTimeError(Exception):
    """The time of a run ends before its statement is made; the next one goes on."""


@dataclass(kw_only=True)
class Work:
    """What was counted for a statement so far.

    Attributes
    ----------
    day : str
        Its day.
    previous : str | None
        Digest of the one before.
    tallies : dict[str, Tally]
        By day and provider.
    entries : dict[str, int]
        Entries of the index by day and provider, of closed days.
    quarantined : dict[str, tuple[int, str]]
        How many webhooks are in the quarantine up to which name, by provider.
    """

    day: str
    previous: str | None
    tallies: dict[str, Tally] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Statements:
    """Makes statements.

    Attributes
    ----------
    queries : RecordQueries
        The records.
    executor : Executor
        Reads side by side.
    archive : Archive
        Writes statements and pages, each once.
    write_progress : Callable[[str], Any]
        Writes the progress over the one before.
    sources : Sources
        What others say, and what is in the bucket.
    providers : Mapping[str, float | None]
        Each deployed name, with the seconds between two reconciliations; None where there are none.
    look_back_days : int
        Closed days of which it is looked whether records came to them since.
    quarantines : bool
        Whether there is a quarantine.
    ingestion, delivery_worker, tenants
        See `lambdas.statement.environment`.
    clock : Callable[[], float]
        Seconds since the epoch.
    on_written : Callable[[Statement], Any]
        Called when a statement is written; again if the run was killed then.
    """

    queries: RecordQueries
    executor: Executor
    archive: Archive
    write_progress: Callable[[str], Any]
    sources: Sources
    providers: Mapping[str, float | None]
    look_back_days: int
    quarantines: bool
    ingestion: str | None
    delivery_worker: str | None
    tenants: Mapping[str, Mapping[str, Sequence[str] | None]]
    clock: Callable[[], float]
    on_written: Callable[[Statement], Any]

    def run(self, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Make what is due; return the days of what was written, and whether all of it was.

        Parameters
        ----------
        seconds_left : Callable[[], float]
            Until the invocation ends.

        Raises
        ------
        Exception
            When AWS does not answer, or a statement before is none. The next run goes on.
        """
        due = datetime.fromtimestamp(self.clock() - SETTLE_SECONDS, UTC).date().isoformat()
        written: list[str] = []
        while True:
            keys = set(self.sources.keys(STATEMENT_PREFIX))
            days = days_of(keys)
            if days and page_key_of(days[-1]) not in keys:
                self._conclude(self._read(days[-1]))
                continue
            day = day_after(days[-1]) if days else day_after(due, -1)
            if day >= due:
                return {"written": written, "complete": True}
            chain = [self._read(each) for each in days if each >= day_after(day, -self.look_back_days)]
            try:
                said = self._make(day, chain, self._progress(day, chain, keys), seconds_left)
            except OutOfTimeError:
                return {"written": written, "complete": False}
            self.archive.store_json(key_of(day), write(said))
            # Another run's may be there already.
            self._conclude(self._read(day))
            written.append(day)

    def _conclude(self, statement: Statement) -> None:
        """Tell of a statement, and write its page, which is there last of all."""
        self.on_written(statement)
        self.archive.store_page(page_key_of(statement.day), page_of(statement))

    def _read(self, day: str) -> Statement:
        return Statement(day, self.sources.read(key_of(day)))

    def _progress(self, day: str, chain: Sequence[Statement], keys: Iterable[str]) -> Work:
        work = Work(day=day, previous=chain[-1].sha256 if chain else None)
        if PROGRESS_KEY in keys:
            try:
                kept = json.loads(self.sources.read(PROGRESS_KEY))
                if (kept["day"], kept["previous"]) == (work.day, work.previous):
                    tallies = {name: Tally(**of) for name, of in kept["tallies"].items()}
                    return replace(work, tallies=tallies, entries=kept["entries"], quarantined=kept["quarantined"])
            except (ValueError, KeyError, TypeError, AttributeError):
                # Of another version, or no progress: it is counted again.
                pass
        return work

    def _make(
        self, day: str, chain: Sequence[Statement], work: Work, seconds_left: Callable[[], float]
    ) -> dict[str, Any]:
        before = chain[-1] if chain else None
        last = before.providers if before else {}
        known = stated(chain)
        # What is not deployed any more is told of for as long as anything may become of it.
        left = {name for (_, name), of in known.items() if of.entries}
        left |= {name for name, said in last.items() if said["open"]}
        names = sorted({*self.providers, UNREADABLE, *left})
        counting = _Counting(self, work, seconds_left)
        tallies = {name: counting.tally(day, name) for name in names}
        later = {name: list(counting.later(name, known)) for name in names}
        quarantined = {name: counting.quarantined(name) for name in names} if self.quarantines else {}
        counted = None
        if self.ingestion is not None and self._is_recent(day):
            counted = self.sources.counted(self.ingestion, list(self.providers), day)
        delivered = None
        if self.delivery_worker is not None:
            delivered = self.sources.delivered(self.delivery_worker, self.tenants, day)
        providers, differences = [], [{"provider": None, "what": fault} for fault in broken_links(chain)]
        for name in names:
            # What came to a closed day since, and is open, is followed from now on.
            late = [one for each in later[name] for one in counting.tally(each["day"], name).open]
            followed = [*last.get(name, {}).get("open", []), *late]
            said, problems = self._provider(
                day,
                name,
                tallies[name],
                chain=chain,
                later=later[name],
                followed=followed,
                counted=counted,
                delivered=None if delivered is None else delivered.get(name, []),
                quarantined=quarantined.get(name),
            )
            providers.append(said)
            differences += [{"provider": name, "what": problem} for problem in problems]
        return {
            "day": day,
            "previous": before
            and {
                "key": key_of(before.day),
                "sha256": before.sha256,
                "page": digest(self.sources.read(page_key_of(before.day))),
            },
            "providers": providers,
            "differences": differences,
            "notCovered": [
                *self._not_covered(day, names),
                *self._not_compared(day, providers),
                *_not_named(providers, before),
            ],
        }

    def _provider(
        self,
        day: str,
        name: str,
        tally: Tally,
        *,
        chain: Sequence[Statement],
        later: Sequence[Mapping[str, Any]],
        followed: Sequence[Mapping[str, Any]],
        counted: Mapping[str, Mapping[str, Any]] | None,
        delivered: Sequence[Mapping[str, Any]] | None,
        quarantined: int | None,
    ) -> tuple[dict[str, Any], list[str]]:
        """Return what a statement says of a provider, and what is wrong with it."""
        problems: list[str] = []
        every = self.providers.get(name)
        reports: Sequence[Mapping[str, Any]] = ()
        compared = compared_until(chain, name)
        if every is not None:
            windows = self.sources.windows(name, day, compared)
            reports = windows.reports
            begin, end = (at.timestamp() for at in bounds(day))
            problems += of_list(reports, before=windows.before, compared=compared, begin=begin, end=end, every=every)
        still_open, settled = self._followed(followed)
        has = of_the_day(reports, day)
        recovered = [event_id for report in reports for event_id in report["recoveredIds"]]
        said: dict[str, Any] = {
            "provider": name,
            "day": day,
            "accounts": _accounts(tally, has if reports else None),
            "entries": tally.entries,
            "list": summary(reports),
            **(counted or {}).get(name, {"accepted": None, "refused": None}),
            "quarantined": quarantined,
            "delivered": delivered,
            "open": [*still_open[:MAX_FOLLOWED], *tally.open],
            "openNotNamed": tally.opened - len(tally.open) + max(0, len(still_open) - MAX_FOLLOWED),
            "settled": settled,
            "later": later,
            "providerHasLater": _has_later(reports, compared, [statement.day for statement in chain]),
            "recoveredWithoutRecord": self._without_record(name, recovered),
            "recoveredNotNamed": sum(report["recovered"] - len(report["recoveredIds"]) for report in reports),
        }
        return said, [*problems, *of_records(said)]

    def _followed(self, named_before: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return which of the events that were open are so still, and what became of the others."""
        by_key: dict[RecordKey, Mapping[str, Any]] = {}
        for one in named_before:
            partition, sort = one["record"]
            by_key.setdefault(RecordKey(partition=partition, sort=sort), one)
        found = self.queries.existing(by_key)
        still_open, settled = [], []
        for key, one in by_key.items():
            record = found.get(key)
            if record is not None and is_open(record):
                still_open.append({**named(record), "day": one["day"]})
                continue
            now = None if record is None else "erased" if "erasedAt" in record else number_of(record)
            settled.append({"event": one["event"], "day": one["day"], "was": one["state"], "is": now})
        return still_open, settled

    def _without_record(self, name: str, event_ids: Sequence[str]) -> list[str]:
        """Return which of the events that were recovered have no record."""
        keys = {
            event_id: RecordKey(partition=partition_of(f"{name}:{event_id}"), sort=FIRST)
            for event_id in dict.fromkeys(event_ids)
        }
        found = self.queries.existing(keys.values())
        return [event_id for event_id, key in keys.items() if key not in found]

    def _is_recent(self, day: str) -> bool:
        return self.clock() - bounds(day)[0].timestamp() < LISTED_DAYS * 86_400

    def _not_covered(self, day: str, names: Iterable[str]) -> Iterable[str]:
        if self.ingestion is None:
            yield "accepted, refused: functions in a VPC have no way to CloudWatch"
        elif not self._is_recent(day):
            yield "accepted, refused: CloudWatch does not list metrics of so long ago"
        for name in names:
            if name not in (*self.providers, UNREADABLE):
                yield f"accepted, refused, of {name}: it is not deployed any more"
        if not self.quarantines:
            yield "quarantined: there is no quarantine"
        for name in sorted(name for name, every in self.providers.items() if every is None):
            yield f"what the provider has, of {name}: it is not in the setting reconciliation"
        if self.delivery_worker is None:
            yield "delivered: no tenants that get inbound events are known here, or they are not counted"

    def _not_compared(self, day: str, providers: Iterable[Mapping[str, Any]]) -> Iterable[str]:
        """Yield from when on no window has what a provider has of the day."""
        for said in providers:
            until = said["list"]["until"] if said["list"] else ""
            # A time as text is behind the day that it is of.
            if self.providers.get(said["provider"]) is not None and until < day_after(day):
                begin = iso(bounds(day)[0].timestamp())
                yield (
                    f"providerHas, of {said['provider']}: events from {max(until, begin)} on; "
                    "a later statement adds what its windows have of them"
                )


def _has_later(reports: Iterable[Mapping[str, Any]], compared: str | None, days: Iterable[str]) -> list[dict[str, Any]]:
    """Return what windows that no statement has yet have of closed days, by day, account and mode."""
    fresh = [report for report in reports if compared is None or report["until"] > compared]
    return [
        {"day": day, **_of_account(key), HAS: number}
        for day in days
        for key, number in sorted(of_the_day(fresh, day).items())
    ]


def _accounts(tally: Tally, has: Mapping[str, int] | None) -> list[dict[str, Any]]:
    """Return a row for each account and mode: what its provider has, None if nobody asked, and what was counted."""
    rows = []
    for key in {*tally.accounts, *(has or ())}:
        numbers = tally.accounts.get(key) or dict.fromkeys(NUMBERS, 0)
        rows.append({**_of_account(key), HAS: None if has is None else has.get(key, 0), **numbers})
    return sorted(rows, key=lambda row: str((row["account"], row["mode"])))


def _of_account(key: str) -> dict[str, str | None]:
    return dict(zip(("account", "mode"), json.loads(key), strict=True))


def _not_named(providers: Sequence[Mapping[str, Any]], before: Statement | None) -> Iterable[str]:
    """Yield which events are counted and cannot be looked for, since nobody names them."""
    for said in providers:
        if said["list"] and (number := said["list"]["notByAccount"]):
            yield f"providerHas, of {said['provider']}: {number} events of more accounts than the reports name"
        if number := said["recoveredNotNamed"]:
            yield (
                f"recoveredWithoutRecord, of {said['provider']}: {number} events that the reports count and do not name"
            )
    if before is not None:
        for name, said in before.providers.items():
            if number := said["openNotNamed"]:
                yield f"open, of {name}: {number} events that the statement of {before.day} counts and does not name"


class _Counting:
    """Counts for one statement, as far as the time goes."""

    def __init__(self, of: Statements, work: Work, seconds_left: Callable[[], float]) -> None:
        self._of = of
        self._work = work
        self._seconds_left = seconds_left
        self._saved_at = of.clock()

    def tally(self, day: str, provider: str) -> Tally:
        """Return what there is of a provider's day, all of it.

        Raises
        ------
        OutOfTimeError
            When the time ends before; what was counted is kept.
        """
        tally = self._work.tallies.setdefault(f"{day} {provider}", Tally())
        while not tally.complete:
            self._pause()
            count_on(tally, self._of.queries, self._of.executor, provider, day)
        return tally

    def later(self, provider: str, known: Mapping[tuple[str, str], Stated]) -> Iterable[dict[str, Any]]:
        """Yield what came to closed days of a provider since."""
        for (day, name), of in known.items():
            if name != provider:
                continue
            place = f"{day} {provider}"
            if place not in self._work.entries:
                self._pause()
                self._work.entries[place] = count_entries(self._of.queries, self._of.executor, provider, day)
            # Nothing comes to a day without an entry of its own, or in a listing of it.
            if self._work.entries[place] == of.entries:
                continue
            tally = self.tally(day, provider)
            more = numbers_of(tally)
            more.subtract(of.numbers)
            accounts = sorted({key for (key, _), number in more.items() if number})
            yield {
                "day": day,
                "entries": tally.entries,
                "accounts": [_of_account(key) | {number: more[key, number] for number in LASTING} for key in accounts],
            }

    def quarantined(self, provider: str) -> int:
        """Return how many webhooks of the day are in the quarantine; it raises what `tally` does."""
        count, after = self._work.quarantined.get(provider, (0, ""))
        for name in self._of.sources.quarantined(provider, self._work.day, after):
            count += 1
            if count % NAMES_AT_ONCE == 0:
                self._work.quarantined[provider] = (count, name)
                self._pause()
            after = name
        self._work.quarantined[provider] = (count, after)
        return count

    def _pause(self) -> None:
        now = self._of.clock()
        out_of_time = self._seconds_left() < STOP_SECONDS
        if out_of_time or now - self._saved_at > SAVE_SECONDS:
            self._of.write_progress(json.dumps(asdict(self._work)))
            self._saved_at = now
        if out_of_time:
            raise OutOfTimeError
