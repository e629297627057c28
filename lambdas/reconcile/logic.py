"""Comparing a provider's list of events with the records, page by page, and handing over what is missing.

A run can end at any point and be run again: a page is done again unless its progress is kept, and an event that is
handed over twice, or of which the webhook comes late, is a duplicate, because it has the same identity.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import islice
from typing import Any
from uuid import uuid4

from lambdas.inbound.archive import REPORT_PREFIX, Archive
from lambdas.inbound.event import WebhookEvent, read_events
from lambdas.inbound.evidence import FETCHED, Evidence
from lambdas.inbound.handing_over import hand_over
from lambdas.inbound.identity import Same, compare
from lambdas.inbound.providers.entry import Provider
from lambdas.inbound.quarantine import time_in_key
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_items import first_key, occurrence_key
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.records import Records
from lambdas.reconcile.event_list import CursorGoneError, EventList, Fetched, Page, check_moved
from lambdas.reconcile.progress import (
    COUNTS,
    Progress,
    ProgressStore,
    UnkeptProgress,
    begun_again,
    day_key,
    with_page,
)
from lambdas.shared import times
from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import key_id

# What happened later may be on its way still.
SETTLE_SECONDS = 300.0
# What is left of an invocation when no other page is begun.
STOP_SECONDS = 60.0
# An event at the end of the provider's retention may be gone before its page is asked for.
RETENTION_MARGIN_SECONDS = 3_600.0
# A window that is open for longer means that the runs are too short for the events that there are.
BEHIND_SECONDS = 86_400.0
# Webhooks that a list is asked for, of which it must have one, and how far back they may be: 240 queries a day.
_WEBHOOKS_ASKED_FOR = 100
_LOOK_BACK_SECONDS, _MOST_LOOK_BACK_SECONDS = 86_400.0, 3 * 86_400.0


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """A provider that is reconciled.

    Attributes
    ----------
    name : str
        The name under which it is deployed.
    provider : Provider
        Its entry.
    events : EventList
        Its list of events.
    api_key : str
        The key with which the list is asked for.
    signing_secrets : Sequence[str]
        Those with which it signs, for a list that shows signatures.
    overlap : float
        Seconds by which a window overlaps the last one.
    types : Sequence[str]
        Types of events that are wanted; ``*`` stands for any characters.
    """

    name: str
    provider: Provider
    events: EventList
    api_key: str
    signing_secrets: Sequence[str] = ()
    overlap: float
    types: Sequence[str] = ("*",)

    @cached_property
    def key_id(self) -> str:
        """Id of the API key."""
        return key_id(self.api_key)

    def wants(self, event_type: str) -> bool:
        """Return whether events of a type are wanted."""
        return any(fnmatchcase(event_type, name) for name in self.types)


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """An event of the list, with what it is handed over with."""

    event: WebhookEvent
    request: WebhookRequest
    evidence: Evidence
    signature_id: str | None


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """A page of the list, compared with the records.

    Attributes
    ----------
    candidates : Sequence[_Candidate]
        Its wanted events.
    known : Sequence[Mapping[str, Any] | None]
        The record of each, or None.
    unreadable : Sequence[str]
        Ids of what cannot be read.
    unwanted : int
        How many events are not wanted.
    by_day : Mapping[str, int]
        As in `Progress`.
    """

    candidates: Sequence[_Candidate]
    known: Sequence[Mapping[str, Any] | None]
    unreadable: Sequence[str]
    unwanted: int
    by_day: Mapping[str, int]

    @property
    def missing(self) -> list[_Candidate]:
        """What has no record."""
        return [each for each, record in zip(self.candidates, self.known, strict=True) if record is None]

    @property
    def has_webhooks(self) -> bool:
        """Whether the webhook of one of them was recorded, which shows that the list is that of our account."""
        return any(record is not None and not record.get("recovered") for record in self.known)


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """Reconciles providers.

    Attributes
    ----------
    records, queries
        The records.
    progress : ProgressStore
        How far each provider is.
    queue, archive
        Where events are handed over, and where reports are kept.
    clock : Callable[[], float]
        Seconds since the epoch.
    on_missing : Callable[[str, Sequence[WebhookEvent]], None]
        Called with the name of a provider and the missing events of a page, before they are handed over.
    """

    records: Records
    queries: RecordQueries
    progress: ProgressStore
    queue: MainQueue
    archive: Archive
    clock: Callable[[], float]
    on_missing: Callable[[str, Sequence[WebhookEvent]], Any]

    def run(
        self,
        one: Reconciled,
        seconds_left: Callable[[], float],
        *,
        since: float | None = None,
        dry_run: bool = False,
        registration: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Go on with a provider until its window is closed or the time runs out; return the report.

        Parameters
        ----------
        seconds_left : Callable[[], float]
            Until the invocation ends.
        since : float | None
            Where the window begins at the latest, seconds since the epoch: a catch-up. None for the last window's end.
        dry_run : bool
            Whether nothing is handed over, and no progress kept. With `since`, the window begins just there.
        registration : Mapping[str, Any] | None
            What was found of the provider's registration, for the report.

        Raises
        ------
        Exception
            When the provider or AWS does not answer. The next run goes on where this one ended.
        """
        kept = self.progress.read(one.name)
        progress = self._window(one, kept, since, anew=dry_run)
        store = UnkeptProgress(None, "") if dry_run else self.progress
        if progress is not kept:
            # Before its first page: a run that is killed there must not lose from when on the window is.
            store.write(one.name, progress)
        restarted, asked, is_wrong_list = False, False, False
        while not progress.all_listed and seconds_left() > STOP_SECONDS:
            try:
                page = one.events.page(progress.since, progress.until, progress.after)
                check_moved(progress.after, page.after)
            except CursorGoneError:
                if restarted:
                    raise
                restarted, progress = True, begun_again(progress)
                continue
            compared = self._compare(one, page, progress)
            has_webhooks: bool | None = compared.has_webhooks or progress.known_key == one.key_id
            if not has_webhooks and not asked and (compared.missing or page.after is None):
                asked, has_webhooks = True, self._has_webhooks(one, progress, seconds_left)
                if is_wrong_list := has_webhooks is False:
                    # Nothing of it is ours, so that it is no part of the window, which stays open.
                    progress = begun_again(progress)
                    store.write(one.name, progress)
                    break
            progress = replace(progress, known_key=one.key_id if has_webhooks else progress.known_key)
            progress = self._hand_over(one, compared, page.after, progress, dry_run=dry_run)
            store.write(one.name, progress)
        report = _report(one, progress, self.clock(), dry_run=dry_run, is_wrong_list=is_wrong_list)
        report["registration"] = registration
        if progress.all_listed and not progress.closed:
            key = f"{REPORT_PREFIX}{one.name}/{time_in_key(progress.until)}{'-dry-run' if dry_run else ''}.json"
            self.archive.store_json(key, json.dumps(report, indent=2))
            store.write(one.name, replace(progress, closed=True))
        return report

    def _window(self, one: Reconciled, kept: Progress | None, since: float | None, *, anew: bool) -> Progress:
        """Return the window to go on with: the one that is open, or a new one."""
        now, known_key = self.clock(), kept.known_key if kept else None
        if anew and since is not None:
            # What is only looked at is what was asked for, whatever window there is.
            kept = None
        ended = now - one.events.retention_seconds
        earliest, until = ended + RETENTION_MARGIN_SECONDS, now - SETTLE_SECONDS
        is_open = kept is not None and not kept.closed
        begin = (kept.since if is_open else kept.until - one.overlap) if kept else until - one.overlap
        asked = begin if since is None else since if anew else min(since, begin)
        # Nobody can go further back than the list, so that asking for it again is no reason to begin again.
        if kept is not None and is_open and not anew and max(earliest, asked) >= kept.since:
            window = kept
            if not (kept.listed or kept.after or kept.all_listed or known_key == one.key_id):
                # A webhook that came since may be the first that the list has.
                window = replace(kept, until=until)
        else:
            begin = min(until, max(earliest, asked))
            counted_from = (kept.counted_from if is_open else kept.until) if kept else None
            window = Progress(
                opened_at=times.iso(now), since=begin, until=until, counted_from=counted_from, known_key=known_key
            )
        # The list may have ended since the window was opened.
        lost = [asked] if asked < (window.since if window.all_listed else max(window.since, ended)) else []
        if kept is not None and is_open and kept.lost_since is not None:
            lost.append(kept.lost_since)
        lost_since = min(lost, default=None)
        return window if lost_since == window.lost_since else replace(window, lost_since=lost_since)

    def _compare(self, one: Reconciled, page: Page, progress: Progress) -> _Compared:
        candidates: list[_Candidate] = []
        unreadable, unwanted = list(page.unreadable), 0
        by_day: Counter[str] = Counter()
        # An event beyond an end of the window is counted by another one.
        first = progress.since if progress.counted_from is None else progress.counted_from
        for fetched in page.events:
            try:
                read = self._read(one, fetched)
            except (MalformedWebhookError, SignatureRefusedError):
                unreadable.append(fetched.id)
                continue
            wanted = [each for each in read if one.wants(each.event.event_type)]
            unwanted += len(read) - len(wanted)
            candidates += wanted
            if fetched.at is not None and first <= fetched.at < progress.until:
                by_day.update(day_key(fetched.at, each.event.account, each.event.mode) for each in wanted)
        return _Compared(
            candidates=candidates,
            known=self._recorded([each.event for each in candidates]),
            unreadable=unreadable,
            unwanted=unwanted,
            by_day=by_day,
        )

    def _hand_over(
        self, one: Reconciled, compared: _Compared, after: str | None, progress: Progress, *, dry_run: bool
    ) -> Progress:
        missing, found = compared.missing, zip(compared.candidates, compared.known, strict=True)
        # An event of this page may have been handed over by a run that ended before the progress was kept.
        ours = [each.event for each, record in found if _is_ours(record, progress)]
        if missing and not dry_run:
            self.on_missing(one.name, [each.event for each in missing])
        for each in () if dry_run else missing:
            hand_over(
                [each.event],
                each.request,
                each.evidence,
                queue=self.queue,
                archive=self.archive,
                correlation_id=str(uuid4()),
                signature_id=each.signature_id,
                recovered=True,
            )
        recovered = [*ours, *(each.event for each in missing)]
        return with_page(
            progress,
            after=after,
            handed_over=[event.event_id for event in recovered],
            unreadable_ids=compared.unreadable,
            by_day=compared.by_day,
            listed=len(compared.candidates) + len(compared.unreadable) + compared.unwanted,
            present=len(compared.candidates) - len(recovered),
            recovered=len(recovered),
            unreadable=len(compared.unreadable),
            unwanted=compared.unwanted,
        )

    def _read(self, one: Reconciled, fetched: Fetched) -> list[_Candidate]:
        """Return the events of an entry of a list, with their evidence.

        Raises
        ------
        WebhookRefusedError
            When it is no event of the provider, or its bytes are not those that were signed.
        """
        request = WebhookRequest(
            body=fetched.body,
            headers={name: [value] for name, value in fetched.headers.items()},
            received_at=self.clock(),
        )
        scheme, key, signature_id = FETCHED, one.key_id, None
        # An id may be in one of them.
        headers: Mapping[str, str] = {name: text for name, text in fetched.headers.items() if name != "content-type"}
        if one.events.signed:
            verdict = one.provider.scheme.verify(request, one.signing_secrets)
            scheme, key, headers = verdict.scheme, verdict.key_id, verdict.headers
            signature_id = verdict.signature_id
        evidence = Evidence(
            entry=one.provider.name,
            options=one.provider.configuration,
            scheme=scheme,
            key_id=key,
            headers=headers,
            received_at=request.received_at,
            verdict=FETCHED,
            fetched_from=one.events.host,
        )
        events = read_events(one.name, one.provider, request)
        return [
            _Candidate(event=event, request=request, evidence=evidence, signature_id=signature_id) for event in events
        ]

    def _recorded(self, events: Sequence[WebhookEvent]) -> list[Mapping[str, Any] | None]:
        """Return the record of each event, or None; any record counts, because its event is in our hands."""
        keys = [first_key(event) for event in events]
        keys += [occurrence_key(event) for event in events if event.occurrence is not None]
        found = self.queries.existing(keys)
        records: list[Mapping[str, Any] | None] = []
        for event in events:
            record = found.get(first_key(event))
            if record is not None and compare(record, event.content, event.occurrence, "") is Same.ID:
                record = None
            if record is None and event.occurrence is not None:
                record = found.get(occurrence_key(event))
            records.append(record)
        missing = [event for event, record in zip(events, records, strict=True) if record is None]
        older = self.records.of_first_release(missing) if missing else {}
        return [
            {} if record is None and event.key in older else record
            for event, record in zip(events, records, strict=True)
        ]

    def _has_webhooks(self, one: Reconciled, progress: Progress, seconds_left: Callable[[], float]) -> bool | None:
        """Return whether the list has any of some webhooks that were recorded lately; None without one.

        The list is asked for their time alone, so that there may have been an outage before and after it.
        """
        begin = progress.until - min(max(progress.until - progress.since, _LOOK_BACK_SECONDS), _MOST_LOOK_BACK_SECONDS)
        webhooks = list(islice(self._webhooks(one, times.iso(begin), times.iso(progress.until)), _WEBHOOKS_ASKED_FOR))
        if not webhooks:
            return None
        occurred = [times.parse(each.get("occurredAt", each["receivedAt"])) or begin for each in webhooks]
        received = [times.parse(each["receivedAt"]) or progress.until for each in webhooks]
        after = None
        while seconds_left() > STOP_SECONDS:
            page = one.events.page(min(occurred) - SETTLE_SECONDS, max(received) + SETTLE_SECONDS, after)
            check_moved(after, page.after)
            if self._compare(one, page, progress).has_webhooks:
                return True
            if (after := page.after) is None:
                break
        return False

    def _webhooks(self, one: Reconciled, start: str, end: str) -> Iterator[Mapping[str, Any]]:
        """Yield the records of wanted webhooks of what occurred, and was received, in a time."""
        for record in self.queries.all_received(one.name, start, end, at_once=_WEBHOOKS_ASKED_FOR):
            if (
                one.wants(record.get("eventType", ""))
                and not record.get("recovered")
                and record.get("occurredAt", start) >= start
            ):
                yield record


def _is_ours(record: Mapping[str, Any] | None, progress: Progress) -> bool:
    return bool(record and record.get("recovered") and record["receivedAt"] >= progress.opened_at)


def _report(one: Reconciled, progress: Progress, now: float, *, dry_run: bool, is_wrong_list: bool) -> dict[str, Any]:
    problems = []
    if is_wrong_list:
        problems.append(
            "the list has none of the webhooks that were recorded, and nothing is handed over: is the key of the "
            "account that sends them?"
        )
    if progress.unreadable:
        problems.append(
            f"{progress.unreadable} entries of the list cannot be read, are not of the key's mode, or are not what was "
            "signed"
        )
    if progress.lost_since is not None:
        ended = min(progress.until, max(progress.since, now - one.events.retention_seconds))
        problems.append(f"from {times.iso(progress.lost_since)} to {times.iso(ended)} the list had ended already")
    if not progress.all_listed and now - progress.until > BEHIND_SECONDS:
        problems.append("the list is longer than the runs are enough for")
    counts = asdict(progress)
    return {
        "provider": one.name,
        "host": one.events.host,
        "keyId": one.key_id,
        "dryRun": dry_run,
        "openedAt": progress.opened_at,
        "since": times.iso(progress.since),
        "until": times.iso(progress.until),
        "complete": progress.all_listed,
        "wrongList": is_wrong_list,
        **{name: counts[name] for name in COUNTS},
        "byDay": [
            {**dict(zip(("day", "account", "mode"), json.loads(key), strict=True)), "events": number}
            for key, number in sorted(progress.by_day.items())
            if key
        ],
        "byDayNotNamed": progress.by_day.get("", 0),
        "problems": problems,
        "unreadableIds": list(progress.unreadable_named),
        "recoveredIds": list(progress.named),
    }
