"""The settings of delivery: ranges, what must fit together, and when there is a delivery stack at all."""

from dataclasses import fields

import pytest

from modules.settings.delivery import DeliverySettings, TenantRate
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError, rule_of

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1111-2222"
RULES = {declared.name: rule_of(declared) for declared in fields(DeliverySettings) if "rule" in declared.metadata}
# The generated docs/settings.md, which is reviewed, says each range once more: a change of one is seen there.
RANGES = {name: (rule.low, rule.high) for name, rule in RULES.items() if rule.low is not None}
CHOICES = {name: rule.choices for name, rule in RULES.items() if rule.choices}
OTHERS = {
    "receiver",
    "docs",
    "tenant_metrics",
    "tenant_throttle",
    "tenant_plans",
    "refused_hosts",
    "portal",
    "portal_frames",
    "bus_name",
    "archive_bucket",
    "subscriptions",
    "domain",
}


def settings(**values):
    return build_settings("dev", {"delivery": values})


def refusal(**values):
    with pytest.raises(SettingsError) as refused:
        build_settings("dev", values)
    return str(refused.value)


def test_the_tables_of_this_file_know_every_setting():
    assert {declared.name for declared in fields(DeliverySettings)} == {*RANGES, *CHOICES} | OTHERS


@pytest.mark.parametrize("field", RANGES)
def test_one_beyond_either_end_is_refused_with_its_place(field):
    low, high = RANGES[field]

    for value in (low - 1, high + 1):
        assert f"delivery.{field}: {value} is not allowed; allowed: {low} to {high}" in refusal(delivery={field: value})


def test_an_environment_that_says_nothing_of_it_has_no_delivery():
    assert build_settings("dev", {}).delivery is None


def test_naming_delivery_is_wanting_it():
    assert settings().delivery == DeliverySettings()


def test_the_defaults_are_those_of_the_requirements():
    # OUT-Q-1 and OUT-DATA-1
    made = DeliverySettings()

    assert (made.worker_timeout, made.visibility_timeout, made.max_receive_count) == (60, 180, 5)
    assert (made.delivered_ttl, made.dead_ttl) == (30, 14)
    assert (made.receiver, made.endpoint_rules, made.domain) == (False, "public-https", None)
    assert (made.docs, made.portal, made.subscription_payload) == (True, True, "original")


def test_an_environment_without_any_stack_is_refused():
    assert refusal(inbound=False) == "inbound: False leaves nothing to deploy; allowed: False together with delivery"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"worker_timeout": 61},
            "delivery.visibility_timeout: 180 s is less than three times delivery.worker_timeout, 61 s",
        ),
        (
            {"attempt_timeout": 46},
            "delivery.attempt_timeout: 46 s leaves less than 15 s of delivery.worker_timeout, 60 s",
        ),
        (
            {"retention": 3_600, "visibility_timeout": 720},
            "delivery.retention: 3600 s is no longer than delivery.max_receive_count times "
            "delivery.visibility_timeout, 3600 s",
        ),
        ({"subscriptions": {"strip": "acme"}}, "delivery.subscriptions: 'strip' is none of the deployed providers"),
        ({"subscriptions": {"stripe": []}}, "delivery.subscriptions.stripe: [] names no tenant"),
        ({"subscriptions": {"stripe": "a b"}}, "delivery.subscriptions.stripe: 'a b' is not the id of a tenant"),
        ({"subscriptions": {"stripe": 5}}, "delivery.subscriptions.stripe: 5 is not the id of a tenant"),
        ({"subscriptions": {"stripe": ["a", "a"]}}, "delivery.subscriptions.stripe: 2 tenants are not allowed"),
        ({"subscriptions": {"stripe": list("abcdef")}}, "delivery.subscriptions.stripe: 6 tenants are not allowed"),
        ({"subscriptions": "stripe"}, "delivery.subscriptions: 'stripe' is not a mapping of texts"),
        ({"tenant_plans": {"Gold": {"rate": 1, "burst": 1}}}, "delivery.tenant_plans: 'Gold' is not allowed"),
        ({"tenant_plans": {"shared": {"rate": 1, "burst": 1}}}, "delivery.tenant_plans: 'shared' is not allowed"),
        ({"tenant_plans": {"gold": {"rate": 1}}}, "delivery.tenant_plans.gold: {'rate': 1} is not allowed"),
        ({"tenant_plans": {"gold": {"rate": 0, "burst": 1}}}, "delivery.tenant_plans.gold: {'rate': 0, 'burst': 1}"),
        ({"tenant_plans": {"gold": {"rate": True, "burst": 1}}}, "delivery.tenant_plans.gold: {'rate': True"),
        ({"tenant_plans": {"gold": "100"}}, "delivery.tenant_plans.gold: '100' is not allowed"),
        ({"refused_hosts": ["https://x.example"]}, "delivery.refused_hosts: 'https://x.example' is not allowed"),
        ({"refused_hosts": ["X.example"]}, "delivery.refused_hosts: 'X.example' is not allowed"),
        *(
            ({"portal_frames": [frame]}, f"delivery.portal_frames: {frame!r} is not allowed; allowed: https:// and")
            for frame in (
                "*",
                "https://*",
                "https://*.com",
                "http://app.example.com",
                "app.example.com",
                "https://app.example.com/",
                "https://app.example.com/*",
                "https://App.example.com",
                "https://app.example.com:*",
                "https://app.example.com https://evil.example",
                "https://app.example.com;",
                "https://app.example.com\n",
                "https://user@app.example.com",
                "'self'",
                "http://localhost:3000",
                "https://localhost",
                "",
            )
        ),
        (
            {"endpoint_rules": "local", "portal_frames": ["http://localhost.example.com"]},
            "delivery.portal_frames: 'http://localhost.example.com' is not allowed",
        ),
        (
            {"portal_frames": "https://app.example.com"},
            "delivery.portal_frames: 'https://app.example.com' is not a list",
        ),
        ({"bus_name": "no blanks"}, "delivery.bus_name: 'no blanks' is not allowed"),
        ({"archive_bucket": "No"}, "delivery.archive_bucket: 'No' is not allowed; allowed: the name of a bucket"),
        ({"subscription_payload": "both"}, "delivery.subscription_payload: 'both' is not allowed"),
        ({"domain": {"name": "hooks.example.com"}}, "delivery.domain: a setting is missing"),
        ({"domain": {"name": "Hooks", "certificate_arn": CERTIFICATE}}, "delivery.domain.name: 'Hooks' is not allowed"),
        (
            {"domain": {"name": "hooks.example.com", "certificate_arn": "arn:aws:s3:::b"}},
            "delivery.domain.certificate_arn: 'arn:aws:s3:::b' is not allowed; allowed: the ARN of a",
        ),
        ({"domain": {"host": "h"}}, "delivery.domain.host: unknown setting; known: name, certificate_arn"),
        ({"domain": "hooks.example.com"}, "delivery.domain: 'hooks.example.com' is not a group of settings"),
        ({"reciever": True}, "delivery.reciever: unknown setting"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(values, says):
    assert says in refusal(delivery=values)


def test_subscriptions_without_an_inbound_stack_need_the_bus():
    values = {"subscriptions": {"stripe": "acme"}}

    assert "delivery.bus_name: is missing" in refusal(inbound=False, delivery=values)
    named = {"bus_name": "payments", "archive_bucket": "payloads"}
    assert build_settings("dev", {"inbound": False, "delivery": {**values, **named}}).delivery


@pytest.mark.parametrize("inbound", [True, False])
def test_original_payloads_of_a_named_bus_need_the_archive_of_the_same_stack(inbound):
    values = {"subscriptions": {"stripe": "acme"}, "bus_name": "payments"}

    assert "delivery.archive_bucket: is missing" in refusal(inbound=inbound, delivery=values)
    for enough in ({"archive_bucket": "payloads"}, {"subscription_payload": "reference"}, {"subscriptions": {}}):
        assert build_settings("dev", {"inbound": inbound, "delivery": {**values, **enough}}).delivery


def test_one_tenant_and_a_list_of_them_are_the_same():
    made = settings(subscriptions={"stripe": "acme", "github": ["acme", "globex"]}).delivery

    assert made.tenants_of == {"stripe": {None: ("acme",)}, "github": {None: ("acme", "globex")}}


def test_tenants_may_depend_on_the_account():
    given = {"stripe": {"acct_1": "acme", "acct_2": ["globex", "acme"]}}

    assert settings(subscriptions=given).delivery.tenants_of == {
        "stripe": {"acct_1": ("acme",), "acct_2": ("globex", "acme")}
    }


ACCOUNTS = "delivery.subscriptions.stripe"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, f"{ACCOUNTS}: {{}} names no tenant"),
        ({"a b": "acme"}, f"{ACCOUNTS}: 'a b' is not an account; allowed: texts without blanks"),
        ({"": "acme"}, f"{ACCOUNTS}: '' is not an account; allowed: texts without blanks"),
        ({"acct_1": []}, f"{ACCOUNTS}.acct_1: [] names no tenant"),
        ({"acct_1": "a b"}, f"{ACCOUNTS}.acct_1: 'a b' is not the id of a tenant"),
        ({"acct_1": {"acct_2": "acme"}}, f"{ACCOUNTS}.acct_1: {{'acct_2': 'acme'}} is not the id of a tenant"),
        ({"acct_1": ["a", "a"]}, f"{ACCOUNTS}.acct_1: 2 tenants are not allowed; allowed: up to 5 different ones"),
        (
            {f"a{n}": "acme" for n in range(41)},
            "delivery.subscriptions: 41 accounts are not allowed; allowed: up to 40",
        ),
        (
            dict.fromkeys(["a" * 256 + str(n) for n in range(9)], "acme"),
            f"{ACCOUNTS}: '{'a' * 256}0' is not an account",
        ),
        (
            dict.fromkeys(["a" * 250 + str(n) for n in range(9)], "acme"),
            f"{ACCOUNTS}: 9 accounts are too many for the pattern of a rule; allowed: as many as take 1,500 characters",
        ),
    ],
)
def test_accounts_are_refused_by_name_and_value(given, message):
    with pytest.raises(SettingsError) as refusal:
        settings(subscriptions={"stripe": given})

    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(("entry", "title"), [("shopify", "Shopify"), ("paddle", "Paddle Billing")])
def test_an_account_that_nobody_signs_chooses_no_tenant(entry, title):
    options = {"shopify": {"topics": "orders/paid"}}.get(entry, {})

    def of(**more):
        return build_settings(
            "dev",
            {
                "providers": {"shop": entry},
                "provider_options": {"shop": {**options, **more}},
                "delivery": {"subscriptions": {"shop": {"a.myshopify.com": "acme"}}},
            },
        )

    with pytest.raises(SettingsError) as refusal:
        of()
    assert str(refusal.value).startswith(
        f"delivery.subscriptions.shop: {title} does not sign which account an event is about, so that a tenant could"
    )
    # With a secret of one account, the deployment says it.
    assert of(account="a.myshopify.com").delivery.by_account("shop")


def test_sites_may_show_the_portal_and_this_machine_where_endpoints_are_local():
    sites = ["https://app.example.com", "https://*.example.com", "https://app.example.com:8443"]
    here = ["http://localhost:3000", "http://127.0.0.1", "https://localhost"]

    assert settings(portal_frames=sites).delivery.portal_frames == sites
    assert settings(endpoint_rules="local", portal_frames=[*sites, *here]).delivery.portal_frames == [*sites, *here]


def test_a_domain_is_a_group_of_its_own():
    made = settings(domain={"name": "hooks.example.com", "certificate_arn": CERTIFICATE}).delivery

    assert (made.domain.name, made.domain.certificate_arn) == ("hooks.example.com", CERTIFICATE)


def test_both_stacks_share_the_accounts_concurrency():
    fits = {"functions": {"account_concurrency": 300}, "delivery": {"worker_concurrency": 40, "docs_concurrency": 10}}
    assert build_settings("dev", fits).delivery

    said = refusal(functions={"account_concurrency": 300}, delivery={"worker_concurrency": 40, "docs_concurrency": 11})

    assert "50 for ingestion and 100 for processing and 51 for delivery, 201 together" in said


def test_without_the_inbound_stack_its_functions_reserve_nothing():
    values = {"inbound": False, "functions": {"account_concurrency": 200}, "delivery": {"worker_concurrency": 95}}

    assert build_settings("dev", values).delivery.worker_concurrency == 95


def test_delivery_needs_the_runtime_that_its_code_is_compiled_for():
    said = refusal(functions={"runtime": "python3.12"}, delivery={})

    assert said.startswith("functions.runtime: 'python3.12' is not allowed with delivery")


def test_tenants_have_the_standard_plan_and_those_of_the_settings_or_none_at_all():
    made = settings(tenant_rate=7, tenant_burst=8, tenant_plans={"large": {"rate": 500, "burst": 1000}}).delivery

    assert made.plans == {"standard": TenantRate(rate=7, burst=8), "large": TenantRate(rate=500, burst=1_000)}
    assert settings(tenant_throttle=False, tenant_plans={"large": {"rate": 5, "burst": 10}}).delivery.plans == {}


@pytest.mark.parametrize(("entry", "title"), [("adyen", "Adyen payments"), ("gocardless", "GoCardless")])
def test_no_tenant_gets_a_webhook_that_may_have_events_of_other_accounts(entry, title):
    def of(**more):
        subscriptions = {"pay": {"one": "acme", "two": "globex"}}
        return build_settings(
            "dev", {"providers": {"pay": entry}, "delivery": {"subscriptions": subscriptions, **more}}
        )

    with pytest.raises(SettingsError) as refusal:
        of()
    assert str(refusal.value).startswith(
        f"delivery.subscriptions.pay: a webhook of {title} may have events of several accounts"
    )
    # Without the payload, a tenant gets its own event only.
    assert of(subscription_payload="reference").delivery.by_account("pay")
