"""A token bucket: what refills at a rate, up to a capacity."""

from dataclasses import dataclass, field


@dataclass
class TokenBucket:
    """Tokens that refill all the time.

    Attributes
    ----------
    rate : float
        Tokens a second.
    capacity : float
        Tokens at most, and at first.
    """

    rate: float
    capacity: float
    _tokens: float = field(init=False)
    _at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Fill it."""
        self._tokens = self.capacity

    def holds(self, now: float) -> bool:
        """Tell whether there is a token at a time, which never goes back."""
        if now > self._at:
            self._tokens = min(self.capacity, self._tokens + (now - self._at) * self.rate)
            self._at = now
        # A refill that should have been exactly one is now and then a little less.
        return self._tokens >= 1 - 1e-9

    def take(self, now: float) -> bool:
        """Take a token; False when there is none."""
        if not self.holds(now):
            return False
        self._tokens -= 1
        return True


def take_from_all(buckets: list[TokenBucket], now: float) -> bool:
    """Take a token from each bucket, or none from any."""
    if not all(bucket.holds(now) for bucket in buckets):
        return False
    for bucket in buckets:
        bucket.take(now)
    return True
