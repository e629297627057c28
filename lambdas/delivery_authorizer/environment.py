"""What the stack passes to the authorizer."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class AuthorizerEnvironment(Environment):
    """The variables of the authorizer, besides Powertools'."""

    tenants_table: str
    """Name of the table of identities."""
