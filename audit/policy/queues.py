"""Queues: what AWS refuses late, and what loses messages."""

from collections.abc import Iterator

from tools.audit.model.plan import Plan, Violation
from tools.audit.model.queues import dead_letter_queues, mappings, queues
from tools.audit.rules import rule


@rule(
    "queue-dead-letter",
    "A queue that a function receives from has a dead letter queue",
    why="Without one, a message that cannot be processed is received again until it expires, and is then gone.",
    source="Q-1; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
)
def has_a_dead_letter_queue(plan: Plan) -> Iterator[Violation]:
    """Yield consumed queues without a dead letter queue, other than dead letter queues themselves."""
    exempt = [queue.resource for queue in dead_letter_queues(plan)]
    for mapping in mappings(plan):
        queue = mapping.queue
        if queue.dead_letter_queue is None and queue.resource not in exempt:
            yield queue.resource.breaks("has no dead letter queue")


@rule(
    "queue-fifo-dead-letter",
    "A FIFO queue has a FIFO dead letter queue, and a standard queue a standard one",
    why="A plan accepts the mixture. AWS refuses it at apply, when half of the stack is there.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)
def dead_letter_queue_is_of_the_same_type(plan: Plan) -> Iterator[Violation]:
    """Yield queues whose dead letter queue is of the other type."""
    by_resource = {queue.resource: queue for queue in queues(plan)}
    for queue in queues(plan):
        dead = by_resource.get(queue.dead_letter_queue) if queue.dead_letter_queue else None
        if dead and dead.fifo != queue.fifo:
            kind, other = ("FIFO", "standard") if queue.fifo else ("standard", "FIFO")
            yield queue.resource.breaks(f"is {kind}, and its dead letter {dead.resource.label} is {other}")


@rule(
    "queue-dead-letter-retention",
    "A dead letter queue keeps messages longer than its source",
    why="A standard dead letter queue counts from the first sending: with the same retention a message that waited "
    "long arrives there to expire at once.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)
def dead_letter_queue_keeps_longer(plan: Plan) -> Iterator[Violation]:
    """Yield dead letter queues that keep no longer than a queue that feeds them."""
    by_resource = {queue.resource: queue for queue in queues(plan)}
    for queue in queues(plan):
        dead = by_resource.get(queue.dead_letter_queue) if queue.dead_letter_queue else None
        if dead and dead.retention <= queue.retention:
            yield dead.resource.breaks(
                f"keeps messages for {dead.retention} s, no longer than {queue.resource.label}: {queue.retention} s"
            )


@rule(
    "queue-visibility",
    "A message stays invisible for six times the function's time-out and the batch window",
    why="Otherwise it is received again while it is being processed, and counts towards the dead letter queue.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
)
def visibility_covers_the_timeout(plan: Plan) -> Iterator[Violation]:
    """Yield queues whose visibility timeout is too short for the function behind them."""
    for mapping in mappings(plan):
        if mapping.function is None:
            continue
        needed = 6 * mapping.function.timeout + mapping.batch_window
        if mapping.queue.visibility_timeout < needed:
            yield mapping.queue.resource.breaks(
                f"visibility timeout is {mapping.queue.visibility_timeout} s, less than the {needed} s that "
                f"{mapping.function.resource.label} needs"
            )


@rule(
    "queue-fifo-throughput",
    "A FIFO queue that a function receives from runs in high-throughput mode",
    why="By default a FIFO queue takes 300 calls a second for all message groups together, and refuses the rest.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html",
)
def fifo_is_fast(plan: Plan) -> Iterator[Violation]:
    """Yield FIFO queues that lack one of the two settings of high throughput."""
    exempt = [queue.resource for queue in dead_letter_queues(plan)]
    for mapping in mappings(plan):
        queue = mapping.queue
        wanted = {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"}
        if queue.fifo and queue.resource not in exempt:
            for attribute, value in wanted.items():
                if queue.resource.get(attribute) != value:
                    yield queue.resource.breaks(f"{attribute} is {queue.resource.get(attribute)!r}, not {value!r}")


@rule(
    "mapping-concurrency",
    "An event source mapping starts no more invocations than its function has reserved",
    why="Lambda receives without regard to reserved concurrency; receives that are then throttled count towards the "
    "dead letter queue, so that good messages end there under load.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
)
def mapping_stays_below_reserved_concurrency(plan: Plan) -> Iterator[Violation]:
    """Yield mappings without a limit, or with one above the function's reserved concurrency."""
    for mapping in mappings(plan):
        reserved = mapping.function.reserved_concurrency if mapping.function else None
        if mapping.maximum_concurrency is None:
            yield mapping.resource.breaks("has no maximum concurrency")
        elif reserved is not None and mapping.maximum_concurrency > reserved:
            yield mapping.resource.breaks(
                f"starts {mapping.maximum_concurrency} invocations at once; its function has {reserved} reserved"
            )


@rule(
    "mapping-partial-failures",
    "A batch's failed messages alone are received again",
    why="Without ReportBatchItemFailures one poisoned message takes its neighbours with it into the dead letter queue.",
    source="Q-2; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
)
def failures_are_reported_one_by_one(plan: Plan) -> Iterator[Violation]:
    """Yield mappings without partial batch responses."""
    for mapping in mappings(plan):
        if not mapping.reports_failures:
            yield mapping.resource.breaks("does not take partial batch responses (ReportBatchItemFailures)")
