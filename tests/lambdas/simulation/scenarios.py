"""Load, and what it must not do to others."""

from collections.abc import Callable

SCENARIOS: tuple[Callable[[], int], ...] = ()
