"""Whatever the settings accept fits into the functions' environments, with what AWS puts into them."""

import json
import re

import pytest

from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError

# https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
LIMIT = 4_096
# The longest that AWS makes of queues' URLs, and about the longest of ARNs.
ENVIRONMENT, REGION, PARTITION, DOMAIN = "production-eu-16", "cn-northwest-1", "aws-cn", "amazonaws.com.cn"
COMMON = {"region": REGION, "functions": {"log_level": "WARNING"}}


def providers(count, name, entry, options):
    names = [name.format(number) for number in range(count)]
    return {
        "providers": dict.fromkeys(names, entry),
        "provider_options": dict.fromkeys(names, options),
        "api": {"max_body_bytes": 1_000_000},
        "queue": {"fifo": True, "batch_size": 10, "batch_window": 0, "ordered_by": "transaction"},
        "quarantine": {"enabled": True, "webhooks_per_hour": 3_600_000},
        "routing": {"modes": dict.fromkeys(names, "live")},
    }


def long_options(count):
    return providers(count, "merchant-{:02}", "generic", {"mode": "live", "account": "x" * 128})


def short_names(count):
    """Most of which is quotation marks, which count twice."""
    return providers(count, "a{}", "stripe", {"mode": "live", "account": "acct_1"})


def without_secrets(count):
    return providers(count, "a{}", "paypal", {"mode": "live", "webhook_id": "4JH86294D6297924G"})


def reconciled(count):
    values = providers(count, "merchant-{:02}", "stripe", {"mode": "live", "account": "acct_1"})
    one = {"every": "24h", "types": ["charge.*", "payment_intent.*"], "url": "https://hooks.example.com/stripe"}
    return {**values, "reconciliation": dict.fromkeys(values["providers"], one)}


def delivery(**values):
    longest = {
        "retry_schedule": "standard-webhooks",
        "tenant_events_per_day": 1_000_000_000,
        "tenant_endpoints": 100,
        "disable_after": 720,
        "delivered_ttl": 365,
        "dead_ttl": 365,
        "subscriptions": {"stripe": "acme"},
    }
    return {"delivery": {**longest, **values}}


def refused_hosts(count):
    certificate = f"arn:aws-cn:acm:{REGION}:123456789012:certificate/a"
    domain = {"name": f"{'.'.join(['d' * 60] * 4)}.com", "certificate_arn": certificate}
    return delivery(refused_hosts=[f"{number}.example.com" for number in range(count)], domain=domain)


def tenant_plans(count):
    return delivery(tenant_plans={f"plan_{number}": {"rate": 1, "burst": 1} for number in range(count)})


def portal_frames(count):
    return delivery(portal_frames=[f"https://{number}.example.com" for number in range(count)])


def most(values):
    """Return how many the settings accept."""
    build_settings(ENVIRONMENT, {**COMMON, **values(1)})
    for count in range(2, 1_000):
        try:
            build_settings(ENVIRONMENT, {**COMMON, **values(count)})
        except SettingsError:
            return count - 1
    raise AssertionError("any number is accepted")


def known(template, text):
    """Return a text as it is when everything is deployed."""
    account = "123456789012"

    def found(match):
        *address, attribute = match[1].removeprefix("data.").split(".")
        if attribute in ("account_id", "id", "dns_suffix"):
            return {"account_id": account, "id": "a1b2c3d4e5", "dns_suffix": DOMAIN}[attribute]
        given = template.at(".".join(address))
        if attribute == "invoke_url":
            return f"https://a1b2c3d4e5.execute-api.{REGION}.{DOMAIN}/{given['stage_name']}"
        if attribute == "arn":
            return f"arn:{PARTITION}:secretsmanager:{REGION}:{account}:secret:{given['name']}-AbCdEf"
        if attribute == "url":
            return f"https://sqs.{REGION}.{DOMAIN}/{account}/{given['name']}"
        return known(template, given[attribute])

    return re.sub(r"\$\{([^}]*)}", found, text)


def sizes(template):
    """Return how many bytes the variables of each function take, as Lambda counts them."""
    variables = {
        function.name: function.block("environment")["variables"] for function in template.all("aws_lambda_function")
    }
    return {
        name: len(json.dumps({each: known(template, text) for each, text in of.items()}, separators=(",", ":")))
        for name, of in variables.items()
    }


@pytest.mark.parametrize(
    ("stack", "values"),
    [
        ("synthesize", long_options),
        ("synthesize", short_names),
        ("synthesize", without_secrets),
        ("synthesize", reconciled),
        ("synthesize_delivery", refused_hosts),
        ("synthesize_delivery", tenant_plans),
        ("synthesize_delivery", portal_frames),
    ],
)
def test_as_many_as_are_accepted_fit_and_hardly_more_would(request, stack, values):
    count = most(values)

    found = sizes(request.getfixturevalue(stack)(ENVIRONMENT, {**COMMON, **values(count)}))

    assert max(found.values()) <= LIMIT, found
    assert max(found.values()) > 0.93 * LIMIT, (count, found)
