"""The delivery stack among others: alone, beside the inbound one, and several times in an app."""

import json
import posixpath

import pytest

import main
from modules.settings.environments import build_settings
from modules.synth.cdk import App
from tests.synth.template import Template, texts


@pytest.fixture
def app_of(monkeypatch, tmp_path, bundles):
    """Return a function that synthesizes the app of an environment with some values: stack id to its folder."""
    del bundles

    def synthesize(environment, values):
        document = {"context": {"environments": {environment: values}}}
        (tmp_path / "cdktf.json").write_text(json.dumps(document), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        main.build_app(environment, tmp_path / "out").synth()
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
        return {
            name: (Template.read(tmp_path / "out" / stack["synthesizedStackPath"]), stack["dependencies"])
            for name, stack in manifest["stacks"].items()
        }

    return synthesize


def test_by_default_there_is_the_inbound_stack_alone(app_of):
    assert set(app_of("dev", {})) == {"webhooks-dev"}


@pytest.mark.parametrize(
    ("log_role", "subscriptions", "first"),
    [(True, {}, ["webhooks-dev"]), (False, {"stripe": "acme"}, ["webhooks-dev"]), (False, {}, [])],
    ids=["for its log role", "for its bus", "for nothing"],
)
def test_with_delivery_there_are_both_and_the_inbound_one_comes_first_where_it_must(
    app_of, log_role, subscriptions, first
):
    # The bus whose events tenants subscribe to, and the account's log role, are the inbound stack's.
    stacks = app_of("dev", {"api": {"manage_account_log_role": log_role}, "delivery": {"subscriptions": subscriptions}})

    assert {name: dependencies for name, (_, dependencies) in stacks.items()} == {
        "webhooks-dev": [],
        "delivery-dev": first,
    }


def test_delivery_is_there_without_the_inbound_stack(app_of):
    stacks = app_of("dev", {"inbound": False, "delivery": {}})

    assert {name: dependencies for name, (_, dependencies) in stacks.items()} == {"delivery-dev": []}


def test_neither_stack_refers_to_the_others_state(app_of):
    for template, _ in app_of("dev", {"delivery": {"subscriptions": {"stripe": "acme"}}}).values():
        assert [text for text in texts(template.document) if "terraform_remote_state" in text] == []


def test_the_inbound_stack_is_the_same_with_delivery_and_without(app_of):
    (alone, _), (beside, _) = (app_of("dev", values)["webhooks-dev"] for values in ({}, {"delivery": {}}))

    assert beside.document == alone.document


def names(template):
    return {(resource.type, resource.name) for resource in template.resources() if resource.given_name}


@pytest.mark.parametrize(("one", "other"), [("dev", "dev"), ("dev", "x-dev"), ("delivery-dev", "dev")])
def test_two_stacks_share_no_name(synthesize, synthesize_delivery, one, other):
    # Two environments of one account, made so that a name of the one could be read as a name of the other.
    given = {
        "providers": {"x": "generic", "delivery": "generic", "tenant": "generic"},
        "routing": {"subscribers": {"x": "x"}},
    }
    inbound = synthesize(one, given)
    delivery = synthesize_delivery(
        other, given, receiver=True, subscriptions=dict.fromkeys(("x", "delivery", "tenant"), "acme")
    )

    shared = names(inbound) & names(delivery)
    assert {name for _, name in shared if not name.startswith("API-Gateway-Execution-Logs_")} == set()


def test_the_longest_names_are_within_what_aws_allows(synthesize_delivery):
    limits = {"aws_lambda_function": 64, "aws_iam_role": 64, "aws_cloudwatch_event_rule": 64, "aws_sqs_queue": 80}
    longest = {"providers": {"p" * 32: "generic"}}

    template = synthesize_delivery("e" * 16, longest, receiver=True, subscriptions={"p" * 32: "t" * 63})

    too_long = {r.label for r in template.resources() if r.given_name and len(r.name) > limits.get(r.type, 255)}
    assert too_long == set()


def test_the_same_stack_stands_in_an_app_twice(bundles, tmp_path):
    # Given two environments in one app
    app = App(outdir=str(tmp_path))
    stacks = [
        main.DeliveryStack(app, f"delivery-{each}", build_settings(each, {"delivery": {}}), bundles)
        for each in ("one", "two")
    ]

    # When
    app.synth()

    # Then they have the same addresses, and no name in common
    one, two = (Template.read(tmp_path / "stacks" / stack.node.id / "cdk.tf.json") for stack in stacks)
    assert names(one) & names(two) == {
        (kind, name) for kind, name in names(one) if name.startswith("API-Gateway-Execution-Logs_")
    }
    held = [
        {r.address for r in each.resources() if r.type in ("aws_dynamodb_table", "aws_sqs_queue")}
        for each in (one, two)
    ]
    assert held[0] == held[1]


def test_settings_without_delivery_make_no_delivery_stack(bundles):
    with pytest.raises(main.SettingsError, match="delivery: is missing"):
        main.DeliveryStack(App(), "delivery-dev", build_settings("dev", {}), bundles)


@pytest.mark.parametrize(
    ("values", "made"),
    [
        ({}, False),
        ({"inbound": False}, True),
        ({"inbound": False, "api": {"manage_account_log_role": False}}, False),
    ],
)
def test_the_accounts_log_role_is_made_by_one_stack_at_most(synthesize_delivery, values, made):
    template = synthesize_delivery(values=values)

    assert bool(template.all("aws_api_gateway_account")) is made


def test_the_states_of_both_stacks_lie_apart(synthesize, synthesize_delivery):
    local = [made().document["terraform"]["backend"]["local"]["path"] for made in (synthesize, synthesize_delivery)]

    assert [posixpath.basename(path) for path in local] == [
        "terraform.webhooks-dev.tfstate",
        "terraform.delivery-dev.tfstate",
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("webhooks/dev.tfstate", "webhooks/dev-delivery.tfstate"),
        ("dev", "dev-delivery"),
        ("a.b/dev", "a.b/dev-delivery"),
        (".tfstate", ".tfstate-delivery"),
    ],
)
def test_remote_state_has_a_key_of_its_own(synthesize, synthesize_delivery, key, expected):
    values = {"backend": {"bucket": "company-state", "key": key}}

    keys = [
        made(values=values).document["terraform"]["backend"]["s3"]["key"] for made in (synthesize, synthesize_delivery)
    ]

    assert keys == [key, expected]


def test_nothing_refuses_to_go(delivery):
    kept = {
        (resource.address, attribute)
        for resource in delivery.resources()
        for attribute in ("deletion_protection_enabled", "skip_destroy", "prevent_destroy")
        if resource.get(attribute) not in (None, False)
    }

    assert kept == set()


OUTPUTS = {
    "endpoint_url": "aws_api_gateway_stage[api_stage].invoke_url",
    "tenants_table_name": "aws_dynamodb_table[webhook-delivery-tenant-identity-delivery].name",
    "endpoints_table_name": "aws_dynamodb_table[webhook-delivery-tenant-webhook-config-delivery].name",
    "events_table_name": "aws_dynamodb_table[webhook-delivery-events-delivery].name",
    "queue_url": "aws_sqs_queue[webhook-delivery-queue-delivery].url",
    "dead_letter_queue_url": "aws_sqs_queue[webhook-delivery-dlq-delivery].url",
    "alarm_topic_arn": "aws_sns_topic[webhook-delivery-alarms-delivery].arn",
    "operations_bus_arn": "aws_cloudwatch_event_bus[webhook-delivery-operations-delivery].arn",
    "signing_keys_secret_arn": "aws_secretsmanager_secret[webhook-delivery-signing-keys-delivery].arn",
    "operator_policy_json": "data.aws_iam_policy_document[api_operator_policy].json",
    "erase_policy_json": "data.aws_iam_policy_document[api_erase_policy].json",
    "portal_policy_json": "data.aws_iam_policy_document[api_portal_policy].json",
    "token_policy_json": "data.aws_iam_policy_document[api_token_policy].json",
    "domain_target": "aws_api_gateway_domain_name[hooks.example.com].regional_domain_name",
}


def test_the_outputs_are_these_and_each_says_what_it_is(delivery):
    outputs = delivery.outputs()

    assert {name: output["value"] for name, output in outputs.items()} == OUTPUTS
    assert [name for name, output in outputs.items() if not output["description"].strip()] == []
