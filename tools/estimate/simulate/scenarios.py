"""What is simulated of each preset."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tools.estimate.simulate.model import Load
from tools.estimate.simulate.senders import Retries

BEFORE_S, AFTER_S, SLOW_S = 30.0, 30.0, 300.0
TIMES = 10


class SimulationError(Exception):
    """A value of the command line is wrong; the message names it and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A load with a name.

    Attributes
    ----------
    name : str
        For file names.
    title : str
        What happens, in words.
    load : Load
        What senders do.
    since : float
        The second from which draining is counted: when the cause is over.
    """

    name: str
    title: str
    load: Load
    since: float


def burst(normal: float, seconds: float, retries: Retries) -> Scenario:
    """Return ten times the normal load for some time."""
    return Scenario(
        name="burst",
        title=f"{normal:,g} webhooks/s, and {TIMES} x as many, {TIMES * normal:,g}/s, for {seconds:g} s",
        load=Load(
            phases=[(BEFORE_S, normal), (seconds, TIMES * normal), (AFTER_S, normal)],
            retries=retries.waits,
        ),
        since=BEFORE_S + seconds,
    )


def slow_downstream(normal: float, times: float, retries: Retries) -> Scenario:
    """Return a normal load while processing takes much longer for five minutes."""
    start, end = BEFORE_S, BEFORE_S + SLOW_S
    return Scenario(
        name="slow-downstream",
        title=f"{normal:,g} webhooks/s, and processing takes {times:g} x as long for {SLOW_S:.0f} s",
        load=Load(
            phases=[(BEFORE_S + SLOW_S + AFTER_S, normal)],
            retries=retries.waits,
            slowness=lambda now: times if start <= now < end else 1.0,
        ),
        since=end,
    )


@contextmanager
def uncollected() -> Iterator[None]:
    """Run without garbage collection, which would walk millions of waiting events again and again."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
