"""What a second plan over the local AWS would change although nothing changed, and why."""

from collections.abc import Mapping
from typing import Any

DIFFERENCES = {
    # MiniStack's DescribeAlarms leaves these attributes out of the XML answers that the provider reads;
    # `test_alarms_are_stored_as_planned` reads the same alarms over the other protocol, where they are complete.
    "aws_cloudwatch_metric_alarm": {
        "actions_enabled",
        "alarm_actions",
        "alarm_description",
        "dimensions",
        "ok_actions",
        "period",
        "statistic",
        "treat_missing_data",
    },
    # MiniStack keeps an endpoint's policy, private names and security groups to itself, in every protocol.
    "aws_vpc_endpoint": {"policy", "private_dns_enabled", "security_group_ids"},
    # It answers with the rule that AWS gives a new group although the provider took it back, and without prefix lists.
    "aws_security_group": {"egress"},
    # It answers with an empty quota where there is none.
    "aws_api_gateway_usage_plan": {"quota_settings"},
}


def split(plan: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return the addresses whose changes are the emulator's doing, and all others with actions and attributes."""
    explained = []
    unexplained = {}
    for change in plan["resource_changes"]:
        actions = change["change"]["actions"]
        if actions == ["no-op"]:
            continue
        before, after = change["change"]["before"] or {}, change["change"]["after"] or {}
        kind = change["type"]
        # What AWS only says afterwards is not known to differ.
        known_later = {
            name for name, unknown in (change["change"].get("after_unknown") or {}).items() if unknown is True
        }
        differing = {
            name for name in {*before, *after} if _trimmed(before, name) != _trimmed(after, name)
        } - known_later
        unknown = differing - DIFFERENCES.get(kind, set())
        if actions == ["update"] and not unknown:
            explained.append(change["address"])
        else:
            unexplained[change["address"]] = (actions, sorted(unknown))
    return explained, unexplained


def _trimmed(attributes: Mapping[str, Any], name: str) -> Any:
    """Return an attribute without the newline at the end of a text.

    MiniStack answers with a redrive policy as it was sent. SQS writes it anew, with a number where a text was sent:
    https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/sqs_queue
    """
    value = attributes.get(name)
    return value.rstrip("\n") if isinstance(value, str) else value
