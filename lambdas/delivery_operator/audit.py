"""Every operation of an operator that changes something leaves an entry in the audit log, which can be listed."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from lambdas.delivery.http.problems import bad_request, problem_of
from lambdas.delivery.http.rest import Call, Operate, Rest
from lambdas.delivery.http.routes import OPERATOR_API
from lambdas.delivery.http.schemas import Limit, RequestModel, ResponseModel, TenantId, Time
from lambdas.delivery.store.items import BY_TENANT_INDEX, IDENTITY_KEY, TENANT_KEY
from lambdas.shared.audit import MAX_REASON_CHARS, AuditLog, Entry

_CURSOR = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[A-Za-z0-9-]{1,64}$"
# Where the index lists the entries: no tenant's id has this character.
_PARTITION = "#audit"


def _switch(text: Any) -> Any:
    return {"true": True, "false": False}.get(text, text)


class ActionQuery(RequestModel):
    """Why something is done."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARS)] | None = Field(
        default=None, description="Why, for the audit log."
    )


class TrialQuery(ActionQuery):
    """Why something is done, or whether it is only tried."""

    dry_run: Annotated[bool, BeforeValidator(_switch)] = Field(
        default=False,
        description="Whether it is only checked: the answer is the same refusal, or what is there now, and nothing is "
        "changed or recorded.",
    )


class AuditQuery(RequestModel):
    """Which entries are listed."""

    tenant_id: TenantId | None = None
    who: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(
        default=None, description="ARN of the IAM principal."
    )
    action: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Method and path, as the list has it."
    )
    from_: Time | None = Field(default=None, alias="from", description="At this time or later.")
    to: Time | None = Field(default=None, description="Before this time.")
    limit: Limit
    cursor: Annotated[str, Field(pattern=_CURSOR)] | None = Field(
        default=None, description="``next`` of the page before."
    )


class AuditEntryResponse(ResponseModel):
    """What an operator did."""

    at: str
    request_id: str = Field(description="The logs have it as `correlation_id`.")
    who: str | None = Field(description="ARN of the IAM principal.")
    action: str = Field(description="Method and path of the route.")
    asked: dict[str, Any] = Field(description="What the path, the query and the body said, with what they left out.")
    reason: str | None
    outcome: str | None = Field(
        description="`done`, or the error. Null while the action is carried out, and where it is not known if it was."
    )
    made: str | None = Field(description="Id of the token that was made, also of a portal link.")


class ListAuditResponse(ResponseModel):
    """A page of the audit log, the newest first."""

    entries: list[AuditEntryResponse]
    next: str | None = Field(description="Cursor of the next page; null on the last. A page may be short of its limit.")


def _token_id(answer: Any) -> str | None:
    return getattr(answer, "token_id", None)


def audit_log(dynamodb: Any, table: str) -> AuditLog:
    """Return the log, which is in the table of identities."""
    return AuditLog(dynamodb, table, partition=(TENANT_KEY, _PARTITION), sort=IDENTITY_KEY, index=BY_TENANT_INDEX)


class AuditedRest(Rest):
    """The operators' operations. Those that change something are recorded, unless they are only tried.

    Parameters
    ----------
    log : AuditLog
        Has the entries.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    def __init__(self, log: AuditLog, clock: Callable[[], float]) -> None:
        super().__init__(OPERATOR_API)
        self._log = log
        self._clock = clock
        self.add(
            "GET",
            "/operator/audit",
            operate=self._list,
            summary="List what operators did",
            description="The newest first: each call that changes something, or that was to.",
            query=AuditQuery,
            answer=ListAuditResponse,
        )

    def add(self, method: str, path: str, *, operate: Operate, **declared: Any) -> None:
        """Serve an operation, and record it where it changes something."""
        if method != "GET":
            declared.setdefault("query", ActionQuery)
            operate = partial(self._record, f"{method} {path}", operate)
        super().add(method, path, operate=operate, **declared)

    def _record(self, action: str, operate: Operate, call: Call) -> Any:
        asked: dict[str, Any] = dict(call.path)
        for part in filter(None, (call.query, call.body)):
            asked |= part.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"reason", "dry_run"})
        if any(getattr(part, "dry_run", False) for part in (call.query, call.body)):
            return operate(call)
        # What a tenant is told is a reason too.
        reason = call.query.reason or getattr(call.body, "reason", None)
        entry = Entry.of(call.event, action=action, asked=asked, reason=reason, now=self._clock())
        made_of = _token_id if action.startswith("POST ") else None
        return self._log.record(entry, partial(operate, call), lambda error: problem_of(error).code, made_of=made_of)

    def _list(self, call: Call) -> ListAuditResponse:
        query = call.query
        if query.from_ and query.to and query.from_ >= query.to:
            raise bad_request("from", "must be before to")

        def fits(entry: Entry) -> bool:
            return (
                query.tenant_id in (None, entry.asked.get("tenantId"))
                and query.who in (None, entry.who)
                and query.action in (None, entry.action)
            )

        filtered = query.tenant_id or query.who or query.action
        found, cursor = self._log.newest(query.from_, query.cursor or query.to, query.limit, fits if filtered else None)
        return ListAuditResponse(entries=[AuditEntryResponse(**asdict(one)) for one in found], next=cursor)
