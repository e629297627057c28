"""The first plan of every reviewed stack, and of both stacks of an environment: what it does and what it shows."""

import json

import pytest

from tools.generate import reviewed_stacks
from tools.local.terraform import changes

STACKS = (*reviewed_stacks.NAMES, "local", "local-delivery")


@pytest.mark.parametrize("name", STACKS)
def test_a_first_plan_only_creates(plan_of, name):
    assert {tuple(actions) for actions in changes(plan_of(name)).values()} == {("create",)}


INBOUND = (
    *("ReadSigningSecrets", "SendToMainQueue", "WriteRecords", "PublishEvents", "FindRecords", "MarkRecords"),
    *("sqs:SendMessage", "events:PutEvents", "dynamodb:PutItem", "secretsmanager:GetSecretValue"),
)
DELIVERY = (
    *("KeepDeliveries", "FindTenantOfToken", "FindDue", "MoveDue", "RotateSigningKeys"),
    *("dynamodb:PartiQLUpdate", "sqs:SendMessage", "dynamodb:ConditionCheckItem"),
    *("MakeAndFindTenantsKeys", "FindPlans", "AddKeysToPlans", "apigateway:POST"),
)


@pytest.mark.parametrize(("name", "permissions"), [("standard", INBOUND), ("delivery", DELIVERY)])
def test_a_plan_names_every_permission_of_every_function(plan_of, name, permissions):
    shown = json.dumps([change["change"]["after"] for change in plan_of(name)["resource_changes"]])

    hidden = [text for text in permissions if f'"{text}"' not in shown.replace('\\"', '"')]
    assert hidden == [], "whoever reviews the plan does not see them"


@pytest.mark.parametrize(
    ("name", "bus"), [("delivery", "webhook-events-prod"), ("local-delivery", "webhook-events-local")]
)
def test_what_the_bus_delivers_is_known_without_the_inbound_stack(plan_of, name, bus):
    planned = [change["change"]["after"] for change in plan_of(name)["resource_changes"]]

    rules = [after for after in planned if after.get("event_pattern")]
    assert {rule["event_bus_name"] for rule in rules} == {bus}
    assert '"kind":"inbound"' in json.dumps(planned).replace("\\", "")
