"""A sweep: walk the due index, send the message of what is due soon, and release a page of each hold that is due.

Replays come last, a page of each in turn, so that no bulk delays what is due. One that does not come to its turn is
overdue, and counted as such.

Each shard of the index gets one page in turn, so that a tenant with much to do, which fills a few shards, leaves the
others their share. Several threads have some of the shards each, other ones each time, so that a slow one holds few
others up. What there is no time for is found by the next sweep. Two sweeps at once, or one that dies on the way, send a
message twice, which does nothing.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.delivery.domain.due import HORIZON_SECONDS, next_look
from lambdas.delivery.domain.errors import StoreBusyError
from lambdas.delivery.domain.holds import PAGE_SECONDS
from lambdas.delivery.domain.replays import ReplayState
from lambdas.delivery.queue.delivery_queue import DeliveryQueue
from lambdas.delivery.queue.messages import FanOut, SentMessage
from lambdas.delivery.services.release import Release, deliver_message
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.store.due import DueEntry, DueStore
from lambdas.shared import times
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger

PAGE = 100
THREADS = 8
"""boto3 has ten connections."""
MARGIN_SECONDS = 10.0
"""What must be left of an invocation for another page."""


@dataclass(kw_only=True)
class SweepResult:
    """What a sweep did.

    Attributes
    ----------
    handed_out, released, lost_messages : int
        See `lambdas.delivery.domain.metrics.SweeperMetric`.
    oldest_overdue : float
        Seconds.
    finished : bool
        Whether it found all that was due.
    """

    handed_out: int = 0
    released: int = 0
    lost_messages: int = 0
    oldest_overdue: float = 0.0
    finished: bool = True


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Sweeps.

    Attributes
    ----------
    due, queue, release, replays
        What it reads and writes.
    shards : Sequence[str]
        Partition keys of the index.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    due: DueStore
    queue: DeliveryQueue
    release: Release
    replays: Replays
    shards: Sequence[str]
    clock: Callable[[], float] = time.time

    def run(self, seconds_left: float) -> SweepResult:
        """Sweep.

        Parameters
        ----------
        seconds_left : float
            Until the invocation ends.
        """
        ends = self.clock() + seconds_left - MARGIN_SECONDS
        shards = random.sample(self.shards, len(self.shards))
        shares = [shards[number::THREADS] for number in range(min(THREADS, len(shards)))]
        with ThreadPoolExecutor(max_workers=THREADS) as threads:
            swept = list(threads.map(lambda share: self._sweep(share, ends), shares))
        last = SweepResult()
        self._take_turns((self._replay(entry) for _, replays in swept for entry in replays), ends, last)
        results = [*(result for result, _ in swept), last]
        return SweepResult(
            handed_out=sum(one.handed_out for one in results),
            released=sum(one.released for one in results),
            lost_messages=sum(one.lost_messages for one in results),
            oldest_overdue=max(one.oldest_overdue for one in results),
            finished=all(one.finished for one in results),
        )

    def _sweep(self, shards: Sequence[str], ends: float) -> tuple[SweepResult, list[DueEntry]]:
        """Sweep some of the shards, until a time; return the replays that are in them, too."""
        result = SweepResult()
        replays: list[DueEntry] = []
        if not self._take_turns((self._shard(shard, replays, result) for shard in shards), ends, result):
            result.finished = False
        return result, replays

    def _take_turns(self, iterators: Iterable[Iterator[bool]], ends: float, result: SweepResult) -> bool:
        """Let each make a step in turn until all have come to their end; tell whether there was time for that."""
        turns = deque(iterators)
        while turns:
            if self.clock() >= ends:
                return False
            turn = turns.popleft()
            try:
                if next(turn, None) is not None:
                    turns.append(turn)
            except (ClientError, BotoCoreError, StoreBusyError) as error:
                # The next sweep finds what is left of this shard, or replay; the others must not wait for it.
                logger.error("shard could not be swept", reason=describe(error))
                result.finished = False
        return True

    def _shard(self, partition: str, replays: list[DueEntry], result: SweepResult) -> Iterator[bool]:
        """Work through what is due in a shard, a page or a hold at a time; add the replays that are in it to a list."""
        holds: list[DueEntry] = []
        for page in self.due.until(partition, times.iso(self.clock() + HORIZON_SECONDS), PAGE):
            holds += [entry for entry in page if entry.kind == "hold"]
            found = [entry for entry in page if entry.kind == "replay"]
            replays += found
            for entry in found:
                result.oldest_overdue = max(result.oldest_overdue, _overdue(entry.due_at, self.clock()))
            self._hand_out([entry for entry in page if entry.kind not in ("hold", "replay")], result)
            yield True
        for entry in holds:
            now = self.clock()
            hold = self.due.read_hold(entry.tenant_id, entry.event_id)
            if hold is not None and hold.due_at <= times.iso(now + PAGE_SECONDS):
                result.oldest_overdue = max(result.oldest_overdue, _overdue(hold.due_at, now))
                result.released += self.release.run(hold, now, 0)
                yield True

    def _replay(self, entry: DueEntry) -> Iterator[bool]:
        """Work through what a replay has to send within a minute, a page at a time."""
        while True:
            now = self.clock()
            replay = self.replays.store.read(entry.tenant_id, entry.replay_id)
            if replay is None or replay.state is not ReplayState.RUNNING or replay.due_at is None:
                return
            if replay.due_at > times.iso(now + PAGE_SECONDS):
                return
            self.replays.run(replay, now)
            yield True

    def _hand_out(self, entries: list[DueEntry], result: SweepResult) -> None:
        now = self.clock()
        found = [(entry, *_message(entry, now)) for entry in entries]
        sent = self.queue.send_all([(message, max(due - now, 0.0)) for _, message, due in found])
        handed_out = [(entry, due) for (entry, _, due), there in zip(found, sent, strict=True) if there]
        self.due.look_later([(entry, next_look(due, now)) for entry, due in handed_out])
        result.handed_out += len(handed_out)
        for entry, _, due in found:
            result.oldest_overdue = max(result.oldest_overdue, now - due)
            # Its place is where it is due, unless a message was sent before.
            result.lost_messages += entry.due_at != entry.next_attempt_at


def _message(entry: DueEntry, now: float) -> tuple[SentMessage, float]:
    """Return the message of an entry, and when it is due, in seconds since the epoch."""
    due = times.parse(entry.next_attempt_at or entry.due_at) or now
    if entry.kind == "event":
        return FanOut(tenant_id=entry.tenant_id, event_id=entry.event_id), due
    return deliver_message(entry, 1), due


def _overdue(due_at: str, now: float) -> float:
    return now - (times.parse(due_at) or now)
