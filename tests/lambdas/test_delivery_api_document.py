"""The API held against its own document by generated requests, right and wrong; and the routes that are served."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from lambdas.delivery.domain.attempt_result import Answer
from lambdas.delivery.domain.ids import EVENT, new_id
from lambdas.delivery.domain.model import DeliveryState
from lambdas.delivery.http.routes import AUTHORIZER, DOCS, OPERATOR_API, ROUTES, TENANT_API, TOKEN
from lambdas.delivery.store.identities import Identities
from tests.lambdas.delivery_api_support import ApiCaller, Place
from tests.lambdas.delivery_support import SECRET
from tests.lambdas.http_adapter import Gateway, serving
from tests.lambdas.support import NOW, Clients
from tests.lambdas.test_delivery_api_lists import attempted, delivery
from tools.generate import openapi

if TYPE_CHECKING:
    from schemathesis import Case

EXAMPLES = 10
"""Requests for each operation; together with `derandomize`, the same ones in every run."""

DOCUMENT = json.loads(openapi.TARGET.read_bytes())
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]
# API Gateway itself answers methods that there are not, and calls without AWS credentials.
NOT_OURS = ["unsupported_method", "ignored_auth", "missing_required_header"]


@dataclass
class Served:
    """The API on a loopback port, with a tenant and things to find."""

    base: str
    token: str
    known: dict[str, list[str]]


@pytest.fixture(scope="module")
def served(clients: Clients, warm_start: Callable[..., ModuleType]) -> Iterator[Served]:
    place = Place.build(clients)
    handlers = {
        function: warm_start(function, **place.variables, POWERTOOLS_LOG_LEVEL="CRITICAL")
        for function in (TENANT_API, OPERATOR_API, AUTHORIZER, DOCS)
    }
    gateway = Gateway({name: module.handler for name, module in handlers.items()}, handlers[AUTHORIZER].handler)
    identities = Identities(place.dynamodb, place.tenants_table)
    identities.create_tenant("acme", "Acme", time.time())
    token, kept = identities.create_token("acme", "", None, time.time())
    known = {"tenantId": ["acme"], "tokenId": [identities.create_token("acme", "", None, NOW)[1].token_id]}
    assert kept.token_id not in known["tokenId"]
    with pytest.MonkeyPatch.context() as patch, serving(gateway) as base:
        # No name is looked up outside of this machine.
        # The local SQS moves no messages.
        patch.setattr(handlers[OPERATOR_API]._sqs, "list_message_move_tasks", lambda **_: {"Results": []})
        patch.setattr(handlers[OPERATOR_API]._sqs, "start_message_move_task", lambda **_: {})
        patch.setattr(handlers[TENANT_API], "system_resolver", lambda host, port: ["93.184.215.14"])
        known |= stocked(ApiCaller(module=handlers[TENANT_API], tenant="acme"), place)
        yield Served(base=base, token=token, known=known)


def stocked(api: ApiCaller, place: Place) -> dict[str, list[str]]:
    """Give the tenant events, endpoints and deliveries, so that generated calls find some."""
    place.publish_key()
    endpoints = [api.create_endpoint()["endpointId"] for _ in range(4)]
    events = [api.send() for _ in range(6)]
    for number, event_id in enumerate(events):
        state = list(DeliveryState)[number % 4]
        place.deliveries.create(delivery(event_id, endpoints[0], NOW + number, state=state))
        attempted(place, event_id, endpoints[0], (500, Answer(headers=(("A", "b"),), body=b"no", complete=True)))
    replay = api("POST", f"/v1/endpoints/{endpoints[0]}/replays", {"dryRun": False}).json["replay"]
    return {"eventId": events, "endpointId": endpoints, "number": ["1"], "replayId": [replay["replayId"]]}


def _make_true(case: "Case") -> None:
    """Put into a request that fits its schema what no schema says: whose a cursor is, which text is base64."""
    for asked in (case.query, case.body):
        if isinstance(asked, dict):
            asked.pop("cursor", None)
            for name, year in (("from", 2020), ("to", 2100)):
                if asked.get(name):
                    asked[name] = f"{year}-01-01T00:00:00Z"
            if "headers" in asked:
                asked["headers"] = {f"X-Custom-{number}": one for number, one in enumerate(asked["headers"].values())}
            if asked.get("secret"):
                asked["secret"] = SECRET
            # `MISSED` needs an endpoint, and so many replays run at once.
            if asked is case.body and ("include" in asked or "dryRun" in asked):
                asked |= {"include": ["DLQ"], "dryRun": True}


@pytest.fixture(scope="module")
def document():
    # It takes seconds to load, which every collection of tests would pay.
    import schemathesis
    from schemathesis.config import SchemathesisConfig

    # A URL of the right form may still lead somewhere that is refused, which no schema can say.
    schemathesis.openapi.format(
        "endpoint-url", st.from_regex(r"https://[a-z]{1,10}\.example\.com/[a-z0-9/]{0,20}", fullmatch=True)
    )
    return schemathesis.openapi.from_dict(
        DOCUMENT, config=SchemathesisConfig.from_dict({"generation": {"deterministic": True}})
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_every_operation_answers_as_its_document_says(operation, document, served: Served):
    from schemathesis.checks import CHECKS
    from schemathesis.generation.feedback import FeedbackSources
    from schemathesis.pytest._test_builder import build_operation_test

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def hold(case: "Case") -> None:
        if case.meta is None or case.meta.generation.mode.value == "positive":
            _make_true(case)
            # What is asked for is there.
            for name in case.path_parameters or {}:
                if found := served.known.get(name):
                    case.path_parameters[name] = found[len(repr(case.body)) % len(found)]
        credentials = "Bearer " + served.token if not case.path.startswith("/operator") else "AWS4-HMAC-SHA256 x"

        answer = case.call(base_url=served.base, headers={"Authorization": credentials})

        case.validate_response(answer, excluded_checks=CHECKS.get_by_names(NOT_OURS))
        assert served.token[4:] not in answer.text

    # Not `parametrize` of the schema: it makes the requests of all operations whenever tests are collected, which takes
    # half a minute, and again in each worker of pytest-xdist.
    method, path = operation
    build_operation_test(
        config=document.config,
        operation=document[path][method],
        test_func=hold,
        given_kwargs={},
        feedback=FeedbackSources(),
    )()


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.authorization == TOKEN], ids=lambda one: f"{one.method} {one.path}"
)
def test_no_tenants_route_is_served_without_a_token(served, route):
    import requests

    path = route.path.replace("{eventId}", new_id(EVENT, NOW)).replace("{endpointId}", served.known["endpointId"][0])
    path = path.replace("{number}", "1")
    for headers in ({}, {"Authorization": "Bearer whk_" + "a" * 43}, {"Authorization": served.token}):
        assert requests.request(route.method, served.base + path, headers=headers, timeout=10).status_code == 401


def test_the_routes_that_the_stack_builds_are_those_that_are_served():
    declared = {(operation.route.method, operation.route.path) for operation in openapi.declared()}
    listed = {(route.method, route.path) for route in ROUTES if route.function in (TENANT_API, OPERATOR_API)}

    assert declared == listed
    assert len(openapi.declared()) == len(listed)


def test_the_document_describes_every_route_that_programs_call():
    described = {(method.upper(), path) for path, methods in openapi.document()["paths"].items() for method in methods}

    pages = {"/openapi.json", "/docs", "/redoc", "/portal", "/assets/{name}"}
    assert described == {(route.method, route.path) for route in ROUTES if route.path not in pages}


def test_the_document_says_which_kinds_of_tokens_may_call_an_operation():
    for route in ROUTES:
        if route.function in (TENANT_API, OPERATOR_API):
            described = DOCUMENT["paths"][route.path][route.method.lower()].get("description", "")
            kinds = ", ".join(f"`{one}`" for one in route.access)
            assert described.endswith(f"For tokens of the kinds {kinds}.") is bool(route.access), route


def test_every_refusal_has_one_form():
    for methods in openapi.document()["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")):
                    schema = answer["content"]["application/json"]["schema"]["$ref"]
                    assert schema.rsplit("/", 1)[1] in ("Problem", "Refusal")
