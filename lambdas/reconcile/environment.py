"""What the stack passes to reconciliation."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class ReconcileEnvironment(Environment):
    """The variables of reconciliation.

    Attributes
    ----------
    providers : str
        JSON: deployed name to ``{"entry", "apiSecretArn", "overlap"}``, and where there are any ``"options"``,
        ``"types"``, ``"hook"``, and ``"secretArn"`` of the signing secrets, for a list that shows signatures.
        Either secret goes by name.
    queue_url : str
        URL of the main queue.
    message_group_by : str
        What a message's group is, see `lambdas.inbound.queue.MainQueue`.
    table_name, bucket_name : str
        Names of the table and of the archive bucket.
    """

    providers: str
    queue_url: str
    message_group_by: str
    table_name: str
    bucket_name: str
