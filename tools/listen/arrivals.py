"""Events that a listener learns of, from the bus or from the records, and the webhooks that they came in."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from botocore.exceptions import ClientError

from lambdas.inbound.archive import key_part
from lambdas.inbound.batch_object import NotABatchObjectError
from lambdas.inbound.evidence import Evidence
from lambdas.inbound.providers.fields import is_identifier
from lambdas.inbound.record_items import State
from lambdas.inbound.record_queries import RecordQueries
from lambdas.processing.bus import SOURCE_PREFIX
from lambdas.shared import times
from tools.commands.archive_proof import ArchivedPayload
from tools.commands.target_stack import NoTargetError, Target

# So many are read in a few minutes, for some cents.
MAX_RECORDS = 100_000
_PAGE = 1_000
# The difference to AWS's clock with which its calls still work.
_CLOCK_SECONDS = 300
# Objects that are kept in memory: payloads that came together lie together.
_OBJECTS = 8


class NotForwardableError(Exception):
    """An event's webhook cannot be forwarded as it came; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An event, and where its webhook lies.

    Attributes
    ----------
    event_id, event_type, received_at, correlation_id, content_type : str
        As in the record and on the bus.
    mode : str | None
        ``live`` or ``test``, if that is known.
    archive : Mapping[str, str]
        Key and digest of its payload.
    replay_id : str | None
        Set for an event that an operator had sent again.
    """

    event_id: str
    event_type: str
    received_at: str
    correlation_id: str
    content_type: str
    mode: str | None
    archive: Mapping[str, str]
    replay_id: str | None

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self | None:
        """Read a record, or the detail of an event on the bus: both have the same members. None if it is neither."""
        try:
            arrival = cls(
                event_id=found["eventId"],
                event_type=found["eventType"],
                received_at=found["receivedAt"],
                correlation_id=found["correlationId"],
                content_type=found["contentType"],
                mode=found.get("mode"),
                archive={name: found["archive"][name] for name in ("key", "sha256")},
                replay_id=found.get("replay", {}).get("replayId"),
            )
        except (KeyError, TypeError, AttributeError):
            return None
        # Nothing else goes to the terminal, whoever may write to the bus.
        shown = (arrival.event_id, arrival.event_type, arrival.received_at, arrival.correlation_id)
        return arrival if all(map(is_identifier, shown)) else None

    @property
    def webhook(self) -> tuple[str, str, str | None]:
        """The same for all events of a webhook, each time that they are sent."""
        return self.correlation_id, self.archive["sha256"], self.replay_id


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is listened to.

    Attributes
    ----------
    provider : str
        Deployed name.
    types : Sequence[str]
        Event types; one with ``*`` at its end stands for all that begin so. Empty for all.
    mode : str | None
        ``live`` or ``test``; None for any, also for none.
    """

    provider: str
    types: Sequence[str] = ()
    mode: str | None = None

    def pattern(self) -> dict[str, Any]:
        """Return the pattern of the bus's rule."""
        types = [{"prefix": one[:-1]} if one.endswith("*") else one for one in self.types]
        return {
            "source": [SOURCE_PREFIX + self.provider],
            **({"detail-type": types} if types else {}),
            **({"detail": {"mode": [self.mode]}} if self.mode else {}),
        }

    def includes(self, arrival: Arrival) -> bool:
        """Return what the pattern says of an event."""
        is_type = not self.types or any(
            arrival.event_type.startswith(one[:-1]) if one.endswith("*") else arrival.event_type == one
            for one in self.types
        )
        return is_type and self.mode in (None, arrival.mode)


def received_since(target: Target, wanted: Wanted, start: float, end: float) -> list[Arrival]:
    """Return the events that were received from one time to another and are routed, in the order of their receipt.

    Those that are about to be routed are among them, since the bus may have had them before there was a rule.

    Raises
    ------
    NoTargetError
        When there are too many to read.
    """
    queries = RecordQueries(target.client("dynamodb"), target.outputs["table_name"])
    first, last = times.iso(start), times.iso(end + _CLOCK_SECONDS)
    found: list[Arrival] = []
    bucket, after, complete, count = 0, None, False, 0
    while not complete:
        page = queries.by_received(wanted.provider, first, last, bucket=bucket, after=after, limit=_PAGE)
        bucket, after, complete = page.bucket, page.after, page.complete
        count += len(page.records)
        if count > MAX_RECORDS:
            raise NoTargetError(f"SINCE: more than {MAX_RECORDS:,} events came since then; take a shorter time")
        records = [record for record in page.records if record.get("state") in (State.ROUTED, State.RECORDED)]
        found += [arrival for arrival in map(Arrival.read, records) if arrival and wanted.includes(arrival)]
    return sorted(found, key=lambda arrival: arrival.received_at)


@dataclass
class ArchiveReader:
    """Reads webhooks from the archive."""

    target: Target
    provider: str
    _objects: Any = field(init=False)

    def __post_init__(self) -> None:
        self._objects = lru_cache(_OBJECTS)(self._object)

    def read(self, arrival: Arrival) -> tuple[bytes, Evidence]:
        """Return a webhook's bytes and the evidence with its signed headers.

        Raises
        ------
        NotForwardableError
            When it is not there as it came.
        """
        same = [
            payload
            for payload in self._objects(arrival.archive["key"])
            if (payload.provider, payload.sha256) == (self.provider, arrival.archive["sha256"])
        ]
        # A webhook of several events may lie under the id of the first one.
        same.sort(key=lambda payload: bool(payload.event != key_part(arrival.event_id)))
        if not same or hashlib.sha256(same[0].body).hexdigest() != same[0].sha256:
            raise NotForwardableError("its bytes in the archive have changed")
        if same[0].evidence is None:
            raise NotForwardableError("its signed headers are not in the archive")
        return same[0].body, same[0].evidence

    def _object(self, key: str) -> list[ArchivedPayload]:
        try:
            answer = self.target.client("s3").get_object(Bucket=self.target.outputs["bucket_name"], Key=key)
            return ArchivedPayload.of_object(key, answer["Body"].read(), answer["Metadata"])
        except ClientError as error:
            raise NotForwardableError(_REASONS.get(code := error.response["Error"]["Code"], code)) from error
        except (NotABatchObjectError, ValueError) as error:
            raise NotForwardableError("its bytes in the archive have changed") from error


_REASONS = {
    "NoSuchKey": "it was erased",
    # S3 says so of what is not there, to whoever may not list the bucket.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    "AccessDenied": "it was erased, or the output listen_policy_json is not attached to you",
    "InvalidObjectState": "it is in Glacier",
}
