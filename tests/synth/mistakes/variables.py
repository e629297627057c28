"""Mistakes with environment variables.

The secrets are made up, and put together here so that no scanner takes them for real ones.
"""

import json

from tests.synth.mistakes.book import Book

book = Book()
RANDOM = "q7Zt" + "R2mLx9VbK4" + "wYp1Nd8Fs" + "3Hc6Jg"
SECRETS = {
    "a webhook signing secret": ("SIGNING", "whs" + "ec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    "a Stripe key": ("STRIPE", "sk_l" + "ive_51Abc"),
    "an AWS access key": ("KEY", "AKI" + "A" + "IOSFODNN7EXAMPLE"),
    "a GitHub token": ("GITHUB", "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"),
    "a PEM block": ("KEY", "-----BEG" + "IN PRIVATE KEY-----"),
    "a GitLab token": ("GITLAB", "glp" + "at-abcdefghij"),
    "a Slack token": ("SLACK", "xox" + "b-123456"),
    "a Google API key": ("MAPS", "AIz" + "aSyA1234567890123456789012345678901"),
    "a SendGrid key": ("MAIL", "SG" + ".abcdefghijklmnopqrst.uvw"),
    "a bearer token": ("AUTHORIZATION", "Bear" + "er abc"),
    "a JSON web token": ("SESSION", "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxIn0.abc"),
    "a password in a URL": ("DATABASE", "postgres://webhooks:hunt" + "er2@db.internal/records"),
    "long and looks random": ("SALT", RANDOM),
    "a value that is long": ("PEPPER", "9f86d081884c7d65" + "9a2feaa0c55ad015"),
}
NAMED_LIKE_SECRETS = (
    "STRIPE_SECRET",
    "API_TOKEN",
    "DB_PASSWORD",
    "PARTNER_API_KEY",
    "clientSecret",
    "PRIVATE_KEY",
    "APIKEY",
    "DB_PASS",
    "DB_PWD",
    "dbPass",
    "HMAC_KEY",
    "WEBHOOK_KEY",
)
NO_ADDRESSES = ("swordfish", "12345678", "${var.value}", "prefix-${aws_sns_topic.t.name}")


@book.mistake(
    "secret-in-variable", "fleet/status/function", "variable SENDERS.acme.sharedSecret is named like a secret"
)
def secret_inside_of_json(edit):
    edit.variables("status", SENDERS='{"acme": {"sharedSecret": "swordfish"}}')


@book.mistake(
    "secret-in-variable", "fleet/status/function", "variable KEYS has a value that looks like a webhook signing"
)
def secret_in_a_list_of_json(edit):
    edit.variables("status", KEYS=json.dumps(["whs" + "ec_abc"]))


SECRET_ATTRIBUTES = {
    ("aws_api_gateway_api_key", "value"),
    ("aws_iam_access_key", "secret"),
    ("aws_secretsmanager_secret_version", "secret_binary"),
    ("aws_secretsmanager_secret_version", "secret_string"),
    ("aws_ssm_parameter", "value"),
    ("random_password", "result"),
    ("tls_private_key", "private_key_pem"),
}
for type_, attribute in sorted(SECRET_ATTRIBUTES):
    book.mistake(
        "secret-in-variable",
        "fleet/status/function",
        f"variable CALLER is the value of a secret, {attribute} of webhooks-dev/value; hand on its ARN instead",
        name=f"{attribute} of {type_}",
    )(lambda edit, type_=type_, attribute=attribute: hand_on(edit, edit.add, type_, attribute))


@book.mistake("secret-in-variable", "fleet/status/function", "secret_string of webhooks-dev/value")
def value_of_a_secret_from_a_data_source(edit):
    hand_on(edit, edit.add_data, "aws_secretsmanager_secret_version", "secret_string")


def hand_on(edit, add, type_, attribute):
    add(type_, "value")
    edit.variables("status", CALLER=edit.ref("value", attribute))


@book.mistake("secret-in-variable", "fleet/status/function", "an expression", on_a_plan=False)
def variables_that_nobody_can_read(edit):
    edit.at("fleet/status/function")["environment"] = [{"variables": "${var.variables}"}]


HARMLESS = {
    "SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook-secret-stripe-dev-AbCdEf",
    "STRIPE_SECRET": "${aws_secretsmanager_secret.secrets_stripe.arn}",
    "TOKEN_TABLE_NAME": "webhook-tokens-dev",
    "TOKEN_TTL_SECONDS": "300000",
    "SECRET_NAME": "webhook-secret-stripe-dev",
    "API_KEY_HEADER": "x-api-key",
    "REQUIRE_API_KEY": "true",
    "API_KEY": "",
    "MONKEY": "banana",
    "BYPASS": "never",
    "COMPASS_HEADING": "north",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/webhook-subscriber-undelivered-ledger-dev",
    "BUCKET_NAME": "webhook-archive-123456789012-eu-production-1",
    "FUNCTION": "arn:aws:lambda:us-east-1:123456789012:function:webhook-dead-letter-production-eu-1",
    "ARCHIVE_PREFIX": "raw/webhooks/standard-webhooks/incoming/payloads",
    "SUBNETS": "subnet-0a1b2c3d4e5f60718,subnet-0b1c2d3e4f5061728",
    "NAMESPACE_ID": "9b0e6f3a-6c5c-4a55-9d1e-2f7b8d0c1a64",
    "USER_POOL": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a1B2c3D4e5F6g7H8i9J0",
    "STRIPE_SECRETS": '["${aws_secretsmanager_secret.secrets_stripe.arn}", "${aws_secretsmanager_secret.b.arn}"]',
    "NOTHING": '{"secret": null}',
    "MASK": "x1" + "0" * 30,
    "PUBLIC_KEY": "pk_live_is_public",
    "SEPARATOR": "-" * 40,
    "OPTIONS": '{"retries": 3, "secretArns": ["${aws_secretsmanager_secret.secrets_stripe.arn}"]}',
}
WHERE_OR_HOW_MUCH = (
    *("ARN", "ARNS", "BUCKET", "ENDPOINT", "HEADER", "HOST", "INDEX", "ISSUER", "NAME", "NAMES", "PATH", "PREFIX"),
    *("QUEUE", "TABLE", "TOPIC", "URL", "URLS"),
    *("ALGORITHM", "BYTES", "COUNT", "DAYS", "LENGTH", "LIMIT", "MINUTES", "SECONDS", "TTL", "VERSION"),
)
HARMLESS |= {f"PASSWORD_{word}": "webhook-something-dev" for word in WHERE_OR_HOW_MUCH}
for name_, value_ in HARMLESS.items():
    book.right(
        lambda edit, name=name_, value=value_: edit.variables("status", **{name: value}), name=f"variable {name_}"
    )


@book.right
def name_of_a_secret_that_looks_random(edit):
    name = "webhook-secret-merchant2024q1x7-dev"
    edit.at("secrets/stripe")["name"] = name
    edit.variables("status", PROVIDERS=json.dumps({"merchant2024q1x7": {"entry": "stripe", "secretArn": name}}))
