"""The delivery API: its routes, who may call each, the authorizer, and what API Gateway answers itself."""

import json
import re

import pytest

from lambdas.delivery.http.routes import ROUTES
from modules.constructs.api_layer import ApiLayer
from modules.constructs.naming import Names
from modules.constructs.route import Route
from modules.settings.sections import ApiSettings
from tests.synth.bare import StubFunction, bare_stack

API = "aws_api_gateway_rest_api[webhook-delivery-api-delivery]"
FUNCTIONS = {
    "delivery_api": "webhook-delivery-api-delivery",
    "delivery_operator": "webhook-delivery-operator-delivery",
    "delivery_docs": "webhook-delivery-docs-delivery",
}
RECEIVER = "webhook-delivery-receiver-delivery"


def paths(template):
    """Return the path of each resource of the API, by its address."""
    resources = {resource.address: resource for resource in template.all("aws_api_gateway_resource")}

    def path(resource):
        if "root_resource_id" in resource["parent_id"]:
            return f"/{resource['path_part']}"
        return f"{path(template.target(resource['parent_id']))}/{resource['path_part']}"

    return {address: path(resource) for address, resource in resources.items()}


def routes(template):
    """Return (method, path) to the method."""
    known = paths(template)
    return {
        (method["http_method"], known[template.target(method["resource_id"]).address]): method
        for method in template.all("aws_api_gateway_method")
    }


def answering(template):
    """Return (method, path) to the name of the function that answers."""
    known = paths(template)
    return {
        (
            template.target(each["http_method"])["http_method"],
            known[template.target(each["resource_id"]).address],
        ): template.target(each["uri"]).name
        for each in template.all("aws_api_gateway_integration")
    }


def test_the_routes_are_those_of_the_functions_own_list_and_the_receivers(delivery):
    expected = {(route.method, route.path): FUNCTIONS[route.function] for route in ROUTES}
    found = answering(delivery)

    receiving = {route for route, function in found.items() if function == RECEIVER}
    assert {route: function for route, function in found.items() if route not in receiving} == expected
    assert receiving
    assert set(found) == set(routes(delivery))


def test_without_the_setting_there_is_no_receiver(synthesize_delivery):
    template = synthesize_delivery()

    assert len(template.all("aws_api_gateway_method")) == len(ROUTES)
    assert "webhook-delivery-receiver-dev" not in template.by_name("aws_lambda_function")


OF_DOCS = {"/openapi.json", "/docs", "/redoc"}


@pytest.mark.parametrize(
    ("given", "left_out"),
    [
        ({"docs": False}, OF_DOCS),
        ({"portal": False}, {"/portal"}),
        ({"docs": False, "portal": False}, OF_DOCS | {"/portal", "/assets/{name}"}),
    ],
)
def test_what_is_switched_off_has_no_route_and_the_public_keys_are_still_there(synthesize_delivery, given, left_out):
    found = answering(synthesize_delivery(**given))

    assert {(route.method, route.path) for route in ROUTES} - set(found) == {("GET", path) for path in left_out}
    assert found["GET", "/.well-known/webhook-keys.json"] == "webhook-delivery-docs-dev"


def variables(template, function):
    return template.by_name("aws_lambda_function")[function]["environment"]["variables"]


def test_links_lead_to_the_domain_if_there_is_one_and_else_to_the_stage(delivery, synthesize_delivery):
    there = variables(synthesize_delivery(), "webhook-delivery-operator-dev")["PORTAL_URL"]

    api, suffix = "${aws_api_gateway_rest_api.api_rest_api.id}", "${data.aws_partition.partition.dns_suffix}"
    assert there == f"https://{api}.execute-api.us-east-1.{suffix}/live/portal"
    assert variables(delivery, "webhook-delivery-operator-delivery")["PORTAL_URL"] == "https://hooks.example.com/portal"


def test_without_the_portal_there_are_no_links_and_their_tokens_are_refused(synthesize_delivery):
    without, by_default = synthesize_delivery(portal=False), synthesize_delivery()

    assert variables(without, "webhook-delivery-operator-dev")["PORTAL_URL"] == ""
    assert [variables(each, "webhook-delivery-authorizer-dev")["PORTAL"] for each in (without, by_default)] == [
        "off",
        "on",
    ]
    assert "portal_policy_json" in by_default.outputs()
    assert "portal_policy_json" not in without.outputs()


def test_the_sites_that_may_show_the_portal_are_handed_to_the_function_that_serves_it(synthesize_delivery):
    template = synthesize_delivery(portal_frames=["https://app.example.com", "https://*.example.org"])

    given = variables(template, "webhook-delivery-docs-dev")["PORTAL_FRAMES"]
    assert given == "https://app.example.com https://*.example.org"


@pytest.mark.parametrize(("given", "reserved"), [({}, 5), ({"docs_concurrency": 7}, 7)])
def test_documents_take_no_more_than_what_is_reserved_for_them(synthesize_delivery, given, reserved):
    functions = synthesize_delivery(**given).by_name("aws_lambda_function")

    assert functions["webhook-delivery-docs-dev"]["reserved_concurrent_executions"] == reserved
    for each in ("api", "authorizer", "operator"):
        assert "reserved_concurrent_executions" not in functions[f"webhook-delivery-{each}-dev"].values


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_may_be_called_by_whom_the_list_says(delivery, route):
    method = routes(delivery)[route.method, route.path]
    expected = "NONE" if route.function == "delivery_docs" else "AWS_IAM" if "/operator" in route.path else "CUSTOM"

    assert method["authorization"] == route.authorization == expected
    assert ("authorizer_id" in method.values) == (expected == "CUSTOM")


def test_only_documents_keys_and_the_receiver_are_open(delivery):
    found = answering(delivery)

    open_to_all = {found[route] for route, method in routes(delivery).items() if method["authorization"] == "NONE"}

    assert open_to_all == {FUNCTIONS["delivery_docs"], RECEIVER}


def test_one_authorizer_decides_by_the_token_alone_and_is_kept_for_five_minutes(delivery):
    authorizer = delivery.one("aws_api_gateway_authorizer")
    used = {delivery.target(m["authorizer_id"]).address for m in routes(delivery).values() if m.get("authorizer_id")}

    assert used == {authorizer.address}
    assert (authorizer["type"], authorizer["authorizer_result_ttl_in_seconds"]) == ("TOKEN", 300)
    assert authorizer["identity_source"] == "method.request.header.Authorization"
    assert delivery.target(authorizer["authorizer_uri"]).name == "webhook-delivery-authorizer-delivery"


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        ("Bearer abc_DEF-123.~+/=", True),
        ("bearer abc", True),
        ("Bearer ", False),
        ("Basic dXNlcjpwYXNz", False),
        ("Bearer a b", False),
        ("Bearer ü", False),
        ("xBearer abc", False),
        ("Bearer " + "a" * 513, False),
    ],
)
def test_what_is_no_bearer_token_never_reaches_the_authorizer(delivery, header, passes):
    pattern = delivery.one("aws_api_gateway_authorizer")["identity_validation_expression"]

    assert bool(re.fullmatch(pattern, header)) is passes


def test_a_route_that_needs_an_authorizer_and_has_none_is_refused():
    api = ApiLayer(
        bare_stack(),
        "api",
        settings=ApiSettings(),
        names=Names("dev"),
        log_retention=7,
        description="",
        stage_name="v1",
    )

    with pytest.raises(ValueError, match="GET /x: the API has no authorizer yet: call authorize_by first"):
        api.route(Route(method="GET", path="/x", authorization="CUSTOM"), StubFunction())


def answers(template):
    return {
        response["response_type"]: (response["status_code"], response.get("response_parameters", {}), response)
        for response in template.all("aws_api_gateway_gateway_response")
    }


@pytest.mark.parametrize(
    ("case", "status", "headers"),
    [
        ("UNAUTHORIZED", "401", {"gatewayresponse.header.WWW-Authenticate": "'Bearer'"}),
        ("ACCESS_DENIED", "403", {}),
        ("MISSING_AUTHENTICATION_TOKEN", "403", {}),
        ("INTEGRATION_FAILURE", "429", {"gatewayresponse.header.Retry-After": "'2'"}),
        ("INTEGRATION_TIMEOUT", "504", {"gatewayresponse.header.Retry-After": "'5'"}),
        ("AUTHORIZER_FAILURE", "503", {"gatewayresponse.header.Retry-After": "'2'"}),
        ("AUTHORIZER_CONFIGURATION_ERROR", "503", {"gatewayresponse.header.Retry-After": "'5'"}),
        ("THROTTLED", "429", {"gatewayresponse.header.Retry-After": "'1'"}),
        ("REQUEST_TOO_LARGE", "413", {}),
    ],
)
def test_what_api_gateway_answers_itself_is_json_and_says_what_to_do(delivery, case, status, headers):
    found, parameters, response = answers(delivery)[case]

    assert (found, parameters) == (status, headers)
    answer = json.loads(response["response_templates"]["application/json"])
    assert set(answer) == {"error", "message", "correlationId"}
    assert answer["correlationId"] == "$context.requestId"


def test_the_paths_begin_below_a_stage_of_another_name(delivery):
    assert delivery.one("aws_api_gateway_stage")["stage_name"] == "live"
    assert delivery.one("aws_api_gateway_method_settings")["method_path"] == "*/*"


def test_the_stage_throttles_as_the_settings_say(synthesize_delivery):
    template = synthesize_delivery(throttle_rate=7, throttle_burst=9)

    (settings,) = (template.one("aws_api_gateway_method_settings").values["settings"],)
    assert (settings["throttling_rate_limit"], settings["throttling_burst_limit"]) == (7, 9)


def test_bytes_are_handed_on_as_they_came(delivery):
    assert delivery.one("aws_api_gateway_rest_api")["binary_media_types"] == ["*/*"]


def test_a_domain_has_the_certificate_that_is_given_and_leads_to_the_stage(delivery):
    domain = delivery.one("aws_api_gateway_domain_name")
    mapping = delivery.one("aws_api_gateway_base_path_mapping")

    assert domain["domain_name"] == "hooks.example.com"
    assert domain["regional_certificate_arn"].startswith("arn:aws:acm:")
    assert domain["security_policy"] == "TLS_1_2"
    assert delivery.target(mapping["domain_name"]).address == domain.address
    assert "base_path" not in mapping.values
    assert delivery.outputs()["domain_target"]["value"] == f"{domain.label}.regional_domain_name"


def test_without_a_domain_there_is_none_and_dns_and_certificates_are_never_ours(delivery, synthesize_delivery):
    plain = synthesize_delivery()

    assert plain.all("aws_api_gateway_domain_name") == plain.all("aws_api_gateway_base_path_mapping") == []
    assert "domain_target" not in plain.outputs()
    assert [r.type for r in delivery.resources() if r.type.startswith(("aws_route53", "aws_acm"))] == []
