"""What the stack passes to the authorizer."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class AuthorizerEnvironment(Environment):
    """The variables of the authorizer, besides Powertools'.

    Attributes
    ----------
    tenants_table : str
        Name of the table of identities.
    tenant_plans : str
        The usage plans that there are, separated by commas; empty where requests are not counted by tenant.
    portal : bool
        Whether tokens of portal links are taken.
    """

    tenants_table: str
    tenant_plans: str = ""
    portal: bool = True
