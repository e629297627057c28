"""Names: ``webhook-<resource>-<environment suffix>``, so that two environments live in one account."""

from dataclasses import dataclass

PREFIX = "webhook"


@dataclass(frozen=True)
class Names:
    """Makes the names of one environment.

    Attributes
    ----------
    environment : str
        Environment suffix.
    """

    environment: str

    def __call__(self, resource: str) -> str:
        """Return the name of a resource."""
        return f"{PREFIX}-{resource}-{self.environment}"
