"""``terraform destroy`` leaves nothing behind."""

import pytest

from tools.downstream import QUEUE_NAME

LEFT = {
    "functions": ("lambda", "list_functions", "Functions", "FunctionName"),
    "tables": ("dynamodb", "list_tables", "TableNames", None),
    "buckets": ("s3", "list_buckets", "Buckets", "Name"),
    "queues": ("sqs", "list_queues", "QueueUrls", None),
    "secrets": ("secretsmanager", "list_secrets", "SecretList", "Name"),
    "APIs": ("apigateway", "get_rest_apis", "items", "name"),
    "buses": ("events", "list_event_buses", "EventBuses", "Name"),
    "archives": ("events", "list_archives", "Archives", "ArchiveName"),
    "topics": ("sns", "list_topics", "Topics", "TopicArn"),
    "alarms": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "dashboards": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "log groups": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "roles": ("iam", "list_roles", "Roles", "RoleName"),
}


@pytest.mark.destroys_the_stack
def test_destroy_leaves_an_empty_account(stack, downstream):
    # Given what the tests made themselves taken away
    downstream.unsubscribe()

    # When
    stack.workspace.destroy()

    # Then
    left = {}
    for kind, (service, operation, member, name) in LEFT.items():
        found = getattr(stack.aws.client(service), operation)().get(member, [])
        names = [item if name is None else item[name] for item in found]
        left[kind] = [item for item in names if "webhook" in item.lower()]
    assert left == {kind: [] for kind in LEFT}
    assert QUEUE_NAME not in str(stack.aws.client("sqs").list_queues().get("QueueUrls", []))
