"""Operational events are written, each once."""

from dataclasses import dataclass, field

from lambdas.delivery.domain.operational_events import OperationalEvent
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.store.events import Events

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, kw_only=True)
class Announcer:
    """Announces.

    It remembers what it has announced, so that a flood of what is about the same costs each execution environment one
    write.

    Attributes
    ----------
    events : Events
        Where it writes.
    retention : Retention
        How long the events are kept.
    """

    events: Events
    retention: Retention
    _announced: set[str] = field(default_factory=set)

    def announce(self, one: OperationalEvent, now: float) -> None:
        """Write an operational event, unless there is one about the same.

        When this returns, the due index has it. A caller who does not get that far must call again.

        Parameters
        ----------
        now : float
            Seconds since the epoch.
        """
        if one.event_id in self._announced:
            return
        self.events.create(*one.event(now, self.retention))
        if len(self._announced) >= _MOST_REMEMBERED:
            self._announced.clear()
        self._announced.add(one.event_id)
