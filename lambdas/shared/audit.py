"""The audit log: who did what, when, and why.

An entry is written before the action, and again with its outcome. So no action is without one, and an entry without an
outcome tells that it is not known whether the action was carried out. Entries are never deleted.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item
from lambdas.shared.errors import NotRecordedError, describe
from lambdas.shared.observability import logger

Answer = TypeVar("Answer")

DONE = "done"
INCOMPLETE = "incomplete"
MAX_REASON_CHARS = 500
MAX_EXAMINED = 1_000
"""Entries that one page looks at. A page of a filtered list may be short, or empty, and go on."""
_PREFIX = "audit#"
# Behind every time.
_LATEST = "~"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An action of an operator.

    Attributes
    ----------
    at : str
        When it was asked for, ISO 8601, UTC.
    request_id : str
        API Gateway's id of the request, which the logs have too.
    who : str | None
        ARN of the IAM principal, as API Gateway verified it.
    action : str
        Method and path of the route.
    asked : Mapping[str, Any]
        What the request said. No payload and no secret is in an operator's request.
    reason : str | None
        Why, in the operator's words.
    outcome : str | None
        `DONE`, `INCOMPLETE`, or the code of the error; None while it is not known.
    counts : Mapping[str, int] | None
        How much was done, and how much was not, of an action on many things.
    made : str | None
        Id of the token that was made: with it somebody acts in a tenant's name.
    """

    at: str
    request_id: str
    who: str | None
    action: str
    asked: Mapping[str, Any]
    reason: str | None
    outcome: str | None = None
    counts: Mapping[str, int] | None = None
    made: str | None = None

    @classmethod
    def of(
        cls, event: Mapping[str, Any], *, action: str, asked: Mapping[str, Any], reason: str | None, now: float
    ) -> Self:
        """Return the entry of a REST API proxy event.

        Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
        """
        context = event["requestContext"]
        return cls(
            at=times.iso(now),
            request_id=context["requestId"],
            who=(context.get("identity") or {}).get("userArn"),
            action=action,
            asked=asked,
            reason=reason,
        )

    def shown(self) -> dict[str, Any]:
        """Return the entry as JSON has it where no tokens are made."""
        values = asdict(self)
        values.pop("made")
        return {"requestId": values.pop("request_id"), **values}


class AuditLog:
    """Writes and reads the entries, which are in one partition of a table, or of an index of it.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Table name.
    partition : tuple[str, str]
        Name and value of the partition key.
    sort : str
        Name of the sort key.
    index : str | None
        Name of the index; None for the table itself.
    """

    def __init__(
        self, dynamodb: Any, table: str, *, partition: tuple[str, str], sort: str, index: str | None = None
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._partition = partition
        self._sort = sort
        self._index = {"IndexName": index} if index else {"ConsistentRead": True}

    def record(
        self,
        entry: Entry,
        act: Callable[[], Answer],
        code_of: Callable[[Exception], str],
        result_of: Callable[[Answer], tuple[str, Mapping[str, int] | None]] = lambda _: (DONE, None),
        made_of: Callable[[Answer], str | None] | None = None,
    ) -> Answer:
        """Carry an action out, and leave its entry.

        Parameters
        ----------
        code_of : Callable[[Exception], str]
            Returns the outcome where the action raises.
        result_of : Callable[[Answer], tuple[str, Mapping[str, int] | None]]
            Returns the outcome and the counts where it does not.
        made_of : Callable[[Answer], str | None] | None
            Returns the id of what was made.

        Raises
        ------
        NotRecordedError
            When the entry cannot be written: the action was not carried out.
        """
        try:
            self._write(entry)
        except (BotoCoreError, ClientError) as error:
            raise NotRecordedError(describe(error)) from error
        try:
            answer = act()
        except Exception as error:
            self._conclude(replace(entry, outcome=code_of(error)))
            raise
        outcome, counts = result_of(answer)
        made = made_of(answer) if made_of else None
        self._conclude(replace(entry, outcome=outcome, counts=counts, made=made))
        return answer

    def newest(
        self, start: str | None, before: str | None, limit: int, fits: Callable[[Entry], bool] | None = None
    ) -> tuple[list[Entry], str | None]:
        """Return entries, the newest first, and what is `before` of the next page; None on the last.

        Parameters
        ----------
        start : str | None
            Time, ISO 8601: the entries of then and later.
        before : str | None
            Time, or what was returned with the page before: the entries before that.
        fits : Callable[[Entry], bool] | None
            Which entries; None for all.
        """
        low, high = _PREFIX + (start or ""), _PREFIX + (before or _LATEST)
        if low > high:
            return [], None
        arguments: dict[str, Any] = {
            "TableName": self._table,
            **self._index,
            "KeyConditionExpression": "#partition = :partition AND #sort BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#partition": self._partition[0], "#sort": self._sort},
            "ExpressionAttributeValues": to_item({":partition": self._partition[1], ":low": low, ":high": high}),
            "ScanIndexForward": False,
            # Of all entries, also the one that the page before ended at, and one that says whether there are more.
            "Limit": limit + 2 if fits is None else MAX_EXAMINED,
        }
        answer = self._dynamodb.query(**arguments)
        found: list[Entry] = []
        reached = high
        for values in map(from_item, answer["Items"]):
            if values[self._sort] == high:
                continue
            if len(found) == limit:
                return found, reached.removeprefix(_PREFIX)
            reached = values[self._sort]
            fields = {name: values.get(name) for name in Entry.__dataclass_fields__}
            counts = values.get("counts")
            entry = Entry(**{**fields, "asked": json.loads(values["asked"]), "counts": counts and json.loads(counts)})
            if fits is None or fits(entry):
                found.append(entry)
        return found, reached.removeprefix(_PREFIX) if "LastEvaluatedKey" in answer else None

    def _conclude(self, entry: Entry) -> None:
        try:
            self._write(entry)
        except (BotoCoreError, ClientError) as error:
            # The answer must not say that nothing was done.
            logger.error("outcome not recorded", action=entry.action, outcome=entry.outcome, error=describe(error))

    def _write(self, entry: Entry) -> None:
        values = {name: value for name, value in asdict(entry).items() if value is not None}
        values |= {name: json.dumps(values[name]) for name in ("asked", "counts") if name in values}
        key = {self._partition[0]: self._partition[1], self._sort: f"{_PREFIX}{entry.at}#{entry.request_id}"}
        self._dynamodb.put_item(TableName=self._table, Item=to_item({**key, **values}))
