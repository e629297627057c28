"""The REST API: routes, what guards each, and the stage."""

import json
import re

import pytest

from tests.synth.labels import API, function


def path_of(template, resource_id):
    """Return the path of an API resource."""
    if ".root_resource_id" in resource_id:
        return ""
    part = template.target(resource_id)
    return f"{path_of(template, part['parent_id'])}/{part['path_part']}"


ROUTES = {
    # route                         (authorization, function, required headers)
    "POST /webhook/{provider}":     ("NONE",    "webhook-ingestion-dev", set()),
    "POST /webhook":                ("NONE",    "webhook-ingestion-dev", {"X-Webhook-Signature", "X-Provider-ID"}),
    "GET /status/{transactionId}":  ("AWS_IAM", "webhook-status-dev",    set()),
    "POST /internal/replay":        ("AWS_IAM", "webhook-replay-dev",    set()),
    "GET /internal/events":         ("AWS_IAM", "webhook-operator-dev",  set()),
    "GET /internal/events/{event}": ("AWS_IAM", "webhook-operator-dev",  set()),
    "GET /internal/counts":         ("AWS_IAM", "webhook-operator-dev",  set()),
    "GET /internal/audit":          ("AWS_IAM", "webhook-operator-dev",  set()),
    "POST /internal/erase":         ("AWS_IAM", "webhook-replay-dev",    set()),
    "GET /internal/payloads/{event}": ("AWS_IAM", "webhook-operator-dev", set()),
}  # fmt: skip


def methods(template):
    return {
        f"{method['http_method']} {path_of(template, method['resource_id'])}": method
        for method in template.all("aws_api_gateway_method")
    }


def integration_of(template, method):
    (integration,) = template.pointing_at("aws_api_gateway_integration", "http_method", method)
    return integration


def test_the_routes_are_these_and_no_other(template):
    assert set(methods(template)) == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_guarded_as_it_should_be(template, route):
    authorization, _, headers = ROUTES[route]
    method = methods(template)[route]

    assert method["authorization"] == authorization
    assert method.get("request_parameters", {}) == {f"method.request.header.{name}": True for name in headers}
    assert method.get("api_key_required", False) is False


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_answered_by_its_function_as_a_proxy(template, route):
    method = methods(template)[route]
    integration = integration_of(template, method)

    assert integration["type"] == "AWS_PROXY"
    assert integration["integration_http_method"] == "POST"
    assert integration["resource_id"] == method["resource_id"]
    assert template.meaning(integration["uri"]) == f"{function(ROUTES[route][1])}.invoke_arn"


@pytest.mark.parametrize("route", [route for route, (_, _, headers) in ROUTES.items() if headers])
def test_required_headers_are_checked_before_any_function_runs(template, route):
    validator = template.target(methods(template)[route]["request_validator_id"])

    assert validator["validate_request_parameters"] is True


def test_only_what_verifies_a_signature_itself_is_open(template):
    open_to_all = {
        template.meaning(integration_of(template, method)["uri"])
        for method in template.all("aws_api_gateway_method")
        if method["authorization"] != "AWS_IAM"
    }

    assert open_to_all == {"aws_lambda_function[webhook-ingestion-dev].invoke_arn"}


def test_everything_belongs_to_one_regional_api_that_hands_on_bytes_as_they_came(template):
    api = template.one("aws_api_gateway_rest_api")
    belonging = {template.meaning(r["rest_api_id"]) for r in template.resources() if r.get("rest_api_id") is not None}

    assert api["endpoint_configuration"] == {"types": ["REGIONAL"]}
    assert api["binary_media_types"] == ["*/*"]
    assert belonging == {f"{API}.id"}


@pytest.mark.parametrize(
    ("values", "rate", "burst"),
    [({}, 1_000, 2_000), ({"api": {"throttle_rate": 7, "throttle_burst": 9}}, 7, 9)],
)
def test_the_stage_throttles_every_method(synthesize, values, rate, burst):
    settings = synthesize(values=values).one("aws_api_gateway_method_settings")

    assert settings["method_path"] == "*/*"
    assert settings["settings"]["throttling_rate_limit"] == rate
    assert settings["settings"]["throttling_burst_limit"] == burst


def test_the_stage_is_traced_and_deployed_from_these_routes(template):
    stage = template.one("aws_api_gateway_stage")

    assert stage["xray_tracing_enabled"] is True
    assert stage["stage_name"] == "v1"
    assert template.target(stage["deployment_id"]).address == template.one("aws_api_gateway_deployment").address


def test_the_execution_log_holds_no_payload(template):
    settings = template.one("aws_api_gateway_method_settings")["settings"]

    assert settings["logging_level"] == "ERROR"
    assert settings["data_trace_enabled"] is False
    assert settings["metrics_enabled"] is True


def test_the_access_log_holds_neither_header_nor_body(template):
    stage = template.one("aws_api_gateway_stage")
    log = template.target(stage["access_log_settings"]["destination_arn"])
    line = json.loads(stage["access_log_settings"]["format"])

    assert log.name == "/aws/apigateway/webhook-api-dev"
    assert {"requestId", "status", "resourcePath", "integrationStatus", "xrayTraceId"} <= set(line)
    assert all(re.fullmatch(r"\$context\.[A-Za-z.]+", value) for value in line.values()), line
    # The principal is the tenant's id.
    told = set(line.values()) - {"$context.authorizer.principalId"}
    assert not [value for value in told if re.search(r"(?i)header|body|input|authorizer|apikey", value)]


def test_both_logs_exist_before_the_stage_and_for_a_week(template):
    stage = template.one("aws_api_gateway_stage")
    execution_log = template.one("aws_cloudwatch_log_group", "API-Gateway-Execution-Logs_<id>/v1")
    access_log = template.target(stage["access_log_settings"]["destination_arn"])

    assert execution_log.address in stage["depends_on"]
    assert (execution_log["retention_in_days"], access_log["retention_in_days"]) == (7, 7)
    assert template.meaning(execution_log["name"]) == f"API-Gateway-Execution-Logs_{API}.id/v1"


GATEWAY_RESPONSES = {
    # what happened          (status, seconds after which to try again)
    "INTEGRATION_FAILURE":  ("429", "'2'"),
    "THROTTLED":            ("429", "'1'"),
    "INTEGRATION_TIMEOUT":  ("504", "'5'"),
}  # fmt: skip


def test_a_function_at_its_limit_is_answered_429_with_retry_after(template):
    responses = {
        response["response_type"]: (
            response["status_code"],
            response["response_parameters"]["gatewayresponse.header.Retry-After"],
        )
        for response in template.all("aws_api_gateway_gateway_response")
    }

    assert responses == GATEWAY_RESPONSES


@pytest.mark.parametrize("case", GATEWAY_RESPONSES)
def test_what_api_gateway_answers_itself_is_json_with_the_correlation_id(template, case):
    (response,) = [r for r in template.all("aws_api_gateway_gateway_response") if r["response_type"] == case]
    answer = json.loads(response["response_templates"]["application/json"])

    assert answer["correlationId"] == "$context.requestId"
    assert answer["error"].endswith("try again")


def test_the_deployment_waits_for_all_that_it_deploys(template):
    deployment = template.one("aws_api_gateway_deployment")
    deployed = {
        resource.address
        for type_ in ("method", "integration", "gateway_response")
        for resource in template.all(f"aws_api_gateway_{type_}")
    }

    assert set(deployment["depends_on"]) == deployed
    assert deployment["lifecycle"] == {"create_before_destroy": True}


def test_the_accounts_log_role_is_a_setting(template, synthesize):
    without = synthesize(values={"api": {"manage_account_log_role": False}})
    of_the_role = {
        "aws_api_gateway_account[api_account]",
        "aws_iam_role[webhook-api-logs-dev]",
        "aws_iam_role_policy_attachment[api_log_role_policy]",
    }

    assert {r.label for r in template.resources()} - {r.label for r in without.resources()} == of_the_role
    assert template.meaning(template.one("aws_api_gateway_account")["cloudwatch_role_arn"]) == (
        "aws_iam_role[webhook-api-logs-dev].arn"
    )


# --- a share for one provider ---------------------------------------------------------------------------------------

FLOODED = {"providers": {"stripe": "stripe", "shop": "braintree"}, "api": {"provider_rates": {"shop": 100}}}


@pytest.mark.parametrize("ingest", ["function", "direct"])
def test_a_provider_with_a_rate_has_a_path_and_a_throttle_of_its_own(synthesize, ingest):
    values = {**FLOODED, "api": {**FLOODED["api"], "ingest": ingest, "max_body_bytes": 100_000}}
    template = synthesize("dev", values)

    throttles = {
        settings["method_path"]: (
            settings["settings"]["throttling_rate_limit"],
            settings["settings"]["throttling_burst_limit"],
        )
        for settings in template.all("aws_api_gateway_method_settings")
    }

    assert throttles == {"*/*": (1_000, 2_000), "webhook/shop/POST": (100, 200)}
    everything = [settings["settings"] for settings in template.all("aws_api_gateway_method_settings")]
    # A method's settings take the place of the stage's.
    for name in ("logging_level", "data_trace_enabled", "metrics_enabled"):
        assert len({settings[name] for settings in everything}) == 1


def test_a_provider_with_a_rate_still_answers_its_challenge(synthesize):
    template = synthesize("dev", FLOODED)

    methods = {
        (method["http_method"], method.id.rpartition("_method")[0]) for method in template.all("aws_api_gateway_method")
    }

    assert {("POST", "api_post_webhook_shop"), ("GET", "api_get_webhook_shop")} <= methods
