"""What the stack passes to processing."""

from dataclasses import dataclass

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class ProcessingEnvironment(Environment):
    """The variables of processing.

    Attributes
    ----------
    table_name, bucket_name, event_bus_name : str
        Names of the table, of the archive bucket and of the event bus.
    max_receive_count : int
        Receives after which SQS moves a message to the dead letter queue.
    archive_by : str
        Whether the payloads of a batch share an object, see `lambdas.processing.archiving.Archiving`.
    routed_modes : str
        JSON: deployed name to the only mode that is routed, see `lambdas.processing.rules.is_held`.
    """

    table_name: str
    bucket_name: str
    event_bus_name: str
    max_receive_count: int
    archive_by: str
    routed_modes: str | None = None
