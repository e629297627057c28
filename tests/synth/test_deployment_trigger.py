"""A deployment freezes the API as it is. Whatever changes of it must make a new one, or the change never goes live."""

import json
from dataclasses import fields, replace

import pytest

from modules.constructs import api_layer, gateway_responses
from modules.constructs.api_layer import ApiLayer
from modules.constructs.gateway_responses import GATEWAY_RESPONSES, GatewayResponse
from modules.constructs.naming import Names
from modules.constructs.route import Route
from modules.settings.sections import ApiSettings
from tests.synth.bare import StubFunction, bare_stack, synthesize

ROUTE = Route(method="POST", path="/a/{b}", authorization="NONE", required_headers=("X-A", "X-B"))
OTHER_ROUTE = Route(method="GET", path="/c", authorization="AWS_IAM")
F, G = StubFunction("f"), StubFunction("g")
ROUTES = ((ROUTE, F), (OTHER_ROUTE, F))


def trigger(routes=ROUTES, **settings):
    stack = bare_stack()
    api = ApiLayer(
        stack,
        "api",
        settings=ApiSettings(**settings),
        names=Names("dev"),
        log_retention=7,
        description="",
        stage_name="v1",
    )
    for route, function in routes:
        api.route(route, function)
    api.deploy()
    return synthesize(stack).one("aws_api_gateway_deployment")["triggers"]["definition"]


ROUTE_CHANGES = {
    "method": "PUT",
    "path": "/a/{b}/d",
    "authorization": "AWS_IAM",
    "required_headers": ("X-A",),
}
RESPONSE_CHANGES = {
    "response_type": "DEFAULT_5XX",
    "status": 503,
    "message": "another text",
    "retry_after": 60,
    "headers": {"WWW-Authenticate": "Bearer"},
    "code": "too_busy",
}


def test_the_tables_of_this_file_know_every_property():
    assert {field.name for field in fields(Route)} == set(ROUTE_CHANGES)
    assert {field.name for field in fields(GatewayResponse)} == set(RESPONSE_CHANGES)


def test_the_same_api_has_the_same_trigger():
    assert trigger() == trigger()


@pytest.mark.parametrize(("name", "value"), ROUTE_CHANGES.items())
def test_a_change_of_a_route_makes_a_new_deployment(name, value):
    assert trigger([(replace(ROUTE, **{name: value}), F), (OTHER_ROUTE, F)]) != trigger()


def test_a_route_more_or_less_makes_a_new_deployment():
    triggers = [
        trigger([(ROUTE, F)]),
        trigger([(ROUTE, F), (OTHER_ROUTE, F)]),
        trigger([(ROUTE, F), (OTHER_ROUTE, F), (replace(OTHER_ROUTE, path="/d"), F)]),
    ]

    assert len(set(triggers)) == 3


def test_another_function_behind_a_route_makes_a_new_deployment():
    assert trigger([(ROUTE, G), (OTHER_ROUTE, F)]) != trigger()


@pytest.mark.parametrize(("name", "value"), RESPONSE_CHANGES.items())
def test_a_change_of_a_gateway_response_makes_a_new_deployment(monkeypatch, name, value):
    before = trigger()
    first, *others = GATEWAY_RESPONSES
    monkeypatch.setattr(api_layer, "GATEWAY_RESPONSES", (replace(first, **{name: value}), *others))

    assert trigger() != before


def test_a_gateway_response_more_or_less_makes_a_new_deployment(monkeypatch):
    before = trigger()
    monkeypatch.setattr(api_layer, "GATEWAY_RESPONSES", GATEWAY_RESPONSES[1:])

    assert trigger() != before


def test_asking_for_an_api_key_makes_a_new_deployment():
    assert trigger(api_key=True) != trigger(api_key=False)


# What the layer's own code says about the deployed resources: a change of that code must go live as well.
CODE_CHANGES = {
    "integration": ("ApiGatewayIntegration", {"timeout_milliseconds": 5_000}),
    "integration's kind": ("ApiGatewayIntegration", {"type": "AWS"}),
    "method": ("ApiGatewayMethod", {"api_key_required": True}),
    "validator": ("ApiGatewayRequestValidator", {"validate_request_body": True}),
    "gateway response": ("ApiGatewayGatewayResponse", {"response_templates": {"application/json": "{}"}}),
    "binary media types": ("ApiGatewayRestApi", {"binary_media_types": ["image/png"]}),
}


@pytest.mark.parametrize("what", CODE_CHANGES)
def test_a_change_of_the_layers_own_code_makes_a_new_deployment(monkeypatch, what):
    kind, changes = CODE_CHANGES[what]
    before = trigger()
    module = gateway_responses if what == "gateway response" else api_layer
    original = getattr(module, kind)
    monkeypatch.setattr(module, kind, lambda *scope, **arguments: original(*scope, **(arguments | changes)))

    assert trigger() != before


@pytest.mark.parametrize(
    "settings",
    [{"throttle_rate": 5}, {"throttle_burst": 5}, {"execution_log_level": "INFO"}, {"max_body_bytes": 5}],
    ids=json.dumps,
)
def test_what_belongs_to_the_stage_or_the_function_needs_no_new_deployment(settings):
    assert trigger(**settings) == trigger()
