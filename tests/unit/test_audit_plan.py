"""A plan read: what is known after apply, modules, what is no plan at all."""

import copy

import pytest

from modules.rules.queues import redrives
from modules.terraform_json.document import Document
from modules.terraform_json.plan import PlanError
from modules.terraform_json.plan import read as read_plan
from modules.terraform_json.statements import policies
from tests.unit.audit_stack import good, plan_of, read
from tools.audit.model.alarms import alarms
from tools.audit.model.words import sentence
from tools.audit.summary import summarize


def by_address(plan: Document, address: str):
    return next(item for item in plan.resources() if item.address == address)


@pytest.mark.parametrize("document", [None, [], {}, {"resource_changes": []}, "plan"])
def test_what_is_no_plan_is_refused(document):
    with pytest.raises(PlanError, match="terraform show -json"):
        read_plan(document)


@pytest.mark.parametrize("flaw", [{"errored": True}, {"complete": False}])
def test_a_plan_that_is_not_whole_is_refused(flaw):
    with pytest.raises(PlanError, match="whole"):
        read(good(), **flaw)


def test_what_is_known_after_apply_is_a_reference_to_its_resource():
    plan = read(good())

    mapping = by_address(plan, "aws_lambda_event_source_mapping.main")

    assert mapping.get("event_source_arn") == "${aws_sqs_queue.main.arn}"
    assert plan.find(mapping.get("event_source_arn")) is by_address(plan, "aws_sqs_queue.main")


def test_a_reference_to_what_the_source_says_reads_as_that():
    plan = read(good())

    assert by_address(plan, "aws_iam_role_policy.processing").get("role") == "webhook-processing-dev"


def test_a_name_with_the_account_in_it_is_the_same_in_every_account():
    plan = read(good())

    bucket = by_address(plan, "aws_s3_bucket.archive")

    assert plan.plain(bucket.name) == "webhook-archive-<account>-dev"


@pytest.mark.parametrize("said_by", ["a resource of its own", "the queue", "both"])
def test_a_queues_dead_letter_queue_is_known_whoever_says_it(said_by):
    # Given a stack in which it is said by one of them; AWS says of every deployed queue what it has, as an ARN
    stack = good()
    if said_by == "the queue":
        stack["aws_sqs_queue.main"]["redrive_policy"] = stack.pop("aws_sqs_queue_redrive_policy.main")["redrive_policy"]
    document = plan_of(stack)
    if said_by == "both":
        (main,) = (each for each in document["resource_changes"] if each["address"] == "aws_sqs_queue.main")
        policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:1:webhook-dlq-dev.fifo"}'
        main["change"]["after"]["redrive_policy"] = policy

    # Then
    plan = read_plan(document)
    assert [(each.source, each.dead_letter) for each in redrives(plan)] == [
        (by_address(plan, "aws_sqs_queue.main"), by_address(plan, "aws_sqs_queue.dead"))
    ]


def test_a_plan_of_a_deployed_stack_reads_like_the_first():
    # Given the same source, and a plan in which AWS has said what was unknown before
    first = plan_of(good())
    later = copy.deepcopy(first)
    for change in later["resource_changes"]:
        after = change["change"]["after"]
        change["change"] |= {"actions": ["no-op"], "before": after}
        if change["type"] == "aws_sqs_queue":
            after |= {"arn": f"arn:aws:sqs:us-east-1:1:{after['name']}", "id": "https://sqs/1", "url": "https://sqs/1"}
            after["policy"] = '{"Statement":{"Sid":"Read","Effect":"Allow","Action":"sqs:*","Principal":"*"}}'
            after["redrive_policy"] = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:1:webhook-dlq-dev.fifo"}'
        if change["type"] == "aws_lambda_event_source_mapping":
            after["event_source_arn"] = "arn:aws:sqs:us-east-1:1:webhook-queue-dev.fifo"
        if change["type"] == "aws_iam_role":
            after["inline_policy"] = [{"name": "read", "policy": '{"Statement":{"Effect":"Allow","Action":"sqs:*"}}'}]
            after["managed_policy_arns"] = ["arn:aws:iam::aws:policy/ReadBack"]
        if change["type"] == "aws_iam_role_policy":
            after["policy"] = '{"Statement":[]}'

    # Then
    assert summarize(read_plan(later)) == summarize(read_plan(first))


def test_a_stack_that_is_used_as_a_module_reads_like_one_that_is_not():
    # Given the stack as a module of another, which gives it a name for a queue
    inner = plan_of(good())
    outer = copy.deepcopy(inner)
    module = outer["configuration"]["root_module"]
    for resource in module["resources"]:
        if resource["address"] == "aws_sqs_queue.main":
            resource["expressions"]["name"] = {"references": ["var.queue"]}
    module["variables"] = {"queue": {}}
    calls = {"webhooks": {"module": module, "expressions": {"queue": {"constant_value": "webhook-queue-dev.fifo"}}}}
    outer["configuration"]["root_module"] = {"module_calls": calls}
    for change in outer["resource_changes"]:
        change |= {"address": f"module.webhooks.{change['address']}", "module_address": "module.webhooks"}
    before = outer["prior_state"]["values"]["root_module"].pop("resources")
    outer["prior_state"]["values"]["root_module"]["child_modules"] = [
        {
            "address": "module.webhooks",
            "resources": [{**item, "address": f"module.webhooks.{item['address']}"} for item in before],
        }
    ]

    # When
    plan = read_plan(outer)

    # Then
    def everything_said(plan: Document) -> list[str]:
        return sorted(sentence(plan, policy, item) for policy in policies(plan) for item in policy.statements)

    assert everything_said(plan) == everything_said(read_plan(inner))
    (redrive,) = redrives(plan)
    assert redrive.source.name == "webhook-queue-dev.fifo"
    assert redrive.dead_letter is by_address(plan, "module.webhooks.aws_sqs_queue.dead")


def test_what_a_module_is_given_is_what_it_refers_to():
    # Given a module whose alarms tell a topic that whoever calls it has
    inner = plan_of(good())
    module = inner["configuration"]["root_module"]
    for resource in module["resources"]:
        if resource["type"] == "aws_cloudwatch_metric_alarm":
            resource["expressions"]["alarm_actions"] = {"constant_value": ["${var.topic}"], "references": ["var.topic"]}
    for change in inner["resource_changes"]:
        change |= {"address": f"module.webhooks.{change['address']}", "module_address": "module.webhooks"}
    outer = plan_of({"aws_sns_topic.ours": {"name": "ours"}})
    outer["resource_changes"] += inner["resource_changes"]
    outer["configuration"]["root_module"]["module_calls"] = {
        "webhooks": {
            "module": module,
            "expressions": {"topic": {"references": ["aws_sns_topic.ours.arn", "aws_sns_topic.ours"]}},
        }
    }

    # Then
    assert {alarm.notifies for alarm in alarms(read_plan(outer))} == {("topic ours",)}


def test_blocks_that_terraform_sorts_keep_their_own_references():
    # Given an alarm whose two metrics Terraform lists in another order than the source
    stack = good()
    alarm = stack["aws_cloudwatch_metric_alarm.age"]
    metrics = [
        {
            "id": name,
            "metric": [{"namespace": "N", "metric_name": name, "dimensions": {"Q": f"${{aws_sqs_queue.{name}.url}}"}}],
        }
        for name in ("main", "dead")
    ]
    alarm |= {"metric_query": metrics}
    document = plan_of(stack)
    for change in document["resource_changes"]:
        if change["address"] == "aws_cloudwatch_metric_alarm.age":
            change["change"]["after"]["metric_query"].reverse()

    # When
    plan = read_plan(document)

    # Then
    found = next(item for item in alarms(plan) if item.resource.name == "webhook-age-dev")
    assert {(metric.name, metric.subjects) for metric in found.metrics if metric.name.startswith("N ")} == {
        ("N main", ("${aws_sqs_queue.main.url}",)),
        ("N dead", ("${aws_sqs_queue.dead.url}",)),
    }


def test_a_resource_that_goes_is_not_taken_for_one_that_stays():
    plan = read_plan(plan_of(good(), {"aws_s3_bucket.archive": ["delete"]}))

    assert "aws_s3_bucket.archive" not in {item.address for item in plan.resources()}
    assert "aws_s3_bucket.archive" in {item.address for item in plan.leaving}
