"""What the stack passes to reconciliation."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class ReconcileEnvironment(Environment):
    """The variables of reconciliation.

    Attributes
    ----------
    providers : str
        JSON: deployed name to ``{"entry", "apiSecretArn", "every", "overlap"}``, and where there are any
        ``"options"``, ``"types"``, ``"routed"``, ``"hook"``, ``"url"``, and ``"secretArn"`` of the signing secrets, for
        a list that shows signatures. Either secret goes by name.
    base_url : str
        Where webhooks are received, below which each provider has a path.
    queue_url : str
        URL of the main queue.
    message_group_by : str
        What a message's group is, see `lambdas.inbound.queue.MainQueue`.
    table_name, bucket_name : str
        Names of the table and of the archive bucket.
    """

    providers: str
    base_url: str
    queue_url: str
    message_group_by: str
    table_name: str
    bucket_name: str
