"""The store of replays: all of a tenant's in one partition, and the number of those that run beside them.

So a tenant's list is read consistently and without an index, and no more run than may.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lambdas.delivery.domain.replays import KEPT_DAYS, MAX_RUNNING, Replay, ReplayState
from lambdas.delivery.domain.retention import DAY, gone
from lambdas.delivery.store.events import IDEMPOTENCY_SECONDS
from lambdas.delivery.store.items import (
    DUE_AT,
    DUE_KEY,
    EVENT_KEY,
    EXPIRES_AT,
    ITEM_KEY,
    KEY_ITEM,
    REPLAY,
    RUNNING_ITEM,
    idempotency_key,
    replay_from_item,
    replay_key,
    replay_to_item,
)
from lambdas.delivery.store.tables import Table, assignments, refused, transact_write
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item

MAX_LISTED = 100
_MAX_READ = 1_000
_ENDED = ("state", "reason", "updatedAt", EXPIRES_AT)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The replay that an idempotency key stands for already, and the hex digest of what was asked for."""

    replay_id: str
    sha256: str


class ReplayStore:
    """Reads and writes replays.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Name of the events table.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)

    def create(self, replay: Replay, now: float, request: tuple[str, str] | None = None) -> Holder | bool:
        """Write a replay, and count it as one that runs.

        Parameters
        ----------
        request : tuple[str, str] | None
            Idempotency key, and the hex digest of what is asked for.

        Returns
        -------
        Holder | bool
            True when it is written; what the key stands for when it is taken; False when as many run as may.
        """
        count = self._table.update_of(
            replay_key(replay.tenant_id, RUNNING_ITEM),
            "ADD #running :one",
            {":one": 1, ":most": MAX_RUNNING},
            "attribute_not_exists(#running) OR #running < :most",
        )
        put = self._table.put_of(replay_to_item(replay), f"attribute_not_exists(#{EVENT_KEY})")
        writes = [{"Update": count}, {"Put": put}]
        if request is not None:
            key = _key_of(replay.tenant_id, request[0])
            item = {"replayId": replay.replay_id, "sha256": request[1], EXPIRES_AT: int(now) + IDEMPOTENCY_SECONDS}
            put_key = self._table.put_of(
                {**key, **item}, f"attribute_not_exists(#{EVENT_KEY}) OR #{EXPIRES_AT} <= :now"
            )
            values = {"ExpressionAttributeValues": to_item({":now": int(now)})}
            writes.append({"Put": {**put_key, **values, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}})
        reasons = transact_write(self._table.dynamodb, writes)
        if len(reasons) > 2 and refused(reasons, 2):
            held = from_item(reasons[2]["Item"])
            return Holder(replay_id=held["replayId"], sha256=held["sha256"])
        return not reasons

    def holder(self, tenant_id: str, key: str, now: float) -> Holder | None:
        """Return what an idempotency key stands for; None when it is free."""
        held = self._table.get(_key_of(tenant_id, key))
        if held is None or gone(now, held[EXPIRES_AT]):
            return None
        return Holder(replay_id=held["replayId"], sha256=held["sha256"])

    def read(self, tenant_id: str, replay_id: str) -> Replay | None:
        """Return a replay; None when it does not exist."""
        values = self._table.get(replay_key(tenant_id, REPLAY + replay_id))
        return None if values is None else replay_from_item(values)

    def latest(self, tenant_id: str, now: float) -> Sequence[Replay]:
        """Return a tenant's latest replays, up to a thousand, the newest first."""
        answer = self._table.dynamodb.query(
            TableName=self._table.name,
            KeyConditionExpression="#event = :event AND begins_with(#item, :prefix)",
            ExpressionAttributeNames={"#event": EVENT_KEY, "#item": ITEM_KEY},
            ExpressionAttributeValues=to_item({":event": replay_key(tenant_id, "")[EVENT_KEY], ":prefix": REPLAY}),
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=_MAX_READ,
        )
        found = map(replay_from_item, map(from_item, answer["Items"]))
        return [one for one in found if one.expires_at is None or not gone(now, one.expires_at)]

    def record(self, seen: Replay, new: Replay) -> bool:
        """Record a page, if it is the one after what was seen; tell whether.

        A replay that was ended meanwhile stays so: nothing here puts it back into the due index.
        """
        names = ("position", "pages", "examined", "sent", "refused", DUE_AT, "updatedAt")
        plain = replay_to_item(new)
        expression, values = assignments({name: plain.get(name) for name in names})
        key = replay_key(seen.tenant_id, REPLAY + seen.replay_id)
        condition = "#pages = :seen"
        return self._table.update(key, expression, {**values, ":seen": seen.pages}, condition) is not None

    def end(self, replay: Replay, state: ReplayState, reason: str | None, now: float) -> Replay:
        """End a replay, unless it has ended, and return it as it is then."""
        ended = replace(
            replay, state=state, reason=reason, updated_at=times.iso(now), expires_at=int(now) + KEPT_DAYS * DAY
        )
        plain = replay_to_item(ended)
        changes = {**{name: plain.get(name) for name in _ENDED}, DUE_KEY: None, DUE_AT: None}
        expression, values = assignments(changes)
        key = replay_key(replay.tenant_id, REPLAY + replay.replay_id)
        update = self._table.update_of(
            key, expression, {**values, ":running": ReplayState.RUNNING}, "#state = :running"
        )
        less = self._table.update_of(
            replay_key(replay.tenant_id, RUNNING_ITEM), "ADD #running :less", {":less": -1}, None
        )
        transact_write(self._table.dynamodb, [{"Update": update}, {"Update": less}])
        found = self.read(replay.tenant_id, replay.replay_id)
        assert found is not None
        return found


def _key_of(tenant_id: str, key: str) -> dict[str, str]:
    return {EVENT_KEY: idempotency_key(tenant_id, f"replay\0{key}"), ITEM_KEY: KEY_ITEM}
