"""Names: ``webhook-<resource>-<environment suffix>``, so that two environments live in one account."""

from dataclasses import dataclass

PREFIX = "webhook"
DELIVERY_PREFIX = f"{PREFIX}-delivery"


def archive_bucket_name(account_id: str, environment: str, prefix: str = PREFIX) -> str:
    """Return the name of an inbound stack's archive bucket, with the account: such names are unique in the world."""
    return f"{prefix}-archive-{account_id}-{environment}"


@dataclass(frozen=True)
class Names:
    """Makes the names of one stack of an environment.

    Attributes
    ----------
    environment : str
        Environment suffix.
    prefix : str
        What every name begins with; another one for each stack of an environment.
    """

    environment: str
    prefix: str = PREFIX

    def __call__(self, resource: str, qualifier: str | None = None) -> str:
        """Return the name of a resource.

        Parameters
        ----------
        qualifier : str | None
            Tells apart resources of one kind, such as the provider of a secret. Its hyphens become underscores:
            otherwise the provider ``shop-eu`` of the environment ``dev`` had the names of ``shop`` in ``eu-dev``.
        """
        part = f"-{qualifier.replace('-', '_')}" if qualifier else ""
        return f"{self.prefix}-{resource}{part}-{self.environment}"
