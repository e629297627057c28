"""What the stack passes to the receiver."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class ReceiverEnvironment(Environment):
    """The variables of the receiver, besides Powertools'."""

    endpoints_table: str
    """Name of the table of endpoints."""
