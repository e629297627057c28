"""Mistakes with names and tags."""

from tests.synth.edits import TAGS
from tests.synth.mistakes.book import Book

book = Book()


@book.mistake("missing-tag", "queues/main", "no tag Service")
def tag_taken_out(edit):
    edit.at("queues/main")["tags"]["Service"] = None


@book.mistake("missing-tag", "storage/table", "no tag Environment, Service, ManagedBy")
def tags_overwritten(edit):
    edit.at("storage/table")["tags"] = {"Owner": "payments"}


@book.mistake("missing-tag", "fleet/status/function", "no tag Environment, Service, ManagedBy")
def resource_without_tags(edit):
    del edit.at("fleet/status/function")["tags"]


@book.mistake("missing-tag", "fleet/status/function", "tag Environment is prod, in the stack of dev", on_a_plan=False)
def tag_of_another_environment(edit):
    edit.at("fleet/status/function")["tags"]["Environment"] = "prod"


@book.mistake("missing-tag", "fleet/status/function", "its tags are an expression", on_a_plan=False)
def tags_that_nobody_can_read(edit):
    edit.at("fleet/status/function")["tags"] = "${merge(var.tags, {})}"


@book.right
def one_tag_more_and_another_service(edit):
    edit.at("storage/table")["tags"] = {
        "Environment": "dev",
        "Service": "ledger",
        "ManagedBy": "cdktf",
        "Owner": "payments",
    }


@book.mistake("name-suffix", "storage/table", "'webhook-records' and does not end in '-dev'")
def name_without_the_suffix(edit):
    edit.at("storage/table")["name"] = "webhook-records"


@book.mistake("name-suffix", "secrets/stripe", "'webhook-secret-stripe-prod' and does not end")
def name_of_another_environment(edit):
    edit.at("secrets/stripe")["name"] = "webhook-secret-stripe-prod"


@book.mistake("name-suffix", "monitoring/queue-age", "alarm_name is 'queue-age'")
def alarm_without_the_suffix(edit):
    edit.at("monitoring/queue-age")["alarm_name"] = "queue-age"


@book.mistake("name-suffix", "jobs", "has no name, so that one is made up", on_a_plan=False)
def queue_without_a_name(edit):
    edit.queue("jobs", name=None)


@book.mistake("name-suffix", "storage/bucket", "bucket is 'webhook-archive-")
def bucket_without_the_suffix(edit):
    edit.at("storage/bucket")["bucket"] = "webhook-archive-${data.aws_caller_identity.account.account_id}"


@book.mistake("name-suffix", "vpc", "the tag Name is 'webhooks'")
def tag_name_without_the_suffix(edit):
    edit.add("aws_vpc", "vpc", tags={**TAGS, "Name": "webhooks"})


@book.mistake("name-suffix", "routing/archive", "'webhook-archive-${var.environment}'", on_a_plan=False)
def name_that_nobody_can_read(edit):
    edit.at("routing/archive")["name"] = "webhook-archive-${var.environment}"


@book.right
def fifo_queue_with_the_suffix_before_fifo(edit):
    edit.queue("jobs", name="webhook-jobs-dev.fifo", fifo_queue=True)


@book.right
def name_taken_from_another_resource(edit):
    edit.at("fleet/status/policy")["name"] = edit.ref("fleet/status/function", "function_name")


NAMED_BY_ANOTHER = ("aws_api_gateway_model", "aws_lambda_alias", "aws_route53_record", "aws_route53_zone")
for type_ in NAMED_BY_ANOTHER:
    book.right(lambda edit, type_=type_: named(edit, type_, "name", "live"), name=f"{type_} has no name of its own")
NAMED_BY = {
    "aws_cloudwatch_composite_alarm": "alarm_name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_db_instance": "identifier",
    "aws_iam_group": "name",
    "aws_lambda_layer_version": "layer_name",
    "aws_rds_cluster": "cluster_identifier",
}
for type_, attribute in NAMED_BY.items():
    book.mistake("name-suffix", "named", f"{attribute} is 'live' and does not end", name=f"name of {type_}")(
        lambda edit, type_=type_, attribute=attribute: named(edit, type_, attribute, "live")
    )


def named(edit, type_, attribute, name):
    """Add a resource of a type that the standard stack may lack, with its name."""
    edit.arguments = {**edit.arguments, type_: frozenset({attribute})}
    edit.add(type_, "named", **{attribute: name, "storage_encrypted": True})


@book.mistake(
    "equal-names", "jobs", "name is 'webhook-queue-dev', as that of webhooks-dev/queues/main", on_a_plan=False
)
def queue_with_the_name_of_another(edit):
    edit.queue("jobs", name="webhook-queue-dev")


@book.mistake(
    "equal-names",
    "jobs",
    "name is 'webhook-status-dev', as that of webhooks-dev/fleet/status/role",
    on_a_plan=False,
)
def role_with_the_name_of_another_in_another_region(edit):
    edit.document["provider"]["aws"].append({"alias": "eu", "region": "eu-west-1"})
    role = edit.at("fleet/status/role")
    edit.add("aws_iam_role", "jobs", **{name: role[name] for name in ("name", "assume_role_policy")}, provider="aws.eu")


@book.right
def queue_with_the_name_of_another_in_another_region_or_account(edit):
    edit.document["provider"]["aws"] += [
        {"alias": "eu", "region": "eu-west-1"},
        {"alias": "other", "region": "us-east-1", "profile": "other"},
    ]
    for alias in ("eu", "other"):
        edit.queue(alias, name="webhook-queue-dev", provider=f"aws.{alias}")
    edit.queue("by_region", name="webhook-queue-dev", region="eu-west-3")


@book.right
def rule_with_the_name_of_another_on_another_bus(edit):
    pattern = '{"source":["webhooks.stripe"]}'
    name = "webhook-events-stripe-dev"
    edit.add("aws_cloudwatch_event_rule", "rule", name=name, event_bus_name="other-dev", event_pattern=pattern)
