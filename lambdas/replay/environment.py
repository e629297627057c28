"""What the stack passes to the replay endpoint."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class ReplayEnvironment(Environment):
    """The variables of the replay endpoint.

    Attributes
    ----------
    table_name, bucket_name : str
        Names of the table and of the archive bucket.
    queue_url : str
        URL of the main queue.
    message_group_by : str
        What a message's group is, see `lambdas.inbound.queue.MainQueue`.
    inbox_dead_letter_queue_url : str | None
        URL of the ingest queue's dead letter queue, where there is an ingest queue.
    """

    table_name: str
    bucket_name: str
    queue_url: str
    message_group_by: str
    inbox_dead_letter_queue_url: str | None = None
