"""The API key: asked of senders and not of operators, metered like the stage, told by its output alone."""

import pytest

from tests.synth.test_stack_api import methods

# Another preset with a key, and a throttle of its own.
KEYED = {"providers": ["generic"], "api": {"api_key": True, "throttle_rate": 7, "throttle_burst": 9}}


@pytest.fixture(scope="session")
def keyed(synthesize):
    return synthesize(values=KEYED)


@pytest.fixture(params=["burst", "keyed"])
def template(request):
    return request.getfixturevalue(request.param)


def test_the_key_is_asked_for_on_all_webhook_routes_and_on_no_operators_route(template):
    asked = {route: method.get("api_key_required", False) for route, method in methods(template).items()}

    assert {route for route, key in asked.items() if key} == {route for route in asked if "/webhook" in route}
    assert {"POST /webhook/{provider}", "POST /webhook", "POST /internal/replay"} <= set(asked)


def test_the_key_comes_in_a_header(template):
    # The other source, an authorizer, would ask for one.
    assert template.one("aws_api_gateway_rest_api").get("api_key_source", "HEADER") == "HEADER"


def test_the_usage_plan_lets_through_what_the_stage_does(template):
    plan = template.one("aws_api_gateway_usage_plan")
    stage = template.one("aws_api_gateway_method_settings")["settings"]

    assert plan["throttle_settings"] == {
        "rate_limit": stage["throttling_rate_limit"],
        "burst_limit": stage["throttling_burst_limit"],
    }
    # A quota would shut senders out until its period ends.
    assert plan.get("quota_settings") is None


def test_the_throttle_of_the_settings_is_that_of_the_plan(burst, keyed):
    throttles = [template.one("aws_api_gateway_usage_plan")["throttle_settings"] for template in (burst, keyed)]

    assert throttles == [{"rate_limit": 10_000, "burst_limit": 10_000}, {"rate_limit": 7, "burst_limit": 9}]


def test_the_key_opens_the_stage(template):
    plan, key = template.one("aws_api_gateway_usage_plan"), template.one("aws_api_gateway_api_key")
    (stage,) = plan["api_stages"]
    (attached,) = template.all("aws_api_gateway_usage_plan_key")

    assert template.meaning(stage) == {
        "api_id": f"{template.one('aws_api_gateway_rest_api').label}.id",
        "stage": f"{template.one('aws_api_gateway_stage').label}.stage_name",
    }
    assert template.meaning(attached["key_id"]) == f"{key.label}.id"
    assert template.meaning(attached["usage_plan_id"]) == f"{plan.label}.id"
    assert attached["key_type"] == "API_KEY"
    assert key.get("enabled", True) is True


def test_the_key_is_made_up_when_it_is_created_and_then_stays(template):
    # A value in the stack would be in the repository; one that changed would shut every sender out.
    key = template.one("aws_api_gateway_api_key")

    assert key["value"] == '${replace(uuid(), "-", "")}'
    assert key["lifecycle"] == {"ignore_changes": ["value"]}


def test_the_key_is_an_output_and_the_only_one_that_is_not_shown(template):
    outputs = template.outputs()

    assert outputs["api_key"]["value"] == f"{template.one('aws_api_gateway_api_key').label}.value"
    assert {name for name, output in outputs.items() if output.get("sensitive")} == {"api_key"}


@pytest.mark.parametrize("name", ["standard", "ordered"])
def test_without_the_setting_no_route_asks_for_one(preset_of, name):
    template = preset_of(name)

    assert {method.get("api_key_required", False) for method in methods(template).values()} == {False}
    assert "api_key" not in template.outputs()
