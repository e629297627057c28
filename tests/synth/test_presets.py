"""What each preset deploys that the others do not, and what it deploys otherwise."""

import pytest

OF_THE_KEY = {"aws_api_gateway_api_key", "aws_api_gateway_usage_plan", "aws_api_gateway_usage_plan_key"}
OF_DIRECT_INTEGRATION = {"aws_api_gateway_integration_response", "aws_api_gateway_method_response"}
OF_THE_NETWORK = {
    "aws_default_security_group",
    "aws_route_table",
    "aws_route_table_association",
    "aws_security_group",
    "aws_subnet",
    "aws_vpc",
    "aws_vpc_endpoint",
    "aws_vpc_security_group_ingress_rule",
}


def types(template):
    return {resource.type for resource in template.resources()}


def test_standard_has_neither_key_nor_network(standard):
    assert types(standard) & (OF_THE_KEY | OF_DIRECT_INTEGRATION | OF_THE_NETWORK) == set()


def test_ordered_has_what_standard_has_and_the_target_of_its_subscriber(standard, ordered):
    assert types(ordered) ^ types(standard) == {"aws_cloudwatch_event_target"}


def test_burst_has_what_standard_has_and_key_and_direct_integration_and_network(standard, burst):
    assert types(burst) ^ types(standard) == OF_THE_KEY | OF_DIRECT_INTEGRATION | OF_THE_NETWORK


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("ordered", {"queue": {"fifo": False}}),
        ("burst", {"api": {"ingest": "function", "api_key": False}, "network": {"vpc": False}}),
    ],
)
def test_an_environment_can_turn_off_what_its_preset_turns_on(synthesize, standard, preset, changes):
    template = synthesize(values={"preset": preset, **changes})

    assert types(template) == types(standard)
    assert {name for name in template.by_name("aws_sqs_queue") if name.endswith(".fifo")} == set()


def test_the_queue_uses_all_that_is_reserved_for_processing_and_no_more(preset):
    function = preset.one("aws_lambda_function", f"webhook-processing-{preset.environment}")
    (mapping,) = preset.pointing_at("aws_lambda_event_source_mapping", "function_name", function)

    assert mapping["scaling_config"] == {"maximum_concurrency": function["reserved_concurrent_executions"]}


@pytest.mark.parametrize(
    ("functions", "ingestion", "processing"),
    [
        ({}, 50, 100),
        ({"ingestion_budget": 80, "processing_budget": 10}, 80, 10),
        ({"ingestion_reserved_concurrency": 7}, 7, 100),
        ({"processing_reserved_concurrency": 7, "processing_budget": 300}, 50, 7),
    ],
    ids=str,
)
def test_the_reservation_follows_the_budgets_unless_it_is_set(synthesize, functions, ingestion, processing):
    template = synthesize(values={"functions": functions})

    reserved = {
        name: function["reserved_concurrent_executions"]
        for name, function in template.by_name("aws_lambda_function").items()
        if function.get("reserved_concurrent_executions") is not None
    }

    assert reserved == {"webhook-ingestion-dev": ingestion, "webhook-processing-dev": processing}


OF_A_PRESET = {
    "standard": set(),
    "ordered": {"subscriber_queue_urls"},
    "burst": {"api_key", "inbox_url", "inbox_dead_letter_queue_url", "requalify_policy_json"},
}


@pytest.mark.parametrize("name", OF_A_PRESET)
def test_a_preset_has_the_outputs_of_all_and_its_own(preset_of, template, name):
    assert set(preset_of(name).outputs()) == set(template.outputs()) | OF_A_PRESET[name]


def alarms(template):
    """Return the alarms, without those that each provider has: presets have other providers."""
    names = {name.removesuffix(f"-{template.environment}") for name in template.by_name("aws_cloudwatch_metric_alarm")}
    return {name for name in names if not name.startswith("webhook-provider-refused-")}


def test_the_alarms_are_those_of_standard_and_of_subscribers_and_the_ingest_queue(standard, ordered, burst):
    assert alarms(burst) - alarms(standard) == {
        "webhook-queue-depth-inbox",
        "webhook-queue-age-inbox",
        "webhook-inbox-dlq",
        "webhook-not-quarantined",
    }
    assert alarms(standard) <= alarms(burst)
    assert alarms(ordered) - alarms(standard) == {
        "webhook-subscriber-dlq-ledger",
        "webhook-subscriber-undelivered-ledger",
    }
    assert alarms(standard) <= alarms(ordered)
