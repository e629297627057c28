"""What the stack passes to ingestion."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class IngestionEnvironment(Environment):
    """The variables of ingestion.

    Attributes
    ----------
    providers : str
        JSON: deployed name to ``{"entry", "secretArn", "options"}``; the last two where the provider has them.
    queue_url : str
        URL of the main queue.
    message_group_by : str
        What a message's group is, see `lambdas.inbound.queue.MainQueue`.
    bucket_name : str
        Name of the archive bucket.
    max_body_bytes : int
        Largest payload accepted.
    expected : str | None
        JSON: deployed names of the providers of which accepted events are counted by name; None for none.
    """

    providers: str
    queue_url: str
    message_group_by: str
    bucket_name: str
    max_body_bytes: int
    expected: str | None = None
