"""What a rate needs of an account."""

import math
from dataclasses import dataclass

from tools.estimate.simulate.deployment import Deployment, Feed
from tools.estimate.simulate.platform import Platform
from tools.estimate.simulate.timing import Timing


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Concurrency for a rate.

    Attributes
    ----------
    by_duration, by_rate : int
        What ingestion needs because of how long an invocation takes, and because a function takes no more than ten
        requests a second for each unit of its concurrency.
    processing : int
        What processing needs to keep up at full batches.
    account : int
        Of the account in all.
    """

    by_duration: int
    by_rate: int
    processing: int
    account: int

    @property
    def ingestion(self) -> int:
        """What ingestion needs."""
        return max(self.by_duration, self.by_rate)


def needs(rate: float, deployment: Deployment, timing: Timing, platform: Platform) -> Needs:
    """Return what a steady rate needs, without any reserve."""
    by_duration = math.ceil(rate * timing.ingestion)
    # An invocation is a request, or a batch behind an ingest queue.
    invocations = rate / (deployment.ingest_queue.batch_size if deployment.ingest_queue else 1)
    by_rate = math.ceil(invocations / platform.function_rate) if platform.function_rate else 1
    batch = timing.processing(deployment.batch_size) + platform.poll_s
    processing = math.ceil(rate / deployment.batch_size * batch)
    return Needs(
        by_duration=by_duration,
        by_rate=by_rate,
        processing=processing,
        account=max(by_duration, by_rate) + processing + platform.unreserved,
    )


def request_limit(deployment: Deployment, timing: Timing, platform: Platform) -> float:
    """Return the requests a second that are accepted at most, once functions are warm."""
    if deployment.ingest_queue is not None:
        return min(deployment.throttle_rate, platform.gateway_rate)
    concurrency = deployment.ingestion_reserved or platform.account_concurrency
    return min(
        deployment.throttle_rate,
        platform.gateway_rate,
        concurrency / timing.ingestion,
        concurrency * platform.function_rate or math.inf,
    )


def ingest_queue_limit(ingest_queue: Feed, deployment: Deployment, timing: Timing, platform: Platform) -> float:
    """Return the webhooks a second that ingestion takes from an ingest queue at most, at full batches."""
    concurrency = min(
        ingest_queue.maximum_concurrency or platform.most_pollers,
        deployment.ingestion_reserved or platform.account_concurrency,
    )
    by_rate = concurrency * platform.function_rate or math.inf
    by_duration = concurrency / (timing.ingestion * ingest_queue.batch_size + platform.poll_s)
    return ingest_queue.batch_size * min(by_rate, by_duration)


def processing_limit(deployment: Deployment, timing: Timing, platform: Platform) -> float:
    """Return the events a second that processing takes at most, at full batches."""
    concurrency = deployment.maximum_concurrency or platform.most_pollers
    if deployment.groups:
        concurrency = min(concurrency, deployment.groups)
    return concurrency * deployment.batch_size / (timing.processing(deployment.batch_size) + platform.poll_s)
