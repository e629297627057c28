"""What the stack passes to the sweeper."""

from dataclasses import dataclass

from lambdas.delivery.domain.retention import Retention
from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class SweeperEnvironment(Environment):
    """The sweeper's variables, besides Powertools'.

    Attributes
    ----------
    endpoints_table, events_table : str
        Names of the tables.
    queue_url : str
        The delivery queue.
    delivered_ttl_days, dead_ttl_days : int
        Days for which deliveries are kept, see `Retention`.
    """

    endpoints_table: str
    events_table: str
    queue_url: str
    delivered_ttl_days: int = Retention.delivered_days
    dead_ttl_days: int = Retention.dead_days
