"""Which transactions an execution environment routed last: what comes later and happened earlier is out of order.

Nothing is read or written for it. Another environment may have routed the later event, so that what is found is right,
and what is not found proves nothing. The status compares all records of a transaction, which it reads anyway.
"""

from lambdas.inbound.event import WebhookEvent

MAX_TRANSACTIONS = 10_000


class Latest:
    """The latest time of occurrence that was routed, of the last transactions.

    Parameters
    ----------
    size : int
        How many transactions are kept.
    """

    def __init__(self, size: int = MAX_TRANSACTIONS) -> None:
        self._size = size
        # The one that was routed longest ago is the first.
        self._times: dict[tuple[str, str], str] = {}

    def passed(self, event: WebhookEvent) -> bool:
        """Return whether an event of the same transaction was routed that occurred later."""
        known = self._times.get((event.provider, event.transaction_id))
        return known is not None and event.occurred_at is not None and event.occurred_at < known

    def routed(self, event: WebhookEvent) -> None:
        """Keep that an event was routed."""
        if event.occurred_at is None:
            return
        key = (event.provider, event.transaction_id)
        self._times[key] = max(self._times.pop(key, ""), event.occurred_at)
        if len(self._times) > self._size:
            del self._times[next(iter(self._times))]
