"""As many providers as the settings accept fit into the environment of ingestion, with whatever AWS puts into it."""

import json
import re

import pytest

from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError

# https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
LIMIT = 4_096


# Environment, region, the name of a provider, its entry and options.
LONG = ("production-eu-16", "ap-southeast-4", "merchant-{:02}", "generic-timestamped", {"timestamp_header": "x-time"})
# Of those, most is quotation marks, which count twice.
SHORT = ("d", "us-east-1", "a{}", "stripe", {"mode": "test", "account": "acct_1"})


def values(count, region, name, entry, options):
    names = [name.format(number) for number in range(count)]
    return {
        "region": region,
        "providers": dict.fromkeys(names, entry),
        "provider_options": dict.fromkeys(names, options),
        "queue": {"fifo": True, "batch_size": 10, "batch_window": 0, "ordered_by": "transaction"},
    }


def most(environment, *case):
    """Return how many the settings accept."""
    for count in range(2, 60):
        try:
            build_settings(environment, values(count, *case))
        except SettingsError:
            return count - 1
    raise AssertionError("any number is accepted")


def known(template, text, region):
    """Return a text as it is when everything is deployed."""
    account = "123456789012"

    def found(match):
        kind, name, attribute = match[1].split(".")
        given = template.document["resource"][kind][name]
        if attribute == "arn":
            return f"arn:aws:secretsmanager:{region}:{account}:secret:{given['name']}-AbCdEf"
        if attribute == "url":
            return f"https://sqs.{region}.amazonaws.com/{account}/{given['name']}"
        return given["bucket"].replace("${data.aws_caller_identity.account.account_id}", account)

    return re.sub(r"\$\{([^}]*)}", found, text)


@pytest.mark.parametrize("case", [LONG, SHORT], ids=["long", "short"])
def test_as_many_providers_as_are_accepted_fit_and_hardly_more_would(synthesize, case):
    environment, region, *_ = case
    count = most(*case)
    template = synthesize(environment, values(count, *case[1:]))
    variables = template.one("aws_lambda_function", f"webhook-ingestion-{environment}")["environment"]["variables"]

    texts = {name: known(template, text, region) for name, text in variables.items()}
    size = len(json.dumps(texts, separators=(",", ":")))

    assert size <= LIMIT
    assert size + size / count > LIMIT
