"""A second plan, of a stack that is deployed, by real Terraform with the real AWS provider."""

import json

from modules.constructs.naming import DELIVERY_PREFIX
from tests import emulator
from tools.local.stack import LocalStack


def test_a_second_plan_has_nothing_to_do(deployed, report):
    # Whatever it would change is the emulator's doing, attribute by attribute
    explained, unexplained = emulator.split(deployed)
    report(f"standard: second plan: {len(explained)} alarms differ because MiniStack's XML leaves attributes out")
    assert unexplained == {}


def test_alarms_are_stored_as_planned(stack: LocalStack, deployed):
    planned = {
        change["change"]["after"]["alarm_name"]: change["change"]["after"]
        for change in deployed["resource_changes"]
        if change["type"] == "aws_cloudwatch_metric_alarm"
    }

    pages = stack.aws.client("cloudwatch").get_paginator("describe_alarms").paginate()
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    # The delivery stack is deployed beside it.
    stored = {alarm["AlarmName"]: alarm for alarm in found if not alarm["AlarmName"].startswith(DELIVERY_PREFIX)}

    assert stored.keys() == planned.keys()
    for name, plan in planned.items():
        alarm = stored[name]
        assert alarm["ActionsEnabled"] is True
        assert alarm["AlarmActions"] == plan["alarm_actions"] == [stack.outputs["alarm_topic_arn"]]
        assert alarm["OKActions"] == plan["ok_actions"]
        assert alarm["AlarmDescription"] == plan["alarm_description"]
        assert alarm["TreatMissingData"] == plan["treat_missing_data"]
        assert (alarm["TreatMissingData"] == "breaching") == name.startswith(
            ("webhook-silent-", "webhook-not-reconciled-", "webhook-statement-missing-")
        )
        if not plan["metric_query"]:
            assert (alarm["Period"], alarm["Statistic"]) == (plan["period"], plan["statistic"])
            assert {item["Name"]: item["Value"] for item in alarm["Dimensions"]} == plan["dimensions"]


def test_neither_plan_nor_state_holds_a_secret(stack: LocalStack, deployed):
    state = stack.workspace.run("state", "pull")
    plan = json.dumps(deployed)

    for provider, secret in stack.secrets.items():
        assert secret not in state, provider
        assert secret not in plan, provider
    assert '"aws_secretsmanager_secret_version"' not in state
