"""The execution environments of one function."""

import math

from tools.estimate.simulate.buckets import TokenBucket
from tools.estimate.simulate.platform import Platform


def rate_limit(rate: float, platform: Platform) -> TokenBucket:
    """Return Lambda's limit on requests a second, which is none for a rate of 0."""
    return TokenBucket(rate or math.inf, max(1.0, (rate or math.inf) * platform.rate_window_s))


class Function:
    """Environments that are busy or warm, and the limits on how many there may be and how fast they come.

    Parameters
    ----------
    limit : int
        Executions at once.
    cold_start_s : float
        What a new environment adds to its first invocation.
    """

    def __init__(self, limit: int, cold_start_s: float, platform: Platform) -> None:
        self.limit = limit
        self.busy = 0
        self.most_busy = 0
        self.cold_starts = 0
        self.throttled = 0
        self._warm = 0
        self._cold_start_s = cold_start_s
        self._scaling = TokenBucket(platform.scaling / platform.scaling_s, platform.scaling)
        self._requests = rate_limit(platform.function_rate * limit, platform)

    def begin(self, now: float) -> float | None:
        """Take an environment and return what its start adds; None when the invocation is throttled."""
        cold = not self._warm
        if self.busy >= self.limit or (cold and not self._scaling.holds(now)) or not self._requests.take(now):
            self.throttled += 1
            return None
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        if not cold:
            self._warm -= 1
            return 0.0
        self._scaling.take(now)
        self.cold_starts += 1
        return self._cold_start_s

    def end(self) -> None:
        """Give the environment back, warm."""
        self.busy -= 1
        self._warm += 1
