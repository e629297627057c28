"""Types of resource that cost nothing by themselves, each with the reason."""

from collections.abc import Mapping

_PART_OF_API = "a part of the API, which is paid by request"
_IAM = "IAM is free"
_VPC = "VPC, subnets, routes and security groups are free"
_QUEUE = "a part of its queue, which is paid by request"
_BUCKET = "a part of its bucket, which is paid by request and storage"

FREE: Mapping[str, str] = {
    "aws_api_gateway_account": _PART_OF_API,
    "aws_api_gateway_api_key": _PART_OF_API,
    "aws_api_gateway_deployment": _PART_OF_API,
    "aws_api_gateway_gateway_response": _PART_OF_API,
    "aws_api_gateway_integration": _PART_OF_API,
    "aws_api_gateway_integration_response": _PART_OF_API,
    "aws_api_gateway_method": _PART_OF_API,
    "aws_api_gateway_method_response": _PART_OF_API,
    "aws_api_gateway_request_validator": _PART_OF_API,
    "aws_api_gateway_resource": _PART_OF_API,
    "aws_api_gateway_usage_plan": _PART_OF_API,
    "aws_api_gateway_usage_plan_key": _PART_OF_API,
    "aws_cloudwatch_event_rule": "EventBridge charges for events, not for rules",
    "aws_default_security_group": _VPC,
    "aws_iam_role": _IAM,
    "aws_iam_role_policy": _IAM,
    "aws_iam_role_policy_attachment": _IAM,
    "aws_lambda_function_event_invoke_config": "a part of its function",
    "aws_lambda_permission": "a part of its function",
    "aws_route_table": _VPC,
    "aws_route_table_association": _VPC,
    "aws_s3_bucket_policy": _BUCKET,
    "aws_s3_bucket_public_access_block": _BUCKET,
    "aws_s3_bucket_server_side_encryption_configuration": "encryption under S3's own keys is free",
    "aws_s3_bucket_versioning": "no payload is overwritten, so that there are no older versions",
    "aws_security_group": _VPC,
    "aws_sns_topic_policy": "a part of its topic",
    "aws_sqs_queue_policy": _QUEUE,
    "aws_sqs_queue_redrive_allow_policy": _QUEUE,
    "aws_sqs_queue_redrive_policy": _QUEUE,
    "aws_subnet": _VPC,
    "aws_vpc": _VPC,
    "aws_vpc_security_group_ingress_rule": _VPC,
}
