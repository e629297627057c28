"""How full the batches are that an event source mapping hands to its function."""

from collections.abc import Callable

from tools.estimate.assumptions import Assumptions
from tools.estimate.synthesized import Resource

# What one invocation takes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
INVOCATION_BYTES = 6 * 1024 * 1024


def effective_batch(
    rate: float,
    mapping: Resource,
    *,
    message_bytes: float,
    groups: int | None,
    assume: Assumptions,
    invocation_s: Callable[[float], float],
) -> float:
    """Return the average number of messages in a batch, at a steady rate.

    A poller takes what waits, so that a batch holds what arrived while the poller was busy with the batch before, and
    one message at least. A batching window has it wait for more. Lambda adds pollers only when full batches do not
    suffice, so that more of them do not make batches smaller.

    Parameters
    ----------
    rate : float
        Messages a second.
    message_bytes : float
        Size of a message.
    groups : int | None
        Groups of a FIFO queue, of which each is processed by one poller at a time; None for a standard queue.
    invocation_s : Callable[[float], float]
        Seconds that a batch of a size takes.
    """
    largest = min(float(mapping.get("batch_size", 10)), max(1.0, INVOCATION_BYTES // max(1.0, message_bytes)))
    pollers = float(concurrent_pollers(mapping, groups, assume))
    window = float(mapping.get("maximum_batching_window_in_seconds", 0) or 0)
    waited = 1 + rate / pollers * window if window else 1.0
    batch = 1.0
    for _ in range(200):
        busy = assume.poll_ms / 1000 + invocation_s(batch)
        batch = min(largest, max(1.0, waited, rate / pollers * busy))
    return batch


def concurrent_pollers(mapping: Resource, groups: int | None, assume: Assumptions) -> int:
    """Return how many batches the mapping reads at once when it is not pressed."""
    limit = int(mapping.block("scaling_config").get("maximum_concurrency", 1_000))
    return min(assume.pollers, limit, groups or assume.pollers)
