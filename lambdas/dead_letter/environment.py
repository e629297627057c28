"""What the stack passes to the dead letter handler."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class DeadLetterEnvironment(Environment):
    """The variables of the dead letter handler: names of the table and of the archive bucket."""

    table_name: str
    bucket_name: str
