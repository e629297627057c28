"""One stack under one workload: everything that the pricing rules compute from."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from tools.estimate.assumptions import Assumptions
from tools.estimate.cost.batches import concurrent_pollers, effective_batch
from tools.estimate.cost.prices import Price
from tools.estimate.cost.workload import Workload
from tools.estimate.observed.functions import Observer
from tools.estimate.observed.usage import Usage
from tools.estimate.synthesized import Stack, WebhookPath

GB = 1024**3
CHUNK = 64 * 1024
DAYS_PER_MONTH = 730 / 24
_TEN = 10
_LARGEST_OBSERVED = 100


def chunks(bytes_: float) -> int:
    """Return how often SQS and EventBridge count a message or event of a size."""
    return max(1, math.ceil(bytes_ / CHUNK))


@dataclass(frozen=True, kw_only=True)
class PerWebhook:
    """What processing causes for one webhook, on average over full and less full batches, new and repeated events."""

    puts: float
    objects: float
    object_bytes: float
    table_units: float
    index_units: float
    read_units: float
    item_bytes: float
    events: float
    event_bytes: float
    log_bytes: float
    metrics: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A stack under a workload.

    Attributes
    ----------
    stack, path, workload, prices, assume
        What is priced.
    observer : Observer
        The running functions.
    archive : str | None
        ``event`` or ``batch`` to price another way of archiving than what was observed, None for that.
    ingested : Usage | None
        Of ingestion; None where no function verifies.
    """

    stack: Stack
    path: WebhookPath
    workload: Workload
    prices: Mapping[str, Price]
    assume: Assumptions
    observer: Observer
    archive: str | None = None
    ingested: Usage | None

    @property
    def month_s(self) -> float:
        """Seconds of a month."""
        return self.assume.hours_per_month * 3600

    @property
    def webhooks(self) -> float:
        """Webhooks of a month."""
        return self.workload.rate * self.month_s

    @property
    def message_bytes(self) -> float:
        """Bytes of a message on the main queue."""
        if self.ingested is None:
            # Headers and context beside the body, which is base64.
            return 4 / 3 * self.workload.size + 1_500
        return float(sum(self.ingested.message_bytes))

    @property
    def ingest_message_bytes(self) -> float:
        """Bytes of a message of the ingest queue: headers, encoded twice, beside the body, which is base64."""
        return 4 / 3 * self.workload.size + 1_500

    @cached_property
    def ingest_batch(self) -> float:
        """Messages of a batch of the ingest queue, on average; one where there is no ingest queue."""
        if self.path.ingest_mapping is None:
            return 1.0
        return effective_batch(
            self.workload.rate,
            self.path.ingest_mapping,
            message_bytes=self.ingest_message_bytes,
            groups=None,
            assume=self.assume,
            invocation_s=lambda messages: self.ingestion_s() * messages,
        )

    @property
    def groups(self) -> int | None:
        """Message groups of a FIFO queue: its providers, or None where there are more than matter."""
        function = self.path.ingestion or self.path.processing
        if not self.path.queue.get("fifo_queue"):
            return None
        variables = self.stack.variables(function)
        if variables.get("MESSAGE_GROUP_BY") == "transaction":
            return None
        return max(1, len(json.loads(variables.get("PROVIDERS", "{}"))))

    @cached_property
    def batch(self) -> float:
        """Messages of a batch, on average."""
        return effective_batch(
            self.workload.rate,
            self.path.mapping,
            message_bytes=self.message_bytes,
            groups=self.groups,
            assume=self.assume,
            invocation_s=self.processing_s,
        )

    @property
    def batches(self) -> float:
        """Batches of a month."""
        return self.webhooks / self.batch

    @property
    def pollers(self) -> int:
        """Batches that the mapping reads at once when it is not pressed."""
        return concurrent_pollers(self.path.mapping, self.groups, self.assume)

    def processing_s(self, batch: float) -> float:
        """Return how long a batch takes; between the sizes that are observed, and beyond, calls grow evenly."""
        sizes = sorted(self._knots)
        low, high = next(((one, next_) for one, next_ in pairwise(sizes) if batch <= next_), sizes[-2:])
        grows = (self._knots[high] - self._knots[low]) / (high - low)
        return self._knots[low] + grows * (batch - low)

    @cached_property
    def _knots(self) -> dict[int, float]:
        """Sizes of batch, and how long each takes."""
        most = int(self.path.mapping.get("batch_size", _TEN))
        return {size: self._batch_s(size) for size in (1, _TEN, *([_LARGEST_OBSERVED] if most > _TEN else []))}

    def _batch_s(self, batch: int) -> float:
        memory = int(self.path.processing.get("memory_size", 128))
        fresh, again = (
            self.assume.invocation_s(self._calls(usage), memory) for usage in self.observer.processing(batch)
        )
        return self.workload.fresh * fresh + (1 - self.workload.fresh) * again

    def _calls(self, usage: Usage) -> list[str]:
        calls = list(usage.in_order)
        objects = [call for call in calls if call == "PutObject"]
        if self.archive == "batch":
            calls = [call for call in calls if call != "PutObject"] + objects[:1]
        return calls

    def ingestion_s(self) -> float:
        """Return how long a warm invocation of ingestion takes."""
        if self.path.ingestion is None or self.ingested is None:
            return 0.0
        return self.assume.invocation_s(self.ingested.in_order, int(self.path.ingestion.get("memory_size", 128)))

    @cached_property
    def processed(self) -> PerWebhook:
        """What processing causes for one webhook."""
        parts = [
            (weight * kind, self.observer.processing(size)[again], size)
            for size, weight in self._sizes()
            for again, kind in ((0, self.workload.fresh), (1, 1 - self.workload.fresh))
            if weight * kind > 0
        ]
        seen = PerWebhook(
            puts=sum(weight * usage.calls["PutObject"] / size for weight, usage, size in parts),
            objects=sum(weight * len(usage.objects) / size for weight, usage, size in parts),
            object_bytes=sum(weight * sum(usage.objects) / size for weight, usage, size in parts),
            table_units=sum(weight * usage.table_write_units / size for weight, usage, size in parts),
            index_units=sum(weight * usage.index_write_units / size for weight, usage, size in parts),
            read_units=sum(weight * usage.read_units / size for weight, usage, size in parts),
            item_bytes=self._stored_item_bytes(),
            events=sum(weight * sum(map(chunks, usage.event_bytes)) / size for weight, usage, size in parts),
            event_bytes=sum(weight * sum(usage.event_bytes) / size for weight, usage, size in parts),
            log_bytes=sum(weight * usage.log_bytes / size for weight, usage, size in parts),
            metrics=frozenset().union(*(usage.metrics for _, usage, _ in parts)),
        )
        return self._archived_otherwise(seen)

    def _sizes(self) -> list[tuple[int, float]]:
        """Return the sizes of batch that are observed, and the share of the messages that come in each."""
        if self.batch > _TEN:
            # Observing takes time for each message, and a message more hardly changes what each causes.
            return [(min(round(self.batch), _LARGEST_OBSERVED), 1.0)]
        low, high = math.floor(self.batch), math.ceil(self.batch)
        messages_in_high = high * (self.batch - low) / self.batch
        return [(low, 1 - messages_in_high), (high, messages_in_high)]

    def _stored_item_bytes(self) -> float:
        size, _ = self._sizes()[0]
        fresh, again = (usage.stored_item_bytes for usage in self.observer.processing(size))
        return (self.workload.fresh * fresh + (1 - self.workload.fresh) * again) / size

    def _archived_otherwise(self, seen: PerWebhook) -> PerWebhook:
        if self.archive is None or not seen.puts:
            return seen
        by_event = self.archive == "event"
        values = {
            **vars(seen),
            # A PUT that finds its object there is refused, and charged all the same.
            "puts": 1.0 if by_event else 1 / self.batch,
            "objects": self.workload.fresh if by_event else 1 / self.batch,
        }
        return PerWebhook(**values)

    def price(self, id_: str) -> Price:
        """Return a price."""
        return self.prices[id_]
