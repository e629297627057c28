"""What was counted while a function ran."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Usage:
    """Calls and bytes of one invocation.

    Attributes
    ----------
    in_order : list[str]
        AWS's names of the operations that were called, one after the other.
    table_write_units, index_write_units, read_units : float
        DynamoDB's request units, the indexes' apart.
    stored_item_bytes : int
        What the table and its indexes keep that they did not keep before.
    objects : list[int]
        Size of each object that S3 keeps, metadata included.
    message_bytes : list[int]
        Size of each message sent to the queue.
    grouped_messages : int
        Messages that named a message group.
    event_bytes : list[int]
        Size of each event published.
    log_bytes : int
        What the function printed.
    metrics : set[str]
        Custom metrics that it reported, by namespace, dimensions and name.
    answer_bytes : int
        What it returned.
    """

    in_order: list[str] = field(default_factory=list)
    table_write_units: float = 0
    index_write_units: float = 0
    read_units: float = 0
    stored_item_bytes: int = 0
    objects: list[int] = field(default_factory=list)
    message_bytes: list[int] = field(default_factory=list)
    grouped_messages: int = 0
    event_bytes: list[int] = field(default_factory=list)
    log_bytes: int = 0
    metrics: set[str] = field(default_factory=set)
    answer_bytes: int = 0

    @property
    def calls(self) -> Counter[str]:
        """How often each operation was called."""
        return Counter(self.in_order)
