"""What the parts of the environment dev are called, as `Template.meaning` says it."""

# Name in AWS, and folder in lambdas/.
FUNCTIONS = {
    "webhook-ingestion-dev": "ingestion",
    "webhook-processing-dev": "processing",
    "webhook-status-dev": "status",
    "webhook-dead-letter-dev": "dead_letter",
    "webhook-replay-dev": "replay",
    "webhook-operator-dev": "operator",
}
PROVIDERS = ("stripe", "github", "standard-webhooks", "generic")

TABLE = "aws_dynamodb_table[webhook-records-dev]"
BUCKET = "aws_s3_bucket[webhook-archive-<account_id>-dev]"
QUEUE = "aws_sqs_queue[webhook-queue-dev]"
DLQ = "aws_sqs_queue[webhook-dlq-dev]"
BUS = "aws_cloudwatch_event_bus[webhook-events-dev]"
API = "aws_api_gateway_rest_api[webhook-api-dev]"
TOPIC = "aws_sns_topic[webhook-alarms-dev]"


def of(resource: str, provider: str) -> str:
    """Return the name of a resource of a provider, whose hyphens are underscores in names."""
    return f"webhook-{resource}-{provider.replace('-', '_')}-dev"


def secret(provider: str) -> str:
    """Return the label of a provider's signing secret."""
    return f"aws_secretsmanager_secret[{of('secret', provider)}]"


def function(name: str) -> str:
    """Return the label of a function."""
    return f"aws_lambda_function[{name}]"
