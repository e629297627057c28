"""A small stack with one of everything, and its plan as Terraform prints it, without Terraform.

The stack is written like synthesized Terraform JSON. What refers to another resource is "known after apply" in the
plan, and stands in its configuration; that this is what Terraform really prints is tested in tests/plan.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from modules.terraform_json import plan
from modules.terraform_json.document import Document, blocks

Stack = dict[str, dict[str, Any]]

TAGS = {"Environment": "dev", "Service": "webhooks", "ManagedBy": "cdktf"}
ACCOUNT = "${data.aws_caller_identity.account.account_id}"
_REFERENCE = re.compile(r"\$\{([^{}]+)\}")
_BLOCKS = {
    "access_log_settings",
    "api_stages",
    "condition",
    "dead_letter_config",
    "egress",
    "environment",
    "ingress",
    "inline_policy",
    "metric",
    "metric_query",
    "principals",
    "scaling_config",
    "settings",
    "statement",
    "tracing_config",
    "vpc_config",
}


def allow(sid: str, actions: list[str], resources: list[str], **more: Any) -> dict[str, Any]:
    return {"sid": sid, "effect": "Allow", "actions": actions, "resources": resources, **more}


def service(name: str) -> list[dict[str, Any]]:
    return [{"type": "Service", "identifiers": [name]}]


def only(key: str, value: str, test: str = "StringEquals") -> list[dict[str, Any]]:
    return [{"test": test, "variable": key, "values": [value]}]


def deny_http(action: str, *resources: str) -> dict[str, Any]:
    return {
        "sid": "DenyPlainHttp",
        "effect": "Deny",
        "actions": [action],
        "resources": list(resources),
        "principals": [{"type": "*", "identifiers": ["*"]}],
        "condition": only("aws:SecureTransport", "false", "Bool"),
    }


def good() -> Stack:
    """Return a stack that breaks no rule."""
    stack: Stack = {
        "data.aws_caller_identity.account": {},
        "aws_vpc.main": {"cidr_block": "10.0.0.0/16", "tags": TAGS},
        "aws_security_group.functions": {
            "name": "webhook-functions-dev",
            "tags": TAGS,
            "egress": [
                {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]},
            ],
            "ingress": [],
        },
        "aws_s3_bucket.archive": {"bucket": f"webhook-archive-{ACCOUNT}-dev", "force_destroy": True, "tags": TAGS},
        "aws_dynamodb_table.records": {"name": "webhook-records-dev", "hash_key": "transactionId", "tags": TAGS},
        "aws_secretsmanager_secret.stripe": {
            "name": "webhook-secret-stripe-dev",
            "recovery_window_in_days": 0,
            "tags": TAGS,
        },
        "aws_cloudwatch_event_bus.bus": {"name": "webhook-events-dev", "tags": TAGS},
        "aws_cloudwatch_event_archive.archive": {
            "name": "webhook-events-dev",
            "event_source_arn": "${aws_cloudwatch_event_bus.bus.arn}",
        },
        "aws_cloudwatch_event_rule.stripe": {"name": "webhook-events-stripe-dev", "tags": TAGS},
        "aws_cloudwatch_event_target.stripe": {
            "rule": "${aws_cloudwatch_event_rule.stripe.name}",
            "arn": "${aws_sqs_queue.target.arn}",
            "dead_letter_config": [{"arn": "${aws_sqs_queue.undelivered.arn}"}],
        },
        "aws_sns_topic.alarms": {"name": "webhook-alarms-dev", "tags": TAGS},
        "aws_sns_topic_policy.alarms": {
            "arn": "${aws_sns_topic.alarms.arn}",
            "policy": "${data.aws_iam_policy_document.alarms.json}",
        },
        "data.aws_iam_policy_document.alarms": {
            "statement": [
                allow(
                    "AlarmsPublish",
                    ["sns:Publish"],
                    ["${aws_sns_topic.alarms.arn}"],
                    principals=service("cloudwatch.amazonaws.com"),
                    condition=only("aws:SourceAccount", ACCOUNT),
                )
            ]
        },
        "aws_s3_bucket_policy.archive": {
            "bucket": "${aws_s3_bucket.archive.id}",
            "policy": "${data.aws_iam_policy_document.archive.json}",
        },
        "data.aws_iam_policy_document.archive": {
            "statement": [deny_http("s3:*", "${aws_s3_bucket.archive.arn}", "${aws_s3_bucket.archive.arn}/*")]
        },
    }
    stack |= _queue("main", "webhook-queue-dev.fifo", fifo=True, dead="dead")
    stack |= _queue("dead", "webhook-dlq-dev.fifo", fifo=True, message_retention_seconds=1_209_600)
    stack |= _queue("target", "webhook-subscriber-dev")
    stack |= _queue("undelivered", "webhook-undelivered-dev")
    for name in ("target", "undelivered"):
        stack[f"data.aws_iam_policy_document.queue_{name}"]["statement"].append(
            allow(
                "EventsSend",
                ["sqs:SendMessage"],
                [f"${{aws_sqs_queue.{name}.arn}}"],
                principals=service("events.amazonaws.com"),
                condition=only("aws:SourceArn", "${aws_cloudwatch_event_rule.stripe.arn}", "ArnEquals"),
            )
        )
    stack |= _function(
        "ingestion",
        {
            "PROVIDERS": '{"stripe":{"entry":"stripe","secretArn":"${aws_secretsmanager_secret.stripe.arn}"}}',
            "QUEUE_URL": "${aws_sqs_queue.main.url}",
        },
        allow("ReadSecrets", ["secretsmanager:GetSecretValue"], ["${aws_secretsmanager_secret.stripe.arn}"]),
        allow("Archive", ["s3:PutObject"], ["${aws_s3_bucket.archive.arn}/raw/*"]),
        handler="lambdas.ingestion.handler.handler",
    )
    stack |= _function(
        "processing",
        {"TABLE_NAME": "${aws_dynamodb_table.records.name}"},
        allow(
            "Consume",
            ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            ["${aws_sqs_queue.main.arn}", "${aws_sqs_queue.dead.arn}"],
        ),
        reserved_concurrent_executions=22,
    )
    for queue, concurrency in (("main", 20), ("dead", 2)):
        stack[f"aws_lambda_event_source_mapping.{queue}"] = {
            "event_source_arn": f"${{aws_sqs_queue.{queue}.arn}}",
            "function_name": "${aws_lambda_function.processing.arn}",
            "function_response_types": ["ReportBatchItemFailures"],
            "scaling_config": [{"maximum_concurrency": concurrency}],
            "tags": TAGS,
        }
    return stack | _api() | _alarms()


def _queue(id_: str, name: str, *, fifo: bool = False, dead: str | None = None, **more: Any) -> Stack:
    values = {"name": name, "fifo_queue": fifo, "visibility_timeout_seconds": 300, "tags": TAGS, **more}
    values.setdefault("message_retention_seconds", 345_600)
    redriven: Stack = {}
    if dead:
        policy = f'{{"deadLetterTargetArn":"${{aws_sqs_queue.{dead}.arn}}","maxReceiveCount":3}}'
        redriven[f"aws_sqs_queue_redrive_policy.{id_}"] = {
            "queue_url": f"${{aws_sqs_queue.{id_}.id}}",
            "redrive_policy": policy,
        }
        values |= {
            "deduplication_scope": "messageGroup",
            "fifo_throughput_limit": "perMessageGroupId",
        }
    return redriven | {
        f"aws_sqs_queue.{id_}": values,
        f"aws_sqs_queue_policy.{id_}": {
            "queue_url": f"${{aws_sqs_queue.{id_}.id}}",
            "policy": f"${{data.aws_iam_policy_document.queue_{id_}.json}}",
        },
        f"data.aws_iam_policy_document.queue_{id_}": {
            "statement": [deny_http("sqs:*", f"${{aws_sqs_queue.{id_}.arn}}")]
        },
    }


def _function(id_: str, variables: dict[str, str], *statements: dict[str, Any], **more: Any) -> Stack:
    name = f"webhook-{id_}-dev"
    return {
        f"aws_lambda_function.{id_}": {
            "function_name": name,
            "role": f"${{aws_iam_role.{id_}.arn}}",
            "architectures": ["arm64"],
            "timeout": 30,
            "reserved_concurrent_executions": -1,
            "tracing_config": [{"mode": "Active"}],
            "environment": [{"variables": variables}],
            "vpc_config": [{"subnet_ids": ["subnet-1"]}],
            "tags": TAGS,
            **more,
        },
        f"aws_cloudwatch_log_group.{id_}": {"name": f"/aws/lambda/{name}", "retention_in_days": 7, "tags": TAGS},
        f"aws_iam_role.{id_}": {
            "name": name,
            "assume_role_policy": f"${{data.aws_iam_policy_document.{id_}_trust.json}}",
            "tags": TAGS,
        },
        f"aws_iam_role_policy.{id_}": {
            "name": name,
            "role": f"${{aws_iam_role.{id_}.name}}",
            "policy": f"${{data.aws_iam_policy_document.{id_}.json}}",
        },
        f"data.aws_iam_policy_document.{id_}_trust": {
            "statement": [
                allow(
                    "LambdaRunsThis",
                    ["sts:AssumeRole"],
                    [],
                    principals=service("lambda.amazonaws.com"),
                    condition=only("aws:SourceAccount", ACCOUNT),
                )
            ]
        },
        f"data.aws_iam_policy_document.{id_}": {
            "statement": [
                allow("WriteTracesWhichHaveNoArn", ["xray:PutTraceSegments"], ["*"]),
                allow("WriteLog", ["logs:PutLogEvents"], [f"${{aws_cloudwatch_log_group.{id_}.arn}}:*"]),
                *statements,
            ]
        },
    }


def _api() -> Stack:
    api = {"rest_api_id": "${aws_api_gateway_rest_api.api.id}"}
    webhook = api | {"resource_id": "${aws_api_gateway_resource.webhook.id}", "http_method": "POST"}
    return {
        "aws_api_gateway_rest_api.api": {"name": "webhook-api-dev", "tags": TAGS},
        "aws_api_gateway_resource.webhook": {
            **api,
            "parent_id": "${aws_api_gateway_rest_api.api.root_resource_id}",
            "path_part": "webhook",
        },
        "aws_api_gateway_request_validator.headers": {
            **api,
            "name": "webhook-headers-dev",
            "validate_request_parameters": True,
        },
        "aws_api_gateway_method.webhook": {
            **webhook,
            "authorization": "NONE",
            "api_key_required": True,
            "request_validator_id": "${aws_api_gateway_request_validator.headers.id}",
            "request_parameters": {"method.request.header.X-Provider-ID": True},
        },
        "aws_api_gateway_integration.webhook": {**webhook, "uri": "${aws_lambda_function.ingestion.invoke_arn}"},
        "aws_lambda_permission.webhook": {
            "statement_id": "ApiGateway",
            "action": "lambda:InvokeFunction",
            "function_name": "${aws_lambda_function.ingestion.function_name}",
            "principal": "apigateway.amazonaws.com",
            "source_arn": "${aws_api_gateway_rest_api.api.execution_arn}/*/POST/webhook",
        },
        "aws_api_gateway_gateway_response.busy": {
            **api,
            "response_type": "INTEGRATION_FAILURE",
            "status_code": "429",
            "response_parameters": {"gatewayresponse.header.Retry-After": "'2'"},
        },
        "aws_api_gateway_stage.stage": {**api, "stage_name": "v1", "tags": TAGS},
        "aws_api_gateway_method_settings.all": {
            **api,
            "stage_name": "${aws_api_gateway_stage.stage.stage_name}",
            "method_path": "*/*",
            "settings": [
                {"throttling_rate_limit": 1000, "throttling_burst_limit": 2000, "data_trace_enabled": False},
            ],
        },
        "aws_api_gateway_usage_plan.plan": {
            "name": "webhook-plan-dev",
            "api_stages": [{"api_id": "${aws_api_gateway_rest_api.api.id}", "stage": "v1"}],
            "tags": TAGS,
        },
        "aws_api_gateway_usage_plan_key.key": {
            "key_id": "${aws_api_gateway_api_key.key.id}",
            "usage_plan_id": "${aws_api_gateway_usage_plan.plan.id}",
        },
        "aws_api_gateway_api_key.key": {"name": "webhook-key-dev", "tags": TAGS},
    }


def _alarms() -> Stack:
    watched = [
        ("api-5xx", "AWS/ApiGateway", "5XXError", {"ApiName": "${aws_api_gateway_rest_api.api.name}"}),
        ("age", "AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": "${aws_sqs_queue.main.name}"}),
        ("depth", "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "${aws_sqs_queue.main.name}"}),
        ("dead", "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "${aws_sqs_queue.dead.name}"}),
    ]
    for function in ("ingestion", "processing"):
        of = {"FunctionName": f"${{aws_lambda_function.{function}.function_name}}"}
        watched += [(f"{function}-{metric.lower()}", "AWS/Lambda", metric, of) for metric in ("Errors", "Throttles")]
    return {
        f"aws_cloudwatch_metric_alarm.{name}": {
            "alarm_name": f"webhook-{name}-dev",
            "alarm_description": f"{name} is too high",
            "namespace": namespace,
            "metric_name": metric,
            "dimensions": dimensions,
            "statistic": "Sum",
            "comparison_operator": "GreaterThanThreshold",
            "threshold": 0,
            "period": 300,
            "evaluation_periods": 1,
            "treat_missing_data": "notBreaching",
            "alarm_actions": ["${aws_sns_topic.alarms.arn}"],
            "tags": TAGS,
        }
        for name, namespace, metric, dimensions in watched
    }


def read(stack: Stack, **replaced: Any) -> Document:
    """Return the plan of a stack."""
    return plan.read(plan_of(stack) | replaced)


def plan_of(stack: Stack, actions: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """Return the plan of a stack in Terraform's JSON form.

    Parameters
    ----------
    actions : dict
        What Terraform would do to a resource; it creates those that are not named.
    """
    stack = {address: _listed(values) for address, values in stack.items()}
    changes, before, configured = [], [], []
    for address, values in stack.items():
        data = address.startswith("data.")
        type_, name = address.removeprefix("data.").split(".")
        entry = {"address": address, "mode": "data" if data else "managed", "type": type_, "name": name}
        configured.append(
            {
                **entry,
                "expressions": {key: _expression(key, value) for key, value in values.items() if value is not None},
            }
        )
        if address == "data.aws_caller_identity.account":
            before.append({**entry, "values": {"account_id": "123456789012"}})
            continue
        planned = {key: _known(value, stack) for key, value in values.items()}
        done = (actions or {}).get(address, ["read"] if data else ["create"])
        gone = done in (["delete"], ["forget"])
        changes.append(
            {
                **entry,
                "change": {
                    "actions": done,
                    "before": planned if "delete" in done or gone else None,
                    "after": None if gone else planned,
                    "after_unknown": {"id": True},
                },
            }
        )
    return {
        "format_version": "1.2",
        "complete": True,
        "errored": False,
        "resource_changes": changes,
        "prior_state": {"values": {"root_module": {"resources": before}}},
        "configuration": {
            "provider_config": {
                "aws": {"full_name": "registry.terraform.io/hashicorp/aws", "version_constraint": "5.100.0"}
            },
            "root_module": {"resources": configured},
        },
    }


def _listed(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with every block in a list, as a plan has them."""
    return {
        key: [_listed(block) for block in blocks(value)] if key in _BLOCKS and blocks(value) else value
        for key, value in values.items()
    }


def _expression(key: str, value: Any) -> Any:
    if key in _BLOCKS and isinstance(value, list):
        return [{name: _expression(name, item) for name, item in block.items()} for block in value]
    references = [found for text in _texts(value) for found in _REFERENCE.findall(text)]
    return {"constant_value": value} | ({"references": references} if references else {})


def _known(value: Any, stack: Stack) -> Any:
    """Return what Terraform knows of a value before anything is there; None in place of what it does not."""
    if isinstance(value, str):
        parts = [_resolved(found, stack) for found in _REFERENCE.findall(value)]
        if any(part is None for part in parts):
            return None
        return _REFERENCE.sub(lambda found: str(_resolved(found[1], stack)), value)
    if isinstance(value, list):
        return [_known(item, stack) for item in value]
    if isinstance(value, dict):
        return {name: _known(item, stack) for name, item in value.items()}
    return value


def _resolved(reference: str, stack: Stack) -> Any:
    address, _, attribute = reference.rpartition(".")
    if address == "data.aws_caller_identity.account":
        return "123456789012"
    return _known(stack.get(address, {}).get(attribute), stack)


def _texts(value: Any) -> Iterator[str]:
    for text in re.findall(r'"(?:[^"\\]|\\.)*"', json.dumps(value)):
        yield json.loads(text)
