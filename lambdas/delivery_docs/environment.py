"""What the stack passes to the public documents."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class DocsEnvironment(Environment):
    """The variables of the public documents, besides Powertools'."""

    tenants_table: str
    """Name of the table of identities, which has the public keys."""
