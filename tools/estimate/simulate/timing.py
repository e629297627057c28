"""How long things take."""

import math
import random
from dataclasses import dataclass

from tools.estimate.assumptions import Assumptions
from tools.estimate.observed.functions import Observer
from tools.estimate.synthesized import WebhookPath

_TEN, _HUNDRED = 10, 100


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Durations, in seconds.

    Attributes
    ----------
    ingestion : float
        Mean of a warm invocation of ingestion.
    batch, event : float
        Means of what processing takes for a batch and for each event in it; their sum is a batch of one.
    cold_start : float
        What a new execution environment adds to its first invocation.
    spread : float
        Standard deviation of the logarithm of a duration.
    """

    ingestion: float
    batch: float
    event: float
    cold_start: float
    spread: float = 0.3

    def drawn(self, mean: float, random_source: random.Random) -> float:
        """Return a duration with a mean, from a log-normal distribution."""
        if mean <= 0 or not self.spread:
            return mean
        return random_source.lognormvariate(math.log(mean) - self.spread**2 / 2, self.spread)

    def processing(self, events: int) -> float:
        """Return the mean duration of a batch."""
        return self.batch + self.event * events


def observed(path: WebhookPath, observer: Observer, assume: Assumptions) -> Timing:
    """Return the timing that follows from the calls that the functions were seen to make, and from their memory."""
    assert path.ingestion is not None
    memory = int(path.processing.get("memory_size", 128))
    # Observing takes time for each message, and a hundred of them tell how calls grow.
    most = max(_TEN, min(_HUNDRED, int(path.mapping.get("batch_size", _TEN))))
    one, full = (assume.invocation_s(observer.processing(size)[0].in_order, memory) for size in (1, most))
    each = (full - one) / (most - 1)
    return Timing(
        ingestion=assume.invocation_s(observer.ingestion().in_order, int(path.ingestion.get("memory_size", 128))),
        batch=one - each,
        event=each,
        # An import is CPU, of which less memory has less. Initialisation has a whole core only up to its own share.
        cold_start=assume.cold_start_ms / 1000 * max(1.0, 512 / memory),
    )
