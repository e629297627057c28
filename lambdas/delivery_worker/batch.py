"""A batch from the delivery queue: each message in a thread of its own, each failure its own.

Only a fault of the pipeline brings a message back: what an endpoint does is the delivery's state.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any, assert_never

from lambdas.delivery.domain.due import MAX_HOPS, MAX_LINEAGE
from lambdas.delivery.queue.delivery_queue import LINEAGE
from lambdas.delivery.queue.messages import BusEvent, Deliver, FanOut, Message, NotAMessageError, ResumeEndpoint, read
from lambdas.delivery_worker.bus_events import BusEventConsumer
from lambdas.delivery_worker.deliver import DeliverConsumer
from lambdas.delivery_worker.fan_out import FanOutConsumer
from lambdas.delivery_worker.reporting import Report
from lambdas.delivery_worker.resume import ResumeConsumer
from lambdas.shared.errors import describe

MAX_THREADS = 10


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Passes each message to its consumer.

    Attributes
    ----------
    fan_out, deliver, bus_events, resume
        The consumers.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    fan_out: FanOutConsumer
    deliver: DeliverConsumer
    bus_events: BusEventConsumer
    resume: ResumeConsumer
    clock: Callable[[], float]

    def run(self, records: Sequence[Mapping[str, Any]], seconds_left: float, report: Report) -> list[str]:
        """Process a batch and return the ids of the messages that must come back.

        Parameters
        ----------
        records : Sequence[Mapping[str, Any]]
            The records of the SQS event.
        seconds_left : float
            Until the invocation ends.
        """
        ends = self.clock() + seconds_left
        messages = {id(record): _read(record["body"]) for record in records}
        lineages = (one.lineage for one in messages.values() if not isinstance(one, NotAMessageError))
        outside = LINEAGE.set(max(lineages, default=0))
        contexts = {id(record): copy_context() for record in records}
        LINEAGE.reset(outside)

        def succeeds(record: Mapping[str, Any]) -> bool:
            message = messages[id(record)]
            return contexts[id(record)].run(self._succeeds, message, record["messageId"], ends, report)

        with ThreadPoolExecutor(max_workers=min(MAX_THREADS, max(len(records), 1))) as threads:
            done = list(threads.map(succeeds, records))
        return [record["messageId"] for record, success in zip(records, done, strict=True) if not success]

    def _succeeds(self, message: Message | NotAMessageError, message_id: str, ends: float, report: Report) -> bool:
        # One poisoned message must not take its neighbours with it, whatever the error is.
        try:
            if isinstance(message, NotAMessageError):
                raise message
            if LINEAGE.get() >= MAX_LINEAGE:
                message = replace(message, hops=MAX_HOPS)
            self._process(message, message_id, ends, report)
        except Exception as error:
            report.fail("message failed", message_id=message_id, reason=describe(error))
            return False
        return True

    def _process(self, message: Message, message_id: str, ends: float, report: Report) -> None:
        match message:
            case Deliver():
                self.deliver.run(message, message_id, ends, report)
            case FanOut():
                self.fan_out.run(message, self.clock(), report)
            case ResumeEndpoint():
                self.resume.run(message, self.clock(), report)
            case BusEvent():
                self.bus_events.run(message, self.clock(), report)
            case _:
                assert_never(message)


def _read(body: str) -> Message | NotAMessageError:
    try:
        return read(body)
    except NotAMessageError as error:
        return error
