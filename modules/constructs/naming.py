"""Names: ``webhook-<resource>-<environment suffix>``, so that two environments live in one account."""

from dataclasses import dataclass

from modules.settings.checked import checked
from modules.settings.formats import ENVIRONMENT
from modules.settings.validation import SettingsError, Validated, setting

PREFIX = "webhook"
DELIVERY_PREFIX = f"{PREFIX}-delivery"
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
MAX_RULE = 64


def archive_bucket_name(account_id: str, environment: str, prefix: str = PREFIX) -> str:
    """Return the name of an inbound stack's archive bucket, with the account: such names are unique in the world."""
    return f"{prefix}-archive-{account_id}-{environment}"


@dataclass(frozen=True)
class Names(Validated):
    """Makes the names of one stack of an environment.

    Attributes
    ----------
    environment, prefix
        What every name ends and begins with; a prefix of its own for each stack of an environment.

    Raises
    ------
    SettingsError
        When names would be too long, or hold what a bucket's name must not.
    """

    environment: str = setting(doc="Environment suffix.", rule=ENVIRONMENT)
    prefix: str = setting(
        PREFIX,
        doc="What every name begins with.",
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
        pattern="[a-z0-9]([a-z0-9-]{0,23}[a-z0-9])?",
        words="1 to 25 lower-case letters, digits and inner hyphens",
    )

    @checked
    def __call__(self, resource: str, qualifier: str | None = None, *, limit: int = 255) -> str:
        """Return the name of a resource.

        Parameters
        ----------
        qualifier : str | None
            Tells apart resources of one kind, such as the provider of a secret. Its hyphens become underscores:
            otherwise the provider ``shop-eu`` of the environment ``dev`` had the names of ``shop`` in ``eu-dev``.
        limit : int
            Characters that AWS takes for such a name.

        Raises
        ------
        SettingsError
            When the name is longer.
        """
        part = f"-{qualifier.replace('-', '_')}" if qualifier else ""
        name = f"{self.prefix}-{resource}{part}-{self.environment}"
        if len(name) > limit:
            raise SettingsError(
                f"{resource}: the name {name!r} has {len(name)} characters; allowed: up to {limit}, prefix and "
                "environment included"
            )
        return name
