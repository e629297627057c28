"""What a provider's entry changes in the stack: secrets, grants, and ingestion's bundle."""

import base64
import hashlib
import json

import pytest

PAYPAL = {
    "providers": {"stripe": "stripe", "shop": "paypal"},
    "provider_options": {"shop": {"webhook_id": "4JH86294D6297924G", "environment": "sandbox"}},
}


@pytest.fixture(scope="module")
def paypal(synthesize):
    return synthesize("dev", PAYPAL)


def code_of(template, function):
    return template.one("aws_lambda_function", f"webhook-{function}-dev")["source_code_hash"]


def digest(bundles, name):
    return base64.b64encode(hashlib.sha256((bundles / f"{name}.zip").read_bytes()).digest()).decode()


def statements(template, function):
    policy = template.one("aws_iam_role_policy", f"webhook-{function}-dev")
    return {statement["sid"]: statement for statement in template.statements(policy["policy"])}


def test_a_provider_without_a_secret_has_none(paypal):
    assert [secret["name"] for secret in paypal.all("aws_secretsmanager_secret")] == ["webhook-secret-stripe-dev"]
    assert set(paypal.outputs()["secret_arns"]["value"]) == {"stripe"}
    (resource,) = statements(paypal, "ingestion")["ReadSigningSecrets"]["resources"]
    assert resource == "aws_secretsmanager_secret[webhook-secret-stripe-dev].arn"


def test_ingestion_is_told_of_it_with_its_options_and_without_an_arn(paypal):
    variables = paypal.one("aws_lambda_function", "webhook-ingestion-dev")["environment"]["variables"]

    told = json.loads(variables["PROVIDERS"])

    assert told["shop"] == {
        "entry": "paypal",
        "options": {"webhook_id": "4JH86294D6297924G", "environment": "sandbox"},
    }
    assert set(told["stripe"]) == {"entry", "secretArn"}


def test_a_stack_of_providers_without_secrets_may_read_none(synthesize):
    template = synthesize("dev", {"providers": ["paypal"], "provider_options": {"paypal": {"webhook_id": "1"}}})

    assert "ReadSigningSecrets" not in statements(template, "ingestion")
    assert template.all("aws_secretsmanager_secret") == []


def test_processing_may_archive_certificates_where_there_are_any(paypal, template):
    statement = statements(paypal, "processing")["ArchiveCertificates"]

    assert statement["actions"] == ["s3:PutObject"]
    assert statement["resources"] == ["aws_s3_bucket[webhook-archive-<account_id>-dev].arn/evidence/certificates/*"]
    assert "ArchiveCertificates" not in statements(template, "processing")
    for function in ("ingestion", "status", "dead-letter", "replay", "operator"):
        assert "ArchiveCertificates" not in statements(paypal, function)


@pytest.mark.parametrize(
    "values", [PAYPAL, {"providers": ["stripe", "standard-webhooks-ed25519"]}], ids=["paypal", "ed25519"]
)
def test_compiled_code_comes_with_ingestion_alone_and_only_where_a_provider_needs_it(
    synthesize, template, bundles, values
):
    native = synthesize("dev", values)

    assert code_of(native, "ingestion") == digest(bundles, "ingestion_native")
    assert code_of(template, "ingestion") == digest(bundles, "ingestion")
    for name in ("processing", "status", "dead_letter", "replay", "operator"):
        assert code_of(native, name.replace("_", "-")) == digest(bundles, name)
