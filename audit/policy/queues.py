"""Queues: what AWS refuses late, and what loses messages."""

from collections.abc import Iterator

from modules.rules.queues import is_fifo, mapped, redrives
from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document

_HIGH_THROUGHPUT = {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"}


@rule(
    "queue-fifo-throughput",
    "A FIFO queue that a function receives from runs in high-throughput mode",
    where=Where.PLAN,
    why="By default a FIFO queue takes 300 calls a second for all message groups together, and refuses the rest.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html",
)
def fifo_is_fast(plan: Document) -> Iterator[Found]:
    """Yield FIFO queues that lack one of the two settings of high throughput."""
    dead = {each.dead_letter for each in redrives(plan)}
    for _, queue in mapped(plan):
        if is_fifo(plan, queue) and queue not in dead:
            for attribute, value in _HIGH_THROUGHPUT.items():
                if queue.get(attribute) != value:
                    yield queue, f"{attribute} is {queue.get(attribute)!r}, not {value!r}"


@rule(
    "mapping-limit",
    "An event source mapping of a queue has a maximum concurrency",
    where=Where.PLAN,
    why="Without one, a backlog may take all executions of the account.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
    also=("mapping-concurrency",),
)
def mapping_has_a_limit(plan: Document) -> Iterator[Found]:
    """Yield mappings without a limit."""
    for mapping, _ in mapped(plan):
        if not mapping.get("scaling_config.maximum_concurrency"):
            yield mapping, "has no maximum concurrency"
