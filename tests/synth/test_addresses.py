"""The Terraform addresses of everything that holds data.

Terraform knows a resource by its address. Under another address it is another resource: the next apply DESTROYS the old
one, with all that it holds, and creates an empty one. Before a line of this table changes, the state of every
deployed environment has to be moved (``moved`` blocks, or ``terraform state mv``).
"""

import re

import pytest

from modules.constructs.pinning import pin
from modules.settings.presets import PRESETS
from modules.synth import cdk
from tests.synth.bare import bare_stack, synthesize
from tests.synth.template import NAME_ATTRIBUTES

# In every preset, whatever else it changes: so no change of a preset, or of code for one, replaces what holds data.
PINNED = {
    # Terraform address                      what it is called in AWS, but for the environment
    "aws_dynamodb_table.storage_table": "webhook-records",
    "aws_s3_bucket.storage_bucket": "webhook-archive-<account_id>",
    "aws_sqs_queue.queues_main": "webhook-queue",
    "aws_sqs_queue.queues_dead_letter": "webhook-dlq",
    "aws_cloudwatch_event_bus.routing_bus": "webhook-events",
    "aws_cloudwatch_event_archive.routing_archive": "webhook-events",
}
PINNED_OF_A_PROVIDER = {
    "stripe": ("aws_secretsmanager_secret.secrets_stripe", "webhook-secret-stripe"),
    "github": ("aws_secretsmanager_secret.secrets_github", "webhook-secret-github"),
    "standard-webhooks": ("aws_secretsmanager_secret.secrets_standard-webhooks", "webhook-secret-standard_webhooks"),
    "generic": ("aws_secretsmanager_secret.secrets_generic", "webhook-secret-generic"),
    "generic-timestamped": (
        "aws_secretsmanager_secret.secrets_generic-timestamped",
        "webhook-secret-generic_timestamped",
    ),
}
PINNED_OF_DIRECT_INTEGRATION = {
    "aws_sqs_queue.inbox_queue": "webhook-inbox",
    "aws_sqs_queue.inbox_dead_letter": "webhook-inbox-dlq",
}
PINNED_OF_A_SUBSCRIBER = {
    "ledger": {
        "aws_sqs_queue.subscribers_ledger":             "webhook-subscriber-queue-ledger",
        "aws_sqs_queue.subscribers_ledger_dead_letter": "webhook-subscriber-dlq-ledger",
        "aws_sqs_queue.subscribers_ledger_undelivered": "webhook-subscriber-undelivered-ledger",
    },
}  # fmt: skip
FOUR = ("stripe", "github", "standard-webhooks", "generic")
DEPLOYED = {
    # preset      providers, subscribers
    "standard": (FOUR, ()),
    "ordered":  (FOUR, ("ledger",)),
    "burst":    (("generic", "generic-timestamped"), ()),
}  # fmt: skip
DATA_TYPES = {address.split(".")[0] for address in PINNED} | {"aws_secretsmanager_secret"}
# Terraform types that hold something and are none of ours yet: one that appears needs a line above.
OTHER_DATA_TYPES = {
    "aws_db_instance",
    "aws_dynamodb_global_table",
    "aws_dynamodb_table_item",
    "aws_efs_file_system",
    "aws_kinesis_stream",
    "aws_kms_key",
    "aws_s3_object",
    "aws_secretsmanager_secret_version",
    "aws_ssm_parameter",
}


def table_of(preset):
    """Return the table for a preset: address to name."""
    providers, subscribers = DEPLOYED[preset]
    table = PINNED | dict(PINNED_OF_A_PROVIDER[provider] for provider in providers)
    for subscriber in subscribers:
        table |= PINNED_OF_A_SUBSCRIBER[subscriber]
    return table | PINNED_OF_DIRECT_INTEGRATION if preset == "burst" else table


@pytest.mark.parametrize("name", DEPLOYED)
def test_what_holds_data_keeps_its_address_in_every_preset(preset_of, name):
    # A FIFO queue's name has a suffix more; its address has not.
    template = preset_of(name)
    data = [resource for resource in template.resources() if resource.type in DATA_TYPES]

    addresses = {resource.address: resource.name.removesuffix(".fifo").removesuffix(f"-{name}") for resource in data}

    assert addresses == table_of(name)


def test_the_tables_know_every_preset():
    assert set(DEPLOYED) == set(PRESETS)


def test_subscribers_queues_have_the_same_addresses_whatever_their_kind(ordered, synthesize):
    standard = synthesize(values={"routing": {"subscribers": {"ledger": "stripe"}}})

    def queues(template):
        return {resource.address for resource in template.all("aws_sqs_queue")}

    assert queues(standard) == queues(ordered)


def test_nothing_else_holds_data(any_stack):
    unlisted = {resource.type for resource in any_stack.resources()} & OTHER_DATA_TYPES

    assert unlisted == set()


def test_no_address_of_the_table_depends_on_a_construct_path(any_stack):
    # CDKTF's own ids end with a hash of the path, so that moving a construct would change them.
    hashed = [
        resource.address
        for resource in any_stack.resources()
        if resource.type in DATA_TYPES and re.search(r"_[0-9A-F]{8}$", resource.id)
    ]

    assert hashed == []


def test_every_environment_has_the_same_addresses(template, production):
    def data(of):
        return {resource.address for resource in of.resources() if resource.type in DATA_TYPES}

    assert data(production) == data(template)


def test_what_holds_data_has_a_name_by_which_it_is_found(template):
    unnamed = DATA_TYPES - set(NAME_ATTRIBUTES)

    assert unnamed == set()


def pinned(read_before):
    """Pin a resource; return the address that came of it, or why that was refused."""
    stack = bare_stack()
    topic = cdk.SnsTopic(stack, "topic", name="t")
    if read_before:
        cdk.TerraformOutput(stack, "arn", value=topic.arn)
    try:
        pin(topic, "pinned")
    except Exception as refusal:
        return str(refusal)
    return synthesize(stack).one("aws_sns_topic").address


def test_pinning_takes_effect():
    assert pinned(read_before=False) == "aws_sns_topic.pinned"


def test_pinning_that_comes_too_late_says_so():
    # CDKTF settles the address when an attribute is read first, and ignores an id that comes later.
    outcome = pinned(read_before=True)

    assert outcome == "aws_sns_topic.pinned" or "pinned" in outcome
