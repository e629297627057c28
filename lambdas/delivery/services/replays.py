"""Replays: what an endpoint never had, or had and should get again, is sent, at a pace, a page at a time.

The sweeper runs a page when it is due, and does so again until a minute's worth is under way. A page that is done
twice, after a crash or by two sweeps at once, does no more than once: a delivery is created where there is none, and
one that exists is sent again if the replay wants its state, it has not changed since the replay began, and is not of
the replay already. The position is written last.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lambdas.delivery.domain.due import CHECK_SECONDS, scheduled
from lambdas.delivery.domain.errors import ConflictError, NotFoundError
from lambdas.delivery.domain.holds import PAGE_SECONDS
from lambdas.delivery.domain.lifecycle import EVENT_EXPIRED, sent_again, undeliverable_reason
from lambdas.delivery.domain.model import Delivery, Endpoint, EndpointState, Event
from lambdas.delivery.domain.replays import (
    EXAMINED_PER_SECOND,
    INDEX_LAG_SECONDS,
    MAX_COUNTED,
    MAX_COUNTED_BYTES,
    MAX_RUNNING,
    PAGE,
    STATES,
    Replay,
    ReplayState,
    Subject,
    subject_of,
)
from lambdas.delivery.domain.retention import DAY, Retention, gone
from lambdas.delivery.domain.subscriptions import matches_type, wants
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.endpoints import Endpoints
from lambdas.delivery.store.events import Events
from lambdas.delivery.store.listing import Listing, Range
from lambdas.delivery.store.replays import Holder, ReplayStore
from lambdas.shared import times
from lambdas.shared.observability import logger

UNDER_WAY = "attempt_under_way"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a replay would do.

    Attributes
    ----------
    examined, matched : int
        Entries that were looked at, and how many would be sent.
    refused : Mapping[str, int]
        Why others could not be, and how many.
    complete : bool
        Whether these are all.
    """

    examined: int
    matched: int
    refused: Mapping[str, int]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class _Page:
    """What a page has: what is to be sent, and what it has sent already when it was done before."""

    examined: int
    wanted: Sequence[tuple[Event, str, Delivery | None]]
    sent: Sequence[tuple[Event, Delivery]]
    refused: Counter[str]
    payload_bytes: int
    position: str | None


@dataclass(frozen=True, kw_only=True)
class Replays:
    """Starts, counts and runs replays.

    Attributes
    ----------
    store, listing, deliveries, endpoints, events, queue
        What it reads and writes.
    retention : Retention
        How long deliveries are kept.
    """

    store: ReplayStore
    listing: Listing
    deliveries: Deliveries
    endpoints: Endpoints
    events: Events
    queue: DeliveryQueue
    retention: Retention

    def start(self, replay: Replay, now: float, request: tuple[str, str] | None = None) -> Replay:
        """Start a replay; return it, or the one that the request started before.

        Parameters
        ----------
        request : tuple[str, str] | None
            Idempotency key, and the hex digest of what is asked for.

        Raises
        ------
        NotFoundError
            When there is no such endpoint.
        ConflictError
            When the endpoint is disabled, `MAX_RUNNING` of the tenant run, or the key was used for something else.
        """
        # The request made again finds its answer whatever has become of the endpoint, and however many run by then.
        made: Holder | bool | None = request and self.store.holder(replay.tenant_id, request[0], now)
        if made is None:
            self._require_endpoint(replay)
            made = self.store.create(replay, now, request)
        if made is False:
            raise ConflictError(
                "too_many_replays", f"{MAX_RUNNING} replays are running: wait until one is done, or cancel one"
            )
        if not isinstance(made, Holder):
            return replay
        if request is None or made.sha256 != request[1]:
            raise ConflictError(
                "idempotency_key_reused", "this Idempotency-Key was used with another body within 24 hours"
            )
        return self.find(replay.tenant_id, made.replay_id, now)

    def cancel(self, replay: Replay, now: float) -> Replay:
        """End a replay, unless it has ended, and return it as it is then."""
        return self._end(replay, ReplayState.CANCELLED, None, now)

    def find(self, tenant_id: str, replay_id: str, now: float) -> Replay:
        """Return a replay.

        Raises
        ------
        NotFoundError
            When the tenant has none of this id.
        """
        found = self.store.read(tenant_id, replay_id)
        if found is None or (found.expires_at is not None and gone(now, found.expires_at)):
            raise NotFoundError
        return found

    def count(self, replay: Replay, now: float) -> Counted:
        """Return what a replay would do, as far as one call can find out.

        Raises
        ------
        NotFoundError
            When there is no such endpoint.
        ConflictError
            When the endpoint is disabled.
        """
        self._require_endpoint(replay)
        examined = matched = payload_bytes = 0
        refused: Counter[str] = Counter()
        for _ in range(MAX_COUNTED // PAGE):
            page = self._page(replay, now, replay.end)
            examined, matched = examined + page.examined, matched + len(page.wanted)
            refused += page.refused
            payload_bytes += page.payload_bytes
            if page.position is None:
                return Counted(examined=examined, matched=matched, refused=refused, complete=True)
            if payload_bytes > MAX_COUNTED_BYTES:
                break
            replay = replace(replay, position=page.position)
        return Counted(examined=examined, matched=matched, refused=refused, complete=False)

    def run(self, replay: Replay, now: float) -> None:
        """Do the next page of a replay, or end it."""
        if replay.endpoint_id is not None:
            endpoint, _ = self.endpoints.read(replay.tenant_id, replay.endpoint_id)
            if endpoint is None or endpoint.state is EndpointState.DISABLED:
                reason = "endpoint_deleted" if endpoint is None else "endpoint_disabled"
                self._end(replay, ReplayState.CANCELLED, reason, now)
                return
        end = min(replay.end, times.iso(now - INDEX_LAG_SECONDS))
        page = self._page(replay, now, end)
        start = max(now, times.parse(replay.due_at or "") or now)
        sent = self._send(replay, page, start, now)
        seconds = max((len(page.wanted) + len(page.sent)) / replay.rate, page.examined / EXAMINED_PER_SECOND)
        due = start + seconds
        if page.position is None and end < replay.end:
            # A page is done up to a minute before it is due.
            due = (times.parse(replay.end) or now) + INDEX_LAG_SECONDS + PAGE_SECONDS
        new = replace(
            replay,
            position=page.position or max(end, replay.start, replay.position or ""),
            pages=replay.pages + 1,
            examined=replay.examined + page.examined,
            sent=replay.sent + sent,
            refused=dict(Counter(replay.refused) + page.refused),
            due_at=times.iso(due),
            updated_at=times.iso(now),
        )
        if self.store.record(replay, new) and page.position is None and end == replay.end:
            self._end(new, ReplayState.DONE, None, now)

    def _require_endpoint(self, replay: Replay) -> None:
        if replay.endpoint_id is None:
            return
        endpoint, _ = self.endpoints.read(replay.tenant_id, replay.endpoint_id)
        if endpoint is None:
            raise NotFoundError
        if endpoint.state is EndpointState.DISABLED:
            raise ConflictError("endpoint_disabled", "the endpoint is disabled and gets nothing; activate it first")

    def _end(self, replay: Replay, state: ReplayState, reason: str | None, now: float) -> Replay:
        ended = self.store.end(replay, state, reason, now)
        logger.info(
            "replay ended",
            tenant=ended.tenant_id,
            replay_id=ended.replay_id,
            state=ended.state,
            reason=ended.reason,
            examined=ended.examined,
            sent=ended.sent,
            refused=dict(ended.refused),
        )
        return ended

    def _page(self, replay: Replay, now: float, end: str) -> _Page:
        """Return what the next page of a replay would send."""
        tenant_id = replay.tenant_id
        part = Range(start=replay.start, end=end, after=replay.position, limit=PAGE, ascending=True)
        if replay.endpoint_id is not None:
            events = self.listing.events(tenant_id, part, now)
            examined, position = len(events.entries), events.position
            listed = [(one.event_id, replay.endpoint_id, one.event_type) for one in events.entries]
        else:
            states = [state for subject in replay.include for state in STATES[Subject(subject)]]
            deliveries = self.listing.deliveries(tenant_id, states, part, now)
            examined, position = len(deliveries.entries), deliveries.position
            listed = [(one.event_id, one.endpoint_id, one.event_type) for one in deliveries.entries]
        places = list(dict.fromkeys(one[:2] for one in listed if matches_type(replay.event_types, one[2])))
        return self._select(replay, places, examined, position, now)

    def _select(
        self, replay: Replay, places: Sequence[tuple[str, str]], examined: int, position: str | None, now: float
    ) -> _Page:
        tenant_id = replay.tenant_id
        deliveries = self.deliveries.read_all(tenant_id, places)
        events = self.events.read_all(tenant_id, dict.fromkeys(event_id for event_id, _ in places))
        endpoints = {one: self.endpoints.read(tenant_id, one)[0] for one in dict.fromkeys(place[1] for place in places)}
        wanted: list[tuple[Event, str, Delivery | None]] = []
        sent = []
        refused: Counter[str] = Counter()
        missed = [place for place in places if place not in deliveries and Subject.MISSED in replay.include]
        payloads = self._payloads(tenant_id, missed, events, endpoints)
        for place in places:
            event_id, endpoint_id = place
            event, delivery, endpoint = events.get(event_id), deliveries.get(place), endpoints[endpoint_id]
            if event is not None and delivery is not None and delivery.replay_id == replay.replay_id:
                sent.append((event, delivery))
                continue
            if subject_of(delivery) not in replay.include:
                continue
            if delivery is None:
                selected = self._misses(endpoint, event, payloads.get(event_id), now)
            else:
                selected = delivery.updated_at < replay.created_at
            if not selected:
                continue
            # Without the payload: whether it was erased, its event says.
            reason = undeliverable_reason(event, b"", endpoint, now)
            if reason is None and delivery is not None and now * 1_000 < delivery.lease_until:
                reason = UNDER_WAY
            if event is None or reason is not None:
                refused[(reason or EVENT_EXPIRED).replace(" ", "_")] += 1
            else:
                wanted.append((event, endpoint_id, delivery))
        return _Page(
            examined=examined,
            wanted=wanted,
            sent=sent,
            refused=refused,
            payload_bytes=sum(map(len, payloads.values())),
            position=position,
        )

    def _payloads(
        self,
        tenant_id: str,
        places: Sequence[tuple[str, str]],
        events: Mapping[str, Event],
        endpoints: Mapping[str, Endpoint | None],
    ) -> dict[str, bytes]:
        """Return the payloads that filters are to be compared with."""
        filtered = [
            event_id
            for event_id, endpoint_id in places
            if (event := events.get(event_id)) is not None
            and (endpoint := endpoints[endpoint_id]) is not None
            and endpoint.filters
            and matches_type(endpoint.event_types, event.event_type)
        ]
        return self.events.payloads(tenant_id, filtered)

    def _misses(self, endpoint: Endpoint | None, event: Event | None, payload: bytes | None, now: float) -> bool:
        """Tell whether an endpoint that has no delivery of an event wants it.

        Not one that is so old that the delivery may have arrived and expired.
        """
        if endpoint is None or event is None or event.created_at < times.iso(now - self.retention.delivered_days * DAY):
            return False
        # No filter can tell of an erased payload; it is refused where the type is wanted.
        known = endpoint if payload is not None else replace(endpoint, filters={})
        return wants(known, event, payload or b"")

    def _send(self, replay: Replay, page: _Page, start: float, now: float) -> int:
        """Send what a page has, at the replay's pace; return how many it has sent by then."""
        # First, so that an event expires with the last of its deliveries even if this dies on the way.
        events = {event.event_id: event for event, _, _ in page.wanted}.values()
        self.events.look_at_all_again(events, times.iso(now + CHECK_SECONDS))
        self.events.keep_all_until(events, self.retention.created(now))
        going = [(event, delivery, scheduled(delivery, now, 0)[1]) for event, delivery in page.sent]
        for number, (event, endpoint_id, seen) in enumerate(page.wanted):
            again = sent_again(seen, event, endpoint_id, now, self.retention)
            due = times.iso(start + number / replay.rate)
            new, wait = scheduled(replace(again, next_attempt_at=due, replay_id=replay.replay_id), now, 0)
            if self.deliveries.write(seen, new):
                going.append((event, new, wait))
            elif (there := self.deliveries.read(event.tenant_id, event.event_id, endpoint_id)) and (
                there.replay_id == replay.replay_id
            ):
                # By another sweep.
                going.append((event, there, None))
            else:
                page.refused[UNDER_WAY] += 1
        # What waits for longer, or for its endpoint, is left to the index.
        self.queue.send_all([(Deliver.of(one, 1), wait) for _, one, wait in going if wait is not None and not one.held])
        return len(going)
