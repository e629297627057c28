"""What came of a simulated load."""

from dataclasses import dataclass, field

from tools.estimate.simulate.function import Function
from tools.estimate.simulate.messages import Queue


@dataclass(slots=True)
class Second:
    """One second.

    Attributes
    ----------
    at : int
        Seconds since the start.
    attempts, accepted, throttled, busy, timed_out : int
        Requests, and how they were answered: 202, the gateway's own 429, no execution free, 504.
    backlog : int
        Messages that wait or are being processed, at its end.
    ingestion, processing : int
        Executions at its end.
    routed : int
        Messages that were processed until its end.
    """

    at: int
    attempts: int = 0
    accepted: int = 0
    throttled: int = 0
    busy: int = 0
    timed_out: int = 0
    backlog: int = 0
    ingestion: int = 0
    processing: int = 0
    routed: int = 0


@dataclass
class Outcome:
    """A run.

    Attributes
    ----------
    ends : float
        When the senders' load ends, in seconds; retries come later.
    sent : int
        Webhooks.
    given_up : int
        Webhooks that their senders gave up.
    unanswered : int
        Webhooks that were neither accepted nor given up when the run ended.
    queued, routed, dead, left : int
        Messages: all, processed, dead-lettered, and those that were left when the run ended.
    accepted_at_once : int
        Webhooks that were accepted at their first attempt.
    most_ingestion, most_processing : int
        Executions at once, at most.
    cold_starts : int
        Of ingestion.
    last_routed_at : float
        When the last event was processed, in seconds.
    seconds : list[Second]
        Second by second.
    """

    ends: float
    sent: int = 0
    given_up: int = 0
    unanswered: int = 0
    queued: int = 0
    routed: int = 0
    dead: int = 0
    left: int = 0
    accepted_at_once: int = 0
    most_ingestion: int = 0
    most_processing: int = 0
    cold_starts: int = 0
    last_routed_at: float = 0.0
    seconds: list[Second] = field(default_factory=list)
    _durations: list[float] = field(default_factory=list)

    def answered(self, number: int, takes: float) -> None:
        """Note a 202 of the attempt with a number, from 0, and how long it took."""
        self.accepted_at_once += number == 0
        self._durations.append(takes)

    def closed(self, queue: Queue, ingestion: Function, processing: Function, pending: int) -> "Outcome":
        """Note how it ended."""
        self.queued, self.routed, self.dead, self.left = queue.sent, queue.routed, queue.dead, queue.left
        self.most_ingestion, self.most_processing = ingestion.most_busy, processing.most_busy
        self.cold_starts = ingestion.cold_starts
        self.unanswered, self.last_routed_at = pending, queue.last_routed_at
        self._durations.sort()
        return self

    def behind_ingest_queue(self, ingest_queue: Queue) -> None:
        """Note what happened to requests that were accepted before they were verified."""
        self.queued = ingest_queue.sent
        self.dead += ingest_queue.dead
        self.left += ingest_queue.left

    def total(self, kind: str) -> int:
        """Return a sum over all seconds."""
        return sum(getattr(second, kind) for second in self.seconds)

    def during(self, kind: str, start: float, end: float) -> int:
        """Return a sum over some seconds."""
        return sum(getattr(second, kind) for second in self.seconds if start <= second.at < end)

    def answer_s(self, share: float) -> float:
        """Return the time within which a share of the accepted webhooks was answered."""
        if not self._durations:
            return float("nan")
        return self._durations[min(len(self._durations) - 1, int(share * len(self._durations)))]

    @property
    def most_backlog(self) -> int:
        """Messages that waited or were being processed, at most."""
        return max((second.backlog for second in self.seconds), default=0)

    def drained_after(self, since: float) -> float | None:
        """Return the seconds from a time until the backlog was gone, None when it never was."""
        last = max((second.at for second in self.seconds if second.backlog > 0), default=0)
        return None if self.left else max(0.0, last + 1 - since)
