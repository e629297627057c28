"""What the stack passes to ingestion."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class IngestionEnvironment(Environment):
    """The variables of ingestion.

    Attributes
    ----------
    providers : str
        JSON: deployed name to ``{"entry", "secretArn", "options"}``; the last two where the provider has them. Since
        0.1.0, ``secretArn`` is the secret's name, which Secrets Manager takes as well, and that version too.
    queue_url : str
        URL of the main queue.
    message_group_by : str
        What a message's group is, see `lambdas.inbound.queue.MainQueue`.
    bucket_name : str
        Name of the archive bucket.
    max_body_bytes : int
        Largest payload accepted.
    quarantine_per_hour : int | None
        Webhooks of a provider that the quarantine keeps in an hour; None without a quarantine.
    table_name : str | None
        Name of the table that counts them.
    """

    providers: str
    queue_url: str
    message_group_by: str
    bucket_name: str
    max_body_bytes: int
    quarantine_per_hour: int | None = None
    table_name: str | None = None
