"""A small stack and what its functions call, both written by hand, so that a bill can be computed on paper."""

import copy
import json

from tools.estimate.assumptions import ASSUMPTIONS
from tools.estimate.cost.bill import bill_of
from tools.estimate.cost.prices import load
from tools.estimate.cost.workload import Workload
from tools.estimate.observed.usage import Usage
from tools.estimate.synthesized import Stack

DOCUMENT = {
    "resource": {
        "aws_api_gateway_rest_api": {"api": {"name": "api"}},
        "aws_api_gateway_resource": {"provider": {"path_part": "{provider}"}},
        "aws_api_gateway_method": {
            "post": {
                "http_method": "POST",
                "authorization": "NONE",
                "resource_id": "${aws_api_gateway_resource.provider.id}",
            }
        },
        "aws_api_gateway_integration": {
            "post": {
                "type": "AWS_PROXY",
                "resource_id": "${aws_api_gateway_resource.provider.id}",
                "http_method": "${aws_api_gateway_method.post.http_method}",
                "uri": "${aws_lambda_function.ingestion.invoke_arn}",
            }
        },
        "aws_api_gateway_method_settings": {
            "all": {"settings": {"throttling_rate_limit": 100, "throttling_burst_limit": 200, "logging_level": "ERROR"}}
        },
        "aws_lambda_function": {
            "ingestion": {
                "function_name": "ingestion",
                "handler": "lambdas.ingestion.handler.handler",
                "memory_size": 512,
                "timeout": 30,
                "architectures": ["arm64"],
                "reserved_concurrent_executions": 50,
                "environment": {
                    "variables": {
                        "QUEUE_URL": "${aws_sqs_queue.main.url}",
                        "PROVIDERS": json.dumps({"a": {"entry": "generic"}, "b": {"entry": "generic"}}),
                    }
                },
            },
            "work": {
                "function_name": "work",
                "handler": "lambdas.processing.handler.handler",
                "memory_size": 1024,
                "timeout": 30,
                "architectures": ["arm64"],
                "reserved_concurrent_executions": 20,
                "environment": {"variables": {"TABLE_NAME": "${aws_dynamodb_table.records.name}"}},
            },
        },
        "aws_sqs_queue": {
            "main": {"name": "main", "visibility_timeout_seconds": 300},
            "dead": {"name": "dead"},
        },
        "aws_sqs_queue_redrive_policy": {
            "main": {
                "queue_url": "${aws_sqs_queue.main.id}",
                "redrive_policy": '{"deadLetterTargetArn":"${aws_sqs_queue.dead.arn}","maxReceiveCount":3}',
            }
        },
        "aws_lambda_event_source_mapping": {
            "main": {
                "event_source_arn": "${aws_sqs_queue.main.arn}",
                "function_name": "${aws_lambda_function.work.arn}",
                "batch_size": 10,
                "scaling_config": {"maximum_concurrency": 20},
            }
        },
        "aws_dynamodb_table": {"records": {"name": "records", "billing_mode": "PAY_PER_REQUEST"}},
        "aws_s3_bucket": {"archive": {"bucket": "archive"}},
        "aws_cloudwatch_event_bus": {"bus": {"name": "bus"}},
    }
}


class Observed:
    """Stands in for the running functions, with numbers that are easy to reckon with."""

    def __init__(self, message_bytes=3_000):
        self.message_bytes = message_bytes

    def ingestion(self):
        return Usage(
            in_order=["SendMessage"],
            message_bytes=[self.message_bytes],
            grouped_messages=1,
            log_bytes=1_000,
            metrics={"Webhooks service=ingestion Accepted"},
            answer_bytes=500,
        )

    def processing(self, batch):
        events = -(-batch // 10)
        fresh = Usage(
            in_order=["PutObject", "PutItem"] * batch + ["PutEvents"] * events + ["UpdateItem"] * batch,
            table_write_units=2 * batch,
            index_write_units=2 * batch,
            stored_item_bytes=1_024 * batch,
            objects=[1_024] * batch,
            event_bytes=[500] * batch,
            log_bytes=500 * batch,
            metrics={"Webhooks service=work Routed"},
        )
        again = Usage(
            in_order=["PutObject", "PutItem"] * batch,
            table_write_units=batch,
            stored_item_bytes=1_024 * batch,
            log_bytes=500 * batch,
        )
        return fresh, again


def stack(**added):
    """Return the stack with resources added or changed: ``aws_type__id={…}``, None to remove one."""
    document = copy.deepcopy(DOCUMENT)
    for name, values in added.items():
        type_, id_ = name.split("__")
        found = document["resource"].setdefault(type_, {})
        if values is None:
            del found[id_]
        else:
            found[id_] = {**found.get(id_, {}), **values}
    return Stack(document)


def direct_stack():
    """Return the stack with an ingest queue, which API Gateway writes to and ingestion verifies."""
    return stack(
        aws_sqs_queue__ingest={"name": "ingest", "visibility_timeout_seconds": 300},
        aws_sqs_queue_redrive_policy__ingest={
            "queue_url": "${aws_sqs_queue.ingest.id}",
            "redrive_policy": '{"deadLetterTargetArn":"${aws_sqs_queue.given_up.arn}","maxReceiveCount":12}',
        },
        aws_sqs_queue__given_up={"name": "given-up"},
        aws_lambda_event_source_mapping__ingest={
            "event_source_arn": "${aws_sqs_queue.ingest.arn}",
            "function_name": "${aws_lambda_function.ingestion.arn}",
            "batch_size": 10,
            "scaling_config": {"maximum_concurrency": 50},
        },
        aws_api_gateway_integration__post={
            "type": "AWS",
            "uri": "arn:aws:apigateway:us-east-1:sqs:path/123456789012/${aws_sqs_queue.ingest.name}",
        },
    )


def bill(stack_=None, *, rate=1.0, size=1_024, observed=None, archive=None, assume=ASSUMPTIONS, **workload):
    """Return the bill of a stack under a load."""
    return bill_of(
        stack_ or stack(),
        Workload(rate=rate, size=size, **workload),
        observer=observed or Observed(),
        prices=load(),
        assume=assume,
        archive=archive,
    )


def entry(of, what):
    """Return an entry of a bill."""
    found = [each for each in of.entries if each.line.what == what]
    assert len(found) == 1, f"one entry {what!r} expected; there are: {sorted(each.line.what for each in of.entries)}"
    return found[0]
