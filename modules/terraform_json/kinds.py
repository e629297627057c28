"""What Terraform's resource types are called in words, which attribute holds AWS's name, and which types hold data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A resource type in words.

    Attributes
    ----------
    service : str
        The AWS service.
    noun : str
        What one of them is called.
    name : str
        The attribute with its name in AWS; empty where it has none of its own.
    arn : str
        Form of its ARN behind the partition, with ``{name}``; empty where no statement names it.
    """

    service: str
    noun: str
    name: str = ""
    arn: str = ""


# Types whose resources hold data, which is lost with them.
HOLDS_DATA = (
    "aws_cloudwatch_event_archive",
    "aws_cloudwatch_event_bus",
    "aws_dynamodb_table",
    "aws_kms_key",
    "aws_s3_bucket",
    "aws_secretsmanager_secret",
    "aws_sqs_queue",
)
_HERE = "{region}:{account}"
KINDS = {
    "aws_api_gateway_account": Kind("API Gateway", "log role of account and region"),
    "aws_api_gateway_api_key": Kind("API Gateway", "API key", "name"),
    "aws_api_gateway_authorizer": Kind("API Gateway", "authorizer", "name"),
    "aws_api_gateway_deployment": Kind("API Gateway", "deployment"),
    "aws_api_gateway_gateway_response": Kind("API Gateway", "gateway response", "response_type"),
    "aws_api_gateway_integration": Kind("API Gateway", "integration"),
    "aws_api_gateway_method": Kind("API Gateway", "method"),
    "aws_api_gateway_method_settings": Kind("API Gateway", "method settings", "method_path"),
    "aws_api_gateway_request_validator": Kind("API Gateway", "request validator", "name"),
    "aws_api_gateway_resource": Kind("API Gateway", "path", "path_part"),
    "aws_api_gateway_rest_api": Kind("API Gateway", "API", "name", f"execute-api:{_HERE}:0a1b2c3d4e"),
    "aws_api_gateway_stage": Kind("API Gateway", "stage", "stage_name"),
    "aws_api_gateway_usage_plan": Kind("API Gateway", "usage plan", "name"),
    "aws_api_gateway_usage_plan_key": Kind("API Gateway", "key of a usage plan"),
    "aws_cloudwatch_composite_alarm": Kind("CloudWatch", "composite alarm", "alarm_name"),
    "aws_cloudwatch_dashboard": Kind("CloudWatch", "dashboard", "dashboard_name"),
    "aws_cloudwatch_event_archive": Kind("EventBridge", "archive", "name"),
    "aws_cloudwatch_event_bus": Kind("EventBridge", "event bus", "name", f"events:{_HERE}:event-bus/{{name}}"),
    "aws_cloudwatch_event_rule": Kind("EventBridge", "rule", "name", f"events:{_HERE}:rule/{{name}}"),
    "aws_cloudwatch_event_target": Kind("EventBridge", "target"),
    "aws_cloudwatch_log_group": Kind("CloudWatch Logs", "log group", "name", f"logs:{_HERE}:log-group:{{name}}"),
    "aws_cloudwatch_metric_alarm": Kind("CloudWatch", "alarm", "alarm_name"),
    "aws_db_instance": Kind("RDS", "database", "identifier"),
    "aws_default_security_group": Kind("VPC", "default security group"),
    "aws_docdb_cluster": Kind("DocumentDB", "cluster", "cluster_identifier"),
    "aws_dynamodb_table": Kind("DynamoDB", "table", "name", f"dynamodb:{_HERE}:table/{{name}}"),
    "aws_iam_policy": Kind("IAM", "policy", "name", "iam::{account}:policy/{name}"),
    "aws_iam_role": Kind("IAM", "role", "name", "iam::{account}:role/{name}"),
    "aws_iam_role_policy": Kind("IAM", "policy of a role", "name"),
    "aws_iam_role_policy_attachment": Kind("IAM", "attachment of a managed policy"),
    "aws_kms_key": Kind("KMS", "key", "", f"kms:{_HERE}:key/00000000-0000-0000-0000-000000000000"),
    "aws_lambda_event_source_mapping": Kind("Lambda", "event source mapping"),
    "aws_lambda_function": Kind("Lambda", "function", "function_name", f"lambda:{_HERE}:function:{{name}}"),
    "aws_lambda_layer_version": Kind("Lambda", "layer", "layer_name"),
    "aws_lambda_permission": Kind("Lambda", "permission to invoke", "statement_id"),
    "aws_neptune_cluster": Kind("Neptune", "cluster", "cluster_identifier"),
    "aws_rds_cluster": Kind("RDS", "cluster", "cluster_identifier"),
    "aws_redshift_cluster": Kind("Redshift", "cluster", "cluster_identifier"),
    "aws_route_table": Kind("VPC", "route table"),
    "aws_route_table_association": Kind("VPC", "route table of a subnet"),
    "aws_s3_bucket": Kind("S3", "bucket", "bucket", "s3:::{name}"),
    "aws_s3_bucket_lifecycle_configuration": Kind("S3", "lifecycle of a bucket"),
    "aws_s3_bucket_policy": Kind("S3", "policy of a bucket"),
    "aws_s3_bucket_public_access_block": Kind("S3", "public access block of a bucket"),
    "aws_s3_bucket_server_side_encryption_configuration": Kind("S3", "encryption of a bucket"),
    "aws_s3_bucket_versioning": Kind("S3", "versioning of a bucket"),
    "aws_secretsmanager_secret": Kind(
        "Secrets Manager", "secret", "name", f"secretsmanager:{_HERE}:secret:{{name}}-AbCdEf"
    ),
    "aws_security_group": Kind("VPC", "security group", "name"),
    "aws_sns_topic": Kind("SNS", "topic", "name", f"sns:{_HERE}:{{name}}"),
    "aws_sns_topic_policy": Kind("SNS", "policy of a topic"),
    "aws_sqs_queue": Kind("SQS", "queue", "name", f"sqs:{_HERE}:{{name}}"),
    "aws_sqs_queue_policy": Kind("SQS", "policy of a queue"),
    "aws_sqs_queue_redrive_allow_policy": Kind("SQS", "who may use a queue for dead letters"),
    "aws_sqs_queue_redrive_policy": Kind("SQS", "where a queue's dead letters go"),
    "aws_subnet": Kind("VPC", "subnet"),
    "aws_vpc": Kind("VPC", "VPC", "", f"ec2:{_HERE}:vpc/vpc-0123456789abcdef0"),
    "aws_vpc_endpoint": Kind("VPC", "endpoint", "service_name"),
    "aws_vpc_security_group_egress_rule": Kind("VPC", "egress rule"),
    "aws_vpc_security_group_ingress_rule": Kind("VPC", "ingress rule"),
}


def kind_of(type_: str) -> Kind:
    """Return a type in words; of one that the table lacks, what Terraform's name of it says."""
    if type_ in KINDS:
        return KINDS[type_]
    provider, _, rest = type_.removeprefix("data.").partition("_")
    service, _, noun = rest.partition("_")
    return Kind(service if provider == "aws" else provider, (noun or service).replace("_", " "), "name")
