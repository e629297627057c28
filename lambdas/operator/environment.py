"""What the stack passes to the operators' lists."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class OperatorEnvironment(Environment):
    """The variables of the operators' lists.

    Attributes
    ----------
    table_name, bucket_name : str
        Names of the table and of the archive bucket.
    providers : str
        Each deployed name, with its entry of the registry, as JSON.
    """

    table_name: str
    bucket_name: str
    providers: str
