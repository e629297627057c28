"""Replays as tenants and operators start, see and cancel them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field

from lambdas.delivery.domain.errors import NotFoundError
from lambdas.delivery.domain.ids import ENDPOINT, REPLAY, is_id, new_id
from lambdas.delivery.domain.replays import (
    DEFAULT_RATE,
    KEPT_DAYS,
    MAX_COUNTED,
    MAX_RATE,
    PAGE,
    Replay,
    Subject,
)
from lambdas.delivery.http.idempotency import IDEMPOTENCY_HEADER, request_of
from lambdas.delivery.http.problems import bad_request
from lambdas.delivery.http.rest import Call, Rest
from lambdas.delivery.http.schemas import Patterns, RequestModel, ResponseModel, Time, Whole
from lambdas.delivery.services.replays import Replays
from lambdas.delivery.store.replays import MAX_LISTED
from lambdas.shared import times


class ReplayRequest(RequestModel):
    """What to send."""

    from_: Time | None = Field(default=None, alias="from", description="Events that were accepted then or later.")
    to: Time | None = Field(default=None, description="Events that were accepted before; by default, and at most, now.")
    event_types: Patterns = Field(default=["*"])
    rate: Annotated[int, Field(ge=1, le=MAX_RATE), Whole] = Field(
        default=DEFAULT_RATE, description="Deliveries per second at most."
    )
    dry_run: bool = Field(default=True, description="Whether they are only counted.")


class StartReplayRequest(ReplayRequest):
    """What to send, to one endpoint."""

    include: Annotated[list[Literal["MISSED", "DLQ", "DELIVERED"]], Field(min_length=1, max_length=10)] = Field(
        default=["MISSED"],
        description="`MISSED` for events that the endpoint never had, and that fit what it subscribes to now; `DLQ` "
        "for deliveries that were given up; `DELIVERED` for those that arrived. What is on its way is left alone.",
    )


class CountResponse(ResponseModel):
    """What a replay would send."""

    examined: int
    matched: int = Field(description="How many would be sent; at least that many where the count is not complete.")
    refused: dict[str, int] = Field(description="Why others could not be sent, and how many.")
    complete: bool = Field(description=f"Whether all were counted: a dry run examines up to {MAX_COUNTED:,}.")


class ReplayResponse(ResponseModel):
    """A replay."""

    replay_id: str
    endpoint_id: str | None
    from_: str = Field(alias="from")
    to: str
    event_types: list[str]
    include: list[str]
    rate: int
    state: Literal["RUNNING", "DONE", "CANCELLED"]
    reason: str | None = Field(description="Why it ended early, such as `endpoint_disabled`; null if you cancelled it.")
    examined: int
    sent: int = Field(description=f"After a fault of the service up to {PAGE} too low, of a cancelled one too.")
    refused: dict[str, int] = Field(description="Why others could not be sent, and how many.")
    reached_at: str | None = Field(description="Up to which time, between `from` and `to`, it has come.")
    started_at: str
    updated_at: str

    @classmethod
    def of(cls, replay: Replay) -> Self:
        """Return the response for a replay."""
        return cls(
            replay_id=replay.replay_id,
            endpoint_id=replay.endpoint_id,
            **{"from": replay.start},
            to=replay.end,
            event_types=list(replay.event_types),
            include=list(replay.include),
            rate=replay.rate,
            state=replay.state.value,
            reason=replay.reason,
            examined=replay.examined,
            sent=replay.sent,
            refused=dict(replay.refused),
            reached_at=None if replay.position is None else replay.position.partition("#")[0],
            started_at=replay.created_at,
            updated_at=replay.updated_at,
        )


class StartReplayResponse(ResponseModel):
    """A replay that has started, or what it would send."""

    dry_run: bool
    count: CountResponse | None = Field(description="Of a dry run.")
    replay: ReplayResponse | None = Field(description="Null for a dry run.")


class ListReplaysResponse(ResponseModel):
    """Replays, the newest first."""

    replays: list[ReplayResponse] = Field(max_length=MAX_LISTED)


class ReplayRoutes(ABC):
    """The operations of replays, for a tenant's endpoint, or for all of a tenant's.

    Parameters
    ----------
    replays : Replays
        Starts and counts them.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    def __init__(self, replays: Replays, clock: Callable[[], float]) -> None:
        self._replays = replays
        self._clock = clock

    @abstractmethod
    def tenant_of(self, call: Call) -> str:
        """Return the tenant that a call is for."""

    @abstractmethod
    def note(self, call: Call, what: str, tenant_id: str, details: Mapping[str, object]) -> None:
        """Say in the log what was done."""

    def add_to(self, rest: Rest, prefix: str, request: type[ReplayRequest]) -> None:
        """Serve the operations below a path."""
        rest.add(
            "POST",
            f"{prefix}/replays",
            operate=self.start,
            summary="Start a replay, or count what it would send",
            description="Without `dryRun: false` nothing is sent. A replay runs by itself, at its rate, and begins "
            "within a minute or two.",
            headers=(IDEMPOTENCY_HEADER,),
            body=request,
            answer=StartReplayResponse,
            refusals=(404, 409, 413, 415),
        )
        rest.add(
            "GET",
            f"{prefix}/replays",
            operate=self.list,
            summary="List replays",
            description=f"The newest first, {MAX_LISTED} at most. A replay is kept for {KEPT_DAYS} days after its end.",
            answer=ListReplaysResponse,
            refusals=(404,),
        )
        one = f"{prefix}/replays/{{replayId}}"
        rest.add("GET", one, operate=self.show, summary="Show a replay", answer=ReplayResponse, refusals=(404,))
        rest.add(
            "POST",
            f"{one}/cancel",
            operate=self.cancel,
            summary="Cancel a replay",
            description=f"What it has sent goes on, and so do up to {PAGE} deliveries that it is sending. One that has "
            "ended stays as it is.",
            answer=ReplayResponse,
            refusals=(404,),
        )

    def start(self, call: Call) -> StartReplayResponse:
        """Start a replay, or count."""
        now, asked, request = self._clock(), call.body, request_of(call)
        tenant_id, endpoint_id = self.tenant_of(call), self._endpoint_of(call)
        endpoint_id = getattr(asked, "endpoint_id", endpoint_id)
        at = times.iso(now)
        replay = Replay(
            tenant_id=tenant_id,
            replay_id=new_id(REPLAY, now),
            endpoint_id=endpoint_id,
            start=asked.from_ or times.iso(0),
            end=min(asked.to or at, at),
            event_types=asked.event_types,
            include=_included(asked.include, endpoint_id),
            rate=asked.rate,
            refused={},
            due_at=at,
            created_at=at,
            updated_at=at,
        )
        if replay.start >= replay.end:
            raise bad_request("from", "must be before to, and before now")
        if asked.dry_run:
            counted = self._replays.count(replay, now)
            return StartReplayResponse(dry_run=True, count=CountResponse.model_validate(counted), replay=None)
        held = None if request is None else (request.key, f"{endpoint_id} {request.sha256}")
        started = self._replays.start(replay, now, held)
        self.note(call, "replay started", tenant_id, {"replay_id": started.replay_id})
        return StartReplayResponse(dry_run=False, count=None, replay=ReplayResponse.of(started))

    def list(self, call: Call) -> ListReplaysResponse:
        """List replays."""
        tenant_id, endpoint_id = self.tenant_of(call), self._endpoint_of(call)
        if endpoint_id is not None and self._replays.endpoints.read(tenant_id, endpoint_id)[0] is None:
            raise NotFoundError
        found = self._replays.store.latest(tenant_id, self._clock())
        wanted = [one for one in found if endpoint_id in (None, one.endpoint_id)]
        return ListReplaysResponse(replays=[ReplayResponse.of(one) for one in wanted[:MAX_LISTED]])

    def show(self, call: Call) -> ReplayResponse:
        """Show a replay."""
        return ReplayResponse.of(self._find(call))

    def cancel(self, call: Call) -> ReplayResponse:
        """Cancel a replay."""
        cancelled = self._replays.cancel(self._find(call), self._clock())
        self.note(call, "replay cancelled", cancelled.tenant_id, {"replay_id": cancelled.replay_id})
        return ReplayResponse.of(cancelled)

    def _find(self, call: Call) -> Replay:
        endpoint_id, replay_id = self._endpoint_of(call), call.path["replayId"]
        if not is_id(REPLAY, replay_id):
            raise NotFoundError
        found = self._replays.find(self.tenant_of(call), replay_id, self._clock())
        if endpoint_id not in (None, found.endpoint_id):
            raise NotFoundError
        return found

    @staticmethod
    def _endpoint_of(call: Call) -> str | None:
        """Return the endpoint in the path; None where the path has none."""
        endpoint_id = call.path.get("endpointId")
        if endpoint_id is not None and not is_id(ENDPOINT, endpoint_id):
            raise NotFoundError
        return endpoint_id


def _included(asked: Sequence[str] | None, endpoint_id: str | None) -> list[str]:
    """Return what a replay sends.

    Raises
    ------
    lambdas.delivery.http.problems.ProblemError
        When that needs an endpoint, and there is none.
    """
    if asked is None:
        return [Subject.DLQ if endpoint_id is None else Subject.MISSED]
    if endpoint_id is None and Subject.MISSED in asked:
        raise bad_request("include", "MISSED needs an endpointId")
    return sorted(set(asked))
