"""What is left in an account."""

from tools.local.aws import LocalAws

# Kind to service, operation, member of the answer, and the item's name.
KINDS = {
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
    "usage plans": ("apigateway", "get_usage_plans", "items", "name"),
    "API keys": ("apigateway", "get_api_keys", "items", "name"),
    "endpoints": ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "ServiceName"),
    "security groups": ("ec2", "describe_security_groups", "SecurityGroups", "GroupName"),
}


def left_behind(aws: LocalAws) -> dict[str, list[str]]:
    """Return what bears this project's name in an account, kind by kind, without kinds of which nothing is left."""
    left = {}
    for kind, (service, operation, member, name) in KINDS.items():
        found = getattr(aws.client(service), operation)().get(member, [])
        names = [str(item if name is None else item.get(name)) for item in found]
        left[kind] = [item for item in names if "webhook" in item.lower()]
    left["networks"] = [
        vpc["VpcId"] for vpc in aws.client("ec2").describe_vpcs()["Vpcs"] if not vpc.get("IsDefault", False)
    ]
    return {kind: names for kind, names in left.items() if names}
