"""How long events, deliveries and attempts are kept: the ``expiresAt`` of each item.

DynamoDB deletes what has expired within days, and shows it until then; readers therefore ask `gone` as well.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

import math
from dataclasses import dataclass

from lambdas.delivery.domain.retry_schedules import LONGEST_SECONDS

DAY = 86_400
WAITING_DAYS = 20
"""How long a delivery may be held up, as by a paused endpoint, before it is given up."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long finished deliveries are kept.

    Attributes
    ----------
    delivered_days : int
        Days after a delivery arrived.
    dead_days : int
        Days after it was given up, in which it can be requeued.
    """

    delivered_days: int = 30
    dead_days: int = 14

    def created(self, now: float) -> int:
        """Return when something that is accepted now expires: after its longest way, and the time it is kept then.

        A way that an endpoint's own list makes longer is followed from attempt to attempt, see `next_due`.
        """
        return self.next_due(now + LONGEST_SECONDS)

    def next_due(self, due: float) -> int:
        """Return when a delivery expires, of which the next attempt is due at a time and may be held up then.

        It is the end of a day, so that an event, whose payload is large, is not written again for each of its
        deliveries, which come seconds later, and at most once a day where attempts go on beyond the longest way.
        """
        return (math.ceil(due / DAY) + WAITING_DAYS + max(self.delivered_days, self.dead_days)) * DAY

    def delivered(self, now: float) -> int:
        """Return when a delivery that arrived now expires."""
        return int(now) + self.delivered_days * DAY

    def dead(self, now: float) -> int:
        """Return when a delivery that is given up now expires."""
        return int(now) + self.dead_days * DAY

    def waits_until(self, expires_at: int) -> int:
        """Return when a delivery that is held up must be given up, so that it can still be seen and requeued.

        Parameters
        ----------
        expires_at : int
            When it expires, as `created` or `next_due` said.
        """
        return expires_at - max(self.delivered_days, self.dead_days) * DAY


def gone(now: float, expires_at: int) -> bool:
    """Tell whether an item has expired, whether or not DynamoDB has deleted it."""
    return now >= expires_at
