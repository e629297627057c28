"""What holds for the whole stack: references, names, tags, deletion, outputs, state and region."""

import inspect
import json
import posixpath
import re
import sys
from functools import cache

import pytest

from lambdas import VERSION
from modules.settings.environments import build_settings
from modules.settings.presets import PRESETS
from modules.settings.validation import SettingsError
from tests.synth.labels import BUCKET, BUS, DLQ, FUNCTIONS, PROVIDERS, QUEUE, TABLE, TOPIC, of, secret
from tests.synth.template import NAME_ATTRIBUTES, UndeclaredError, texts
from tools import ROOT
from tools.generate import reviewed_stacks

# What Terraform computes instead of looking it up.
COMPUTED = {'replace(uuid(), "-", "")'}


def test_whatever_is_referred_to_is_declared(any_stack):
    expressions = {
        found for text in texts(any_stack.document) for found in re.findall(r"\$\{([^}]*)\}", text)
    } - COMPUTED
    undeclared = set()
    for expression in {*expressions, *(text for r in any_stack.resources() for text in r.get("depends_on", []))}:
        try:
            any_stack.target(expression)
        except UndeclaredError as error:
            undeclared.add(str(error))

    assert undeclared == set()
    assert "aws_sqs_queue.queues_main.arn" in expressions


def test_no_token_was_left_unresolved(any_stack):
    # What CDKTF's tokens look like when they are computed with instead of handed on; Velocity's #{else} is none.
    tokens = re.compile(r"TfToken|\$\{Token|#\{(?!(?:else|end)\})|e\+308|\[object|\bNaN\b|\bundefined\b")

    assert tokens.findall(json.dumps(any_stack.document)) == []


# Types whose resources take tags, of those that the stack has.
TAGGED = {
    "aws_api_gateway_api_key",
    "aws_api_gateway_domain_name",
    "aws_api_gateway_rest_api",
    "aws_api_gateway_stage",
    "aws_api_gateway_usage_plan",
    "aws_cloudwatch_event_bus",
    "aws_cloudwatch_event_rule",
    "aws_cloudwatch_log_group",
    "aws_cloudwatch_metric_alarm",
    "aws_default_security_group",
    "aws_dynamodb_table",
    "aws_iam_role",
    "aws_lambda_event_source_mapping",
    "aws_lambda_function",
    "aws_route_table",
    "aws_s3_bucket",
    "aws_secretsmanager_secret",
    "aws_security_group",
    "aws_sns_topic",
    "aws_sqs_queue",
    "aws_subnet",
    "aws_vpc",
    "aws_vpc_endpoint",
    "aws_vpc_security_group_ingress_rule",
}


def takes_tags():
    """Return Terraform type to whether the provider's bindings take tags for it, for all that the stack uses."""
    import modules.synth.cdk

    kinds = [
        kind
        for name, module in list(sys.modules.items())
        if name.startswith("cdktf_cdktf_provider_aws.") and name.count(".") == 1
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, modules.synth.cdk.TerraformResource)
    ]
    return {kind.TF_RESOURCE_TYPE: "tags" in inspect.signature(kind.__init__).parameters for kind in kinds}


def used_types(preset_of):
    return {resource.type for name in reviewed_stacks.NAMES for resource in preset_of(name).resources()}


def test_the_types_that_take_tags_are_those_of_the_provider(preset_of):
    of_the_provider = takes_tags()
    used = used_types(preset_of)

    assert {type_ for type_ in used if of_the_provider[type_]} == TAGGED


def test_every_resource_that_can_carries_the_common_tags(any_stack):
    common = {
        "Environment": any_stack.environment,
        "Service": "webhooks",
        "ManagedBy": "cdktf",
        "Version": VERSION,
    }

    tags = {
        resource.address: dict(resource.get("tags", {}))
        for resource in any_stack.resources()
        if resource.type in TAGGED
    }
    named = {
        resource.address for resource in any_stack.resources() if NAME_ATTRIBUTES.get(resource.type) == "tags.Name"
    }
    # Where AWS has no name but a tag, or shows the tag instead.
    others = {address: of.pop("Name", None) for address, of in tags.items()}

    assert tags == dict.fromkeys(tags, common)
    assert named <= {address for address, name in others.items() if name}


def test_environment_and_service_are_those_of_the_settings(synthesize):
    template = synthesize("prod", {"service": "payments"})

    tags = [resource["tags"] for resource in template.resources() if resource.type in TAGGED]

    expected = {"Environment": "prod", "Service": "payments", "ManagedBy": "cdktf", "Version": VERSION}
    assert tags == [expected for _ in tags]


UNNAMED = {
    "aws_api_gateway_account",
    "aws_api_gateway_base_path_mapping",
    "aws_api_gateway_deployment",
    "aws_api_gateway_gateway_response",
    "aws_api_gateway_integration",
    "aws_api_gateway_integration_response",
    "aws_api_gateway_method",
    "aws_api_gateway_method_response",
    "aws_api_gateway_method_settings",
    "aws_api_gateway_resource",
    "aws_api_gateway_stage",
    "aws_api_gateway_usage_plan_key",
    "aws_cloudwatch_event_target",
    "aws_iam_role_policy_attachment",
    "aws_lambda_event_source_mapping",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission",
    "aws_route_table_association",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
    "aws_sns_topic_policy",
    "aws_sqs_queue_policy",
    "aws_sqs_queue_redrive_allow_policy",
    "aws_sqs_queue_redrive_policy",
    "aws_vpc_security_group_ingress_rule",
}


# API Gateway gives this one its name, in which the API's own id stands.
NAMED_BY_AWS = {"API-Gateway-Execution-Logs_<id>/v1", "API-Gateway-Execution-Logs_<id>/live"}
# A domain's name is given from outside, and is one in the world.
NAMED_OUTSIDE = {"aws_api_gateway_domain_name"}


def names(template):
    return {
        (resource.type, resource.name)
        for resource in template.resources()
        if resource.type in NAME_ATTRIBUTES and resource.name not in NAMED_BY_AWS and resource.type not in NAMED_OUTSIDE
    }


def test_every_type_is_known_to_have_a_name_or_none(preset_of):
    assert used_types(preset_of) == {*NAME_ATTRIBUTES, *UNNAMED}


def test_every_resource_that_can_has_a_name_of_ours(any_stack):
    unnamed = [
        resource.address
        for resource in any_stack.resources()
        if resource.type in NAME_ATTRIBUTES and not resource.given_name
    ]

    assert unnamed == []


def not_ending_with(environment, template):
    """Return the names that end otherwise; that of a FIFO queue has to have a suffix more."""
    return {
        (type_, name)
        for type_, name in names(template)
        if not (name.removesuffix(".fifo") if type_ == "aws_sqs_queue" else name).endswith(f"-{environment}")
    }


def test_every_name_ends_with_the_environment(any_stack):
    assert not_ending_with(any_stack.environment, any_stack) == set()


def test_every_name_ends_with_an_environment_that_has_hyphens(synthesize):
    assert not_ending_with("eu-prod-1", synthesize("eu-prod-1")) == set()


# Two environments of one account, made so that a name of the one could be read as a name of the other.
NEIGHBOURS = [
    ("dev", "prod"),
    ("dev", "eu-dev"),
    ("dev", "dlq-dev"),
    ("dev", "x-dev"),
]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("one", "other"), NEIGHBOURS)
def test_two_environments_share_no_name(named_awkwardly, one, other, preset):
    if (preset, other) == ("burst", "dlq-dev"):
        # Its ingest queue would be called like the other's dead letter queue.
        with pytest.raises(SettingsError, match="environment: 'dlq-dev' is not allowed with"):
            named_awkwardly(other, preset)
        return
    assert names(named_awkwardly(one, preset)) & names(named_awkwardly(other, preset)) == set()


@pytest.fixture(scope="session")
def named_awkwardly(synthesize):
    """Return a function that synthesizes an environment with providers and subscribers of misleading names."""
    called = ("x", "x-eu", "eu", "dlq", "undelivered", "queue")

    def build(environment, preset):
        # Of one provider's events a rule has five targets at most.
        subscribers = {**dict.fromkeys(called, "x"), "x": "eu"}
        values = {"providers": dict.fromkeys(called, "generic"), "routing": {"subscribers": subscribers}}
        return synthesize(environment, {"preset": preset, **values})

    return cache(build)


def test_two_environments_watch_no_metric_in_common(template, production):
    # Otherwise the one's dead letters ring at the other's operators.
    def watched(of):
        return {
            (alarm["namespace"], alarm["metric_name"], json.dumps(of.meaning(alarm["dimensions"]), sort_keys=True))
            for alarm in of.all("aws_cloudwatch_metric_alarm")
            if "metric_name" in alarm.values
        }

    assert watched(template) & watched(production) == set()


def test_the_longest_names_are_within_what_aws_allows(synthesize):
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html and the services' own pages.
    limits = {
        "aws_s3_bucket": 63,
        "aws_lambda_function": 64,
        "aws_iam_role": 64,
        "aws_cloudwatch_event_rule": 64,
        "aws_cloudwatch_event_archive": 48,
        "aws_sqs_queue": 80,
        "aws_cloudwatch_metric_alarm": 255,
    }
    longest = {"providers": {"p" * 32: "generic"}, "routing": {"subscribers": {"s" * 32: "p" * 32}}}
    templates = [
        synthesize("e" * 16, {"preset": "ordered", **longest}),
        synthesize("e" * 16, {"preset": "burst", **longest}),
    ]

    too_long = [
        resource.label
        for template in templates
        for resource in template.resources()
        if len(resource.name.replace("<account_id>", "0" * 12)) > limits.get(resource.type, 255)
    ]

    assert too_long == []


def test_the_bucket_goes_with_its_objects(template):
    assert template.one("aws_s3_bucket")["force_destroy"] is True


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_secret_goes_at_once_so_that_its_name_is_free_again(template, provider):
    secret = template.one("aws_secretsmanager_secret", of("secret", provider))

    assert secret["recovery_window_in_days"] == 0


def test_nothing_refuses_to_go(template):
    kept = {
        (resource.address, attribute)
        for resource in template.resources()
        for attribute in ("deletion_protection_enabled", "deletion_protection", "skip_destroy", "retain_on_delete")
        if resource.get(attribute) not in (None, False)
    }
    prevented = {
        resource.address for resource in template.resources() if "prevent_destroy" in resource.get("lifecycle", {})
    }

    assert (kept, prevented) == (set(), set())


def test_every_log_that_aws_would_create_by_itself_is_the_stacks_own(template):
    groups = set(template.by_name("aws_cloudwatch_log_group"))

    assert {f"/aws/lambda/{name}" for name in FUNCTIONS} | {"API-Gateway-Execution-Logs_<id>/v1"} <= groups


def test_nothing_is_said_that_only_one_generation_of_the_provider_knows(any_stack):
    # https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/version-6-upgrade
    of_one = {"region", "reset_on_delete", "key_schema"}

    said = names_in([any_stack.document["resource"], any_stack.document["data"]])

    assert said & of_one == set()
    assert {"assume_role_policy", "global_secondary_index"} <= said


def names_in(value):
    """Return the names of everything in a value, at any depth."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {*(value if isinstance(value, dict) else ()), *(name for each in inner for name in names_in(each))}


VALUES = {
    "endpoint_url": "aws_api_gateway_stage[api_stage].invoke_url",
    "table_name": f"{TABLE}.name",
    "bucket_name": f"{BUCKET}.bucket",
    "queue_url": f"{QUEUE}.url",
    "dead_letter_queue_url": f"{DLQ}.url",
    "bus_arn": f"{BUS}.arn",
    "alarm_topic_arn": f"{TOPIC}.arn",
    "operator_policy_json": "data.aws_iam_policy_document[api_operator_policy].json",
    "payload_policy_json": "data.aws_iam_policy_document[api_payload_policy].json",
    "erase_policy_json": "data.aws_iam_policy_document[api_erase_policy].json",
    "smoke_policy_json": "data.aws_iam_policy_document[smoke_policy].json",
    "listen_policy_json": "data.aws_iam_policy_document[listen_policy].json",
    "secret_arns": {name: f"{secret(name)}.arn" for name in PROVIDERS},
}


def test_the_outputs_are_these(template):
    assert {name: output["value"] for name, output in template.outputs().items()} == VALUES


@pytest.mark.parametrize("name", VALUES)
def test_an_output_says_what_it_is(template, name):
    assert template.outputs()[name]["description"].strip() != ""


def test_state_is_a_file_beside_cdktf_json_that_outlives_the_synthesized_folder(template):
    backend = template.document["terraform"]["backend"]

    assert set(backend) == {"local"}
    assert posixpath.normpath(posixpath.join("cdktf.out/stacks/webhooks-dev", backend["local"]["path"])) == (
        "terraform.webhooks-dev.tfstate"
    )


def test_two_environments_have_two_states(template, production):
    paths = [t.document["terraform"]["backend"]["local"]["path"] for t in (template, production)]

    assert paths[0] != paths[1]


def test_remote_state_is_in_s3_encrypted_and_locked_by_a_file(synthesize):
    given = {"bucket": "company-state", "key": "webhooks/dev.tfstate", "region": "eu-west-1"}

    backend = synthesize(values={"backend": given}).document["terraform"]["backend"]

    assert backend == {"s3": {**given, "encrypt": True, "use_lockfile": True}}


def test_the_provider_may_be_of_either_generation(any_stack):
    required = any_stack.document["terraform"]["required_providers"]

    assert required == {"aws": {"source": "aws", "version": ">= 5.100.0, < 7.0.0"}}


def test_one_version_of_the_provider_can_be_chosen(bundles):
    from modules.synth.cdk import Testing

    stack = reviewed_stacks.build(Testing.app(), build_settings("dev", {}), bundles)
    stack.add_override("terraform.required_providers.aws.version", "5.100.0")

    document = json.loads(Testing.synth(stack, True))

    assert document["terraform"]["required_providers"]["aws"]["version"] == "5.100.0"


def test_the_region_is_us_east_1_unless_set(template):
    assert template.document["provider"] == {"aws": [{"region": "us-east-1"}]}


def test_a_region_that_is_set_is_the_region_of_everything(synthesize):
    template = synthesize(values={"region": "eu-central-1"})

    assert template.document["provider"] == {"aws": [{"region": "eu-central-1"}]}
    assert [text for text in texts(template.document) if "us-east-1" in text] == []


@pytest.mark.parametrize("environment", json.loads((ROOT / "cdktf.json").read_text())["context"]["environments"])
def test_every_environment_of_cdktf_json_can_be_synthesized(synthesize, environment):
    values = json.loads((ROOT / "cdktf.json").read_text(encoding="utf-8"))["context"]["environments"][environment]

    template = synthesize(environment, values)

    assert {function["tags"]["Environment"] for function in template.all("aws_lambda_function")} == {environment}
