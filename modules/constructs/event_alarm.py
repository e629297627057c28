"""An alarm on what a function counts."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EventAlarm:
    """An alarm on a metric that a function emits.

    Attributes
    ----------
    id : str
        Name of the alarm, without prefix and environment.
    function : str
        Function that counts.
    metric : str
        Name of its metric.
    description : str
        What it means, for whom the alarm wakes.
    threshold : int
        Count in five minutes that is still borne.
    """

    id: str
    function: str
    metric: str
    description: str
    threshold: int = 0
