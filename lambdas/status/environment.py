"""What the stack passes to the status endpoint."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class StatusEnvironment(Environment):
    """The variables of the status endpoint: name of the table."""

    table_name: str
