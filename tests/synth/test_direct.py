"""``api.ingest`` ``direct``: what is deployed for it, and what may not be combined with it."""

import base64
import json

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.signatures.scheme import ChallengeScheme
from modules.constructs.ingest_template import send_message
from modules.inbound.direct_integration import CONTENT_TYPES
from modules.inbound.ingest_queue import RECEIVES
from modules.settings.environments import build_settings
from modules.settings.rules import MAX_DIRECT_BODY_BYTES
from modules.settings.validation import SettingsError
from tests.synth.labels import BUCKET, TABLE
from tools.local.mapping_template import render

PROVIDERS = {"stripe": "stripe", "shop": "generic", "adyen": "adyen", "braintree": "braintree"}
DIRECT = {"ingest": "direct", "max_body_bytes": MAX_DIRECT_BODY_BYTES}
VALUES = {"providers": PROVIDERS, "api": DIRECT}
INGEST_QUEUE, DEAD = "webhook-inbox-dev", "webhook-inbox-dlq-dev"


@pytest.fixture(scope="module")
def direct(synthesize):
    return synthesize(values=VALUES)


def path_of(template, resource):
    """Return the path of the API's resource that a method or integration is on."""
    parts, at = [], template.target(resource["resource_id"])
    while at.type == "aws_api_gateway_resource":
        parts.append(at["path_part"])
        at = template.target(at["parent_id"])
    return "/" + "/".join(reversed(parts))


def method_of(template, resource):
    return template.target(resource["http_method"])["http_method"]


def integrations(template):
    return {
        (method_of(template, each), path_of(template, each)): each
        for each in template.all("aws_api_gateway_integration")
    }


def test_every_webhook_goes_to_the_ingest_queue_and_the_rest_to_functions(direct):
    kinds = {place: each["type"] for place, each in integrations(direct).items()}

    assert kinds == {
        **{("POST", f"/webhook/{name}"): "AWS" for name in PROVIDERS},
        ("POST", "/webhook"): "AWS",
        ("POST", "/webhook/{provider}"): "MOCK",
        ("GET", "/webhook/braintree"): "AWS_PROXY",
        ("GET", "/status/{transactionId}"): "AWS_PROXY",
        ("POST", "/internal/replay"): "AWS_PROXY",
        ("POST", "/internal/redrive"): "AWS_PROXY",
        ("POST", "/internal/erase"): "AWS_PROXY",
        ("GET", "/internal/events"): "AWS_PROXY",
        ("GET", "/internal/events/{event}"): "AWS_PROXY",
        ("GET", "/internal/counts"): "AWS_PROXY",
        ("GET", "/internal/audit"): "AWS_PROXY",
        ("GET", "/internal/payloads/{event}"): "AWS_PROXY",
    }
    assert [name for name in PROVIDERS if isinstance(REGISTRY[PROVIDERS[name]].scheme, ChallengeScheme)] == [
        "braintree"
    ]


def test_an_integration_writes_to_the_ingest_queue_by_its_template_only(direct):
    found = {place: each for place, each in integrations(direct).items() if each["type"] == "AWS"}

    for (_, path), each in found.items():
        assert direct.meaning(each["uri"]) == (
            "arn:data.aws_partition[api_direct_partition].partition:apigateway:us-east-1:sqs:path/"
            f"data.aws_caller_identity[account].account_id/aws_sqs_queue[{INGEST_QUEUE}].name"
        )
        # A body that is not base64, or that is passed through, would no longer be what was sent.
        assert (each["content_handling"], each["passthrough_behavior"]) == ("CONVERT_TO_TEXT", "NEVER")
        provider = path.removeprefix("/webhook").strip("/")
        assert each["request_templates"] == dict.fromkeys(CONTENT_TYPES, send_message(provider))


def responses(template, path):
    return {
        each.get("selection_pattern"): each
        for each in template.all("aws_api_gateway_integration_response")
        if path_of(template, each) == path
    }


def test_only_a_200_of_sqs_becomes_a_2xx(direct):
    for name in PROVIDERS:
        mapped = responses(direct, f"/webhook/{name}")
        answer = REGISTRY[PROVIDERS[name]].response
        # The one without a pattern is for everything else.
        assert {pattern: direct.target(each["status_code"])["status_code"] for pattern, each in mapped.items()} == {
            "200": str(answer.status),
            None: "503",
        }
        template = mapped["200"]["response_templates"]["application/json"]
        assert template == (answer.body or '{"correlationId":"$context.requestId"}')
        # The provider of a text is told that it is one.
        kind = mapped["200"]["response_parameters"].get("method.response.header.Content-Type")
        assert kind == ("'text/plain; charset=utf-8'" if answer.body else None)
        for each in mapped.values():
            assert each["content_handling"] == "CONVERT_TO_TEXT"
            declared = direct.target(each["status_code"])["response_parameters"]
            assert set(each["response_parameters"]) == set(declared)


TOO_LARGE = "One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes."
REFUSALS = {
    "too large, as XML": (f"<ErrorResponse><Error><Message>{TOO_LARGE}</Message></Error></ErrorResponse>", 413),
    "too large, as JSON": (json.dumps({"Error": {"Code": "InvalidParameterValue", "Message": TOO_LARGE}}), 413),
    "anything else": ("<ErrorResponse><Error><Message>für 漢字 nicht erlaubt</Message></Error></ErrorResponse>", None),
    "nothing": ("", None),
}


def as_base64(text):
    return base64.b64encode(text.encode()).decode("ascii")


@pytest.mark.parametrize("form", [str, as_base64], ids=["text", "base64"])
@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_of_sqs_is_told_by_its_text_in_either_form(direct, case, form):
    said, status = case
    template = responses(direct, "/webhook/stripe")[None]["response_templates"]["application/json"]

    made = render(template, body=form(said), headers={}, context={"requestId": "request-1"})

    error = "not_durable" if status is None else "payload_too_large"
    assert json.loads(made.text) == {"error": error, "correlationId": "request-1"}
    assert made.status == status
    # Only what may go well the next time is to be tried again.
    assert made.response_headers == ({"Retry-After": "5"} if status is None else {})


def test_an_unknown_provider_hears_404(direct):
    mapped = responses(direct, "/webhook/{provider}")

    assert {pattern: direct.target(each["status_code"])["status_code"] for pattern, each in mapped.items()} == {
        None: "404"
    }


def test_gateway_answers_nothing_of_its_own_as_a_2xx(direct):
    said = {each["response_type"]: each for each in direct.all("aws_api_gateway_gateway_response")}

    assert {kind: each["status_code"] for kind, each in said.items()} == {
        "INTEGRATION_FAILURE": "503",
        "INTEGRATION_TIMEOUT": "504",
        "THROTTLED": "429",
        "UNSUPPORTED_MEDIA_TYPE": "415",
    }
    for kind in ("INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "THROTTLED"):
        assert "gatewayresponse.header.Retry-After" in said[kind]["response_parameters"]


def test_api_gateway_may_send_to_the_ingest_queue_and_nothing_else(direct):
    role = direct.one("aws_iam_role", "webhook-api-inbox-dev")
    (policy,) = direct.pointing_at("aws_iam_role_policy", "role", role)

    (statement,) = direct.statements(policy["policy"])
    assert statement["actions"] == ["sqs:SendMessage"]
    assert statement["resources"] == [f"aws_sqs_queue[{INGEST_QUEUE}].arn"]
    (trust,) = direct.statements(role["assume_role_policy"])
    assert trust["principals"] == [{"identifiers": ["apigateway.amazonaws.com"], "type": "Service"}]
    for each in integrations(direct).values():
        assert (direct.target(each["credentials"]).address == role.address) if each["type"] == "AWS" else True


def test_only_ingestion_receives_from_the_ingest_queue(direct):
    ingest_queue = direct.one("aws_sqs_queue", INGEST_QUEUE)
    (mapping,) = direct.pointing_at("aws_lambda_event_source_mapping", "event_source_arn", ingest_queue)
    function = direct.target(mapping["function_name"])

    assert function["handler"] == "lambdas.ingestion.direct_integration.handler"
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    assert mapping["scaling_config"]["maximum_concurrency"] == function["reserved_concurrent_executions"]
    assert 6 * function["timeout"] <= ingest_queue["visibility_timeout_seconds"]
    # and nobody receives what was given up, but an operator
    dead = direct.one("aws_sqs_queue", DEAD)
    assert direct.pointing_at("aws_lambda_event_source_mapping", "event_source_arn", dead) == []
    redriving = [
        (direct.target(policy["role"]).name, statement["sid"])
        for policy in direct.all("aws_iam_role_policy")
        for statement in direct.statements(policy["policy"])
        if f"aws_sqs_queue[{DEAD}].arn" in statement["resources"]
    ]
    assert redriving == [("webhook-replay-dev", "RedriveInbox")]


def test_what_is_given_up_is_kept_for_14_days_and_alarms(direct):
    ingest_queue, dead = direct.one("aws_sqs_queue", INGEST_QUEUE), direct.one("aws_sqs_queue", DEAD)

    assert direct.redrive(ingest_queue) == {
        "deadLetterTargetArn": f"aws_sqs_queue[{DEAD}].arn",
        "maxReceiveCount": 12,
    }
    assert (ingest_queue["message_retention_seconds"], dead["message_retention_seconds"]) == (1_209_599, 1_209_600)
    watched = {
        alarm["alarm_name"]: direct.meaning(alarm["dimensions"])
        for alarm in direct.all("aws_cloudwatch_metric_alarm")
        if "QueueName" in alarm.get("dimensions", {})
    }
    assert watched["webhook-inbox-dlq-dev"] == {"QueueName": f"aws_sqs_queue[{DEAD}].name"}
    for name in ("webhook-queue-age-inbox-dev", "webhook-queue-depth-inbox-dev"):
        assert watched[name] == {"QueueName": f"aws_sqs_queue[{INGEST_QUEUE}].name"}
    assert {"inbox_url", "inbox_dead_letter_queue_url"} <= set(direct.outputs())


@pytest.mark.parametrize("name", [INGEST_QUEUE, DEAD])
def test_the_queues_are_encrypted_and_refuse_plain_http(direct, name):
    queue = direct.one("aws_sqs_queue", name)
    (policy,) = direct.pointing_at("aws_sqs_queue_policy", "queue_url", queue)

    assert queue["sqs_managed_sse_enabled"] is True
    assert [statement["sid"] for statement in direct.statements(policy["policy"])] == ["DenyPlainHttp"]


def test_a_message_is_as_large_as_the_largest_body_needs_and_the_provider_lets_a_queue_take(direct):
    # AWS provider 5.100.0 refuses more, and SQS has taken 1,048,576 bytes since August 2025.
    assert direct.one("aws_sqs_queue", INGEST_QUEUE)["max_message_size"] == 262_144


def test_no_request_expires_before_its_last_receive():
    longest = 43_200

    assert RECEIVES * longest < 1_209_599


def test_burst_lets_ingestion_receive_through_its_endpoint(synthesize):
    template = synthesize(values={"preset": "burst", "api": DIRECT})

    (endpoint,) = [each for each in template.all("aws_vpc_endpoint") if each["service_name"].endswith(".sqs")]
    receiving = [
        statement
        for statement in template.statements(endpoint["policy"])
        if f"aws_sqs_queue[{INGEST_QUEUE}].arn" in statement["resources"]
        and "sqs:ReceiveMessage" in statement["actions"]
    ]
    (statement,) = receiving
    assert set(statement["actions"]) == {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    assert statement["condition"][0]["values"] == ["aws_iam_role[webhook-ingestion-dev].arn"]
    # and every method asks for the key
    methods = [each for each in template.all("aws_api_gateway_method") if each["authorization"] == "NONE"]
    assert [each.get("api_key_required") for each in methods] == [True] * len(methods)
    reserved = {each.name: each.get("reserved_concurrent_executions") for each in template.all("aws_lambda_function")}
    assert reserved["webhook-ingestion-dev"] == 500


REFUSED = {
    "a FIFO queue": (
        {"preset": "ordered", "api": DIRECT},
        "api.ingest: 'direct' is not allowed with queue.fifo",
    ),
    "bodies that no message holds": (
        {"api": {"ingest": "direct"}},
        "api.max_body_bytes: 4,194,304 bytes do not fit .* allowed: 180,000 at most",
    ),
    "one byte too many": (
        {"api": DIRECT | {"max_body_bytes": MAX_DIRECT_BODY_BYTES + 1}},
        "api.max_body_bytes: 180,001 bytes",
    ),
    "too few executions": (
        {"api": DIRECT, "functions": {"ingestion_reserved_concurrency": 1}},
        "functions.ingestion_reserved_concurrency: 1 is not what .* allowed: 2 to 1,000",
    ),
    "more executions than a mapping uses": (
        {"api": DIRECT, "functions": {"ingestion_budget": 1_001, "account_concurrency": 5_000}},
        "functions.ingestion_reserved_concurrency: 1,001 is not what .* or a lower functions.ingestion_budget",
    ),
    "another word": ({"api": {"ingest": "queue"}}, "api.ingest: 'queue' is not allowed; allowed: .*function.*direct"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_combined_is_refused(case):
    values, says = case

    with pytest.raises(SettingsError, match=says):
        build_settings("dev", values)


def test_a_change_of_what_the_method_returns_makes_a_new_deployment(synthesize, direct, monkeypatch):
    def trigger(template):
        return template.one("aws_api_gateway_deployment")["triggers"]["definition"]

    assert trigger(synthesize(values=VALUES)) == trigger(direct)
    monkeypatch.setattr("modules.inbound.direct_integration._REFUSED", "{}")
    assert trigger(synthesize(values=VALUES)) != trigger(direct)


def test_nothing_of_it_is_in_a_stack_with_a_function_integration(standard):
    assert [each.name for each in standard.all("aws_sqs_queue") if "inbox" in each.name] == []
    assert standard.all("aws_api_gateway_integration_response") == []


# --- the quarantine ---------------------------------------------------------------------------------------------------


def quarantine_of(template):
    """Return what there is of a quarantine: variables, lifecycle, permissions, alarm, output."""
    environment = template.one("aws_lambda_function", "webhook-ingestion-dev").block("environment")["variables"]
    rules = template.one("aws_s3_bucket_lifecycle_configuration").blocks("rule")
    policy = template.pointing_at("aws_iam_role_policy", "role", template.one("aws_iam_role", "webhook-ingestion-dev"))[
        0
    ]["policy"]
    return {
        "variable": environment.get("QUARANTINE_PER_HOUR"),
        "table": template.meaning(environment.get("TABLE_NAME")),
        "rules": [rule for rule in rules if rule["id"] == "quarantine"],
        "may": [
            statement
            for statement in template.statements(policy)
            if statement["sid"] in ("Quarantine", "CountQuarantined")
        ],
        "alarm": "webhook-not-quarantined-dev" in template.by_name("aws_cloudwatch_metric_alarm"),
        "output": "requalify_policy_json" in template.document["output"],
    }


def test_behind_the_ingest_queue_what_is_refused_is_quarantined_for_some_days(direct):
    assert quarantine_of(direct) == {
        "variable": "36000",
        "table": f"{TABLE}.name",
        "rules": [
            {
                "id": "quarantine",
                "status": "Enabled",
                "filter": [{"prefix": "quarantine/"}],
                "expiration": [{"days": 14}],
                # In a versioned bucket, what expires or is removed is only then gone.
                "noncurrent_version_expiration": [{"noncurrent_days": 1}],
            }
        ],
        # It may only put there, and count in the items of the allowance and no record.
        "may": [
            {
                "sid": "Quarantine",
                "effect": "Allow",
                "actions": ["s3:PutObject"],
                "resources": [f"{BUCKET}.arn/quarantine/*"],
            },
            {
                "sid": "CountQuarantined",
                "effect": "Allow",
                "actions": ["dynamodb:UpdateItem"],
                "resources": [f"{TABLE}.arn"],
                "condition": [
                    {
                        "test": "ForAllValues:StringLike",
                        "variable": "dynamodb:LeadingKeys",
                        "values": ["quarantine *"],
                    }
                ],
            },
        ],
        "alarm": True,
        "output": True,
    }


NOTHING = {"variable": None, "table": None, "rules": [], "may": [], "alarm": False, "output": False}


def test_a_sender_that_hears_401_sends_again_so_that_nothing_is_quarantined_by_default(template):
    assert quarantine_of(template) == NOTHING


def test_the_quarantine_can_be_switched_off_and_on(synthesize):
    off = synthesize(values={**VALUES, "quarantine": {"enabled": False}})
    on = quarantine_of(synthesize(values={"quarantine": {"enabled": True, "days": 3, "webhooks_per_hour": 1_000}}))

    assert quarantine_of(off) == NOTHING
    assert (on["variable"], on["rules"][0]["expiration"]) == ("1000", [{"days": 3}])
    assert len(on["may"]) == 2


def test_whoever_requalifies_reads_the_quarantine_alone_and_no_secret(direct):
    policy = direct.document["output"]["requalify_policy_json"]["value"]

    assert {each["sid"]: (each["actions"], each["resources"]) for each in direct.statements(policy)} == {
        "ListQuarantine": (["s3:ListBucket"], [f"{BUCKET}.arn"]),
        "ReadAndRemoveQuarantined": (["s3:GetObject", "s3:DeleteObject"], [f"{BUCKET}.arn/quarantine/*"]),
        "VerifyQuarantined": (["lambda:InvokeFunction"], ["aws_lambda_function[webhook-ingestion-dev].arn"]),
    }
    (listing,) = [each for each in direct.statements(policy) if each["sid"] == "ListQuarantine"]
    assert listing["condition"] == [{"test": "StringLike", "variable": "s3:prefix", "values": ["quarantine/*"]}]


def test_nobody_else_may_read_what_is_quarantined(direct):
    readable = set()
    for role in direct.all("aws_iam_role"):
        for policy in direct.pointing_at("aws_iam_role_policy", "role", role):
            for statement in direct.statements(policy["policy"]):
                if "s3:GetObject" in statement["actions"]:
                    readable.update(statement["resources"])
    assert readable == {f"{BUCKET}.arn/{below}/*" for below in ("dead-letter", "raw", "raw/_batch")}


def test_in_a_vpc_the_endpoint_lets_the_count_through_with_its_condition(synthesize):
    template = synthesize(values={"network": {"vpc": True}, "quarantine": {"enabled": True}})
    policies = [template.statements(each["policy"]) for each in template.all("aws_vpc_endpoint")]
    (count,) = [each for said in policies for each in said if each["sid"].startswith("CountQuarantined")]

    assert [each["variable"] for each in count["condition"]] == ["aws:PrincipalArn", "dynamodb:LeadingKeys"]
