"""Serves the operations of a part of the delivery API, each declared once: for the routing, the checks, the document.

Routes come from `lambdas.delivery.http.routes`; a declaration adds what a request may hold and what is answered.
Powertools finds the route; the models below check everything else, and the OpenAPI document is made of the same models.
"""

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as UnknownRouteError
from pydantic import BaseModel, ConfigDict, ValidationError

from lambdas.delivery.domain.access import Access
from lambdas.delivery.domain.errors import DeliveryError, NotFoundError
from lambdas.delivery.http.bodies import body_of, read_object, require_json_type
from lambdas.delivery.http.problems import FieldProblem, ProblemError, bad_request, invalid, problem_of
from lambdas.delivery.http.routes import ROUTES, TOKEN, ApiRoute
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger

MAX_MANAGEMENT_BYTES = 65_536
"""Bytes of a body that is not an event."""
JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request with a form that has been checked.

    Attributes
    ----------
    event : Mapping[str, Any]
        The REST API proxy event.
    path : Mapping[str, str]
        The path's parameters, unchecked.
    query, body : Any
        What the operation's models made of them; None when it has no model.
    """

    event: Mapping[str, Any]
    path: Mapping[str, str]
    query: Any = None
    body: Any = None

    @property
    def tenant_id(self) -> str:
        """The tenant, which the authorizer alone decides.

        Raises
        ------
        ProblemError
            When the authorizer named no tenant: a route without it must not serve tenants.
        """
        tenant_id = self.authorized.get("tenantId")
        if not isinstance(tenant_id, str) or not tenant_id:
            logger.error("a tenant's route was called without the authorizer's context")
            raise ProblemError(status=403, code="forbidden", message="no tenant is authorized")
        return tenant_id

    def quota(self, name: str, default: int) -> int:
        """Return a quota of the tenant: the authorizer's, which an operator set, or the default."""
        return int(self.authorized.get(name, default))

    @property
    def access(self) -> str:
        """What the caller's token is good for.

        Answers of the authorizer of release 0.1.0, which API Gateway keeps for five minutes, say nothing of it.
        """
        return str(self.authorized.get("access", Access.FULL))

    @property
    def authorized(self) -> Mapping[str, Any]:
        """What the authorizer said of the caller."""
        return self.event["requestContext"].get("authorizer") or {}

    @property
    def correlation_id(self) -> str:
        """API Gateway's id of the request."""
        return str(self.event["requestContext"]["requestId"])

    def header(self, name: str) -> str | None:
        """Return a header's value.

        Raises
        ------
        ProblemError
            When it is repeated.
        """
        values = [
            value
            for given, all_values in (self.event.get("multiValueHeaders") or {}).items()
            if given.lower() == name.lower()
            for value in all_values
        ]
        if len(values) > 1:
            raise bad_request(name, "must come once")
        return values[0] if values else None


Operate = Callable[[Call], BaseModel | None]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a route takes and returns.

    Attributes
    ----------
    route : ApiRoute
        Method, path, authorization.
    summary : str
        One line for the document.
    description : str
        More, in Markdown.
    query : type[BaseModel] | None
        Model of the query; None when it has no parameters.
    headers : Sequence[Mapping[str, Any]]
        OpenAPI parameters of the headers that the operation reads itself.
    body : type[BaseModel] | None
        Model of the body.
    body_optional : bool
        Whether an empty body means the model's defaults.
    raw_body : Mapping[str, Any] | None
        JSON Schema of a body that the operation reads itself.
    status : int
        HTTP status of success.
    answer : type[BaseModel] | None
        Model of the response to success; None when it has no content.
    refusals : Sequence[int]
        Statuses that it can answer besides those of every operation.
    operate : Operate
        What it does.
    """

    route: ApiRoute
    summary: str
    description: str = ""
    query: type[BaseModel] | None = None
    headers: Sequence[Mapping[str, Any]] = ()
    body: type[BaseModel] | None = None
    body_optional: bool = False
    raw_body: Mapping[str, Any] | None = None
    status: int = 200
    answer: type[BaseModel] | None
    refusals: Sequence[int] = ()
    operate: Operate = field(compare=False)


class Rest:
    """The operations of one function.

    Parameters
    ----------
    function : str
        Folder of the function that serves the routes.
    """

    def __init__(self, function: str) -> None:
        self._routes = {(route.method, route.path): route for route in ROUTES if route.function == function}
        self.operations: list[Operation] = []
        self._resolver = APIGatewayRestResolver(
            enable_validation=False, debug=False, serializer=lambda body: json.dumps(body, separators=(",", ":"))
        )
        self._resolver.exception_handler(UnknownRouteError)(lambda _: self._answer_error(NotFoundError()))
        self._resolver.exception_handler(Exception)(self._answer_error)

    def add(self, method: str, path: str, *, operate: Operate, **declared: Any) -> None:
        """Serve an operation; the other arguments are `Operation`'s."""
        operation = Operation(route=self._routes[method, path], operate=operate, **declared)
        self.operations.append(operation)
        rule = path.replace("{", "<").replace("}", ">")

        # Powertools hands the path's parameters in under their names.
        def run(**parameters: str) -> Response[Any]:
            return self._run(operation, parameters)

        self._resolver.route(rule, method)(run)

    def serve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer a REST API proxy event."""
        return self._resolver.resolve(event, context)

    def _run(self, operation: Operation, path: Mapping[str, str]) -> Response[Any]:
        event = self._resolver.current_event.raw_event
        # Powertools' patterns end in `$`, which a line end may follow: a second spelling of the path.
        if event["path"].endswith("\n"):
            raise NotFoundError
        _check_access(operation.route, Call(event=event, path=path).access)
        call = Call(event=event, path=path, query=_read_query(operation, event), body=_read_body(operation, event))
        answer = operation.operate(call)
        return _json(operation.status, answer.model_dump(mode="json", by_alias=True) if answer is not None else None)

    def _answer_error(self, error: Exception) -> Response[Any]:
        if not isinstance(error, ProblemError | DeliveryError):
            frames = traceback.extract_tb(error.__traceback__)
            # The error's own text may quote what was sent.
            logger.error(
                "call failed", error=describe(error), where=[f"{one.name}:{one.lineno}" for one in frames[-5:]]
            )
        problem = problem_of(error)
        request_id = self._resolver.current_event.raw_event["requestContext"]["requestId"]
        return _json(problem.status, problem.body(request_id), problem.headers)


class _NoFields(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _check_access(route: ApiRoute, access: str) -> None:
    """Refuse a token that the route is not for: a mistake in the authorizer's policy lets nobody through.

    Raises
    ------
    ProblemError
        403.
    """
    if route.authorization == TOKEN and access not in route.access:
        logger.warning("access refused", access=access, route=f"{route.method} {route.path}")
        raise ProblemError(status=403, code="not_allowed", message=f"a token of the kind {access} may not do this")


def _json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response[Any]:
    return Response(
        status_code=status,
        content_type=JSON if body is not None else None,
        headers={"Cache-Control": "no-store", **(headers or {})},
        body=body if body is not None else "",
    )


def _read_query(operation: Operation, event: Mapping[str, Any]) -> Any:
    given: Mapping[str, Sequence[str]] = event.get("multiValueQueryStringParameters") or {}
    repeated = [FieldProblem(field=name, problem="must come once") for name, values in given.items() if len(values) > 1]
    if repeated:
        raise invalid(*repeated)
    if operation.query is None:
        if given:
            raise invalid(*(FieldProblem(field=name, problem="is not known here") for name in given))
        return None
    return _validated(operation.query, {name: values[0] for name, values in given.items()})


def _read_body(operation: Operation, event: Mapping[str, Any]) -> Any:
    if operation.raw_body is not None or operation.route.method == "GET":
        return None
    raw = body_of(event, MAX_MANAGEMENT_BYTES)
    if operation.body is None:
        # What is asked for in a body that nobody reads would be done as if it were not asked for: dryRun above all.
        if raw:
            _validated(_NoFields, read_object(raw))
        return None
    if not raw and operation.body_optional:
        return _validated(operation.body, {})
    require_json_type(event)
    return _validated(operation.body, read_object(raw))


def _validated(model: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(
            *(
                FieldProblem(field=".".join(map(str, one["loc"])) or "body", problem=_problem(one["type"], one["msg"]))
                for one in error.errors(include_url=False, include_input=False, include_context=False)
            )
        ) from None


def _problem(kind: str, message: str) -> str:
    known = {"extra_forbidden": "is not known here", "missing": "is missing"}
    return known.get(kind, message.removeprefix("Value error, "))
