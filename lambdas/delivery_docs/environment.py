"""What the stack passes to the public documents."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class DocsEnvironment(Environment):
    """The variables of the public documents, besides Powertools'.

    Attributes
    ----------
    tenants_table : str
        Name of the table of identities, which has the public keys.
    portal_frames : str
        Origins of the sites that may show the portal in a frame, separated by blanks.
    """

    tenants_table: str
    portal_frames: str = ""
