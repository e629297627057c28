"""Rules between settings: what each allows by itself, and not together."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.inbound.providers.registry import REGISTRY
from modules.settings.concurrency import reserved_concurrency
from modules.settings.environments import build_settings
from modules.settings.sections import FunctionSettings
from modules.settings.validation import SettingsError
from tests.unit.options import OPTIONS

NO_WINDOW = {"batch_size": 10, "batch_window": 0}

# --- queue ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("timeout", "visibility"), [(1, 6), (30, 180), (30, 181), (50, 300), (50, 43_200)])
def test_a_visibility_timeout_of_six_timeouts_or_more_is_accepted(timeout, visibility):
    values = {"functions": {"timeout": timeout}, "queue": {"visibility_timeout": visibility, **NO_WINDOW}}

    settings = build_settings("dev", values)

    assert (settings.functions.timeout, settings.queue.visibility_timeout) == (timeout, visibility)


@pytest.mark.parametrize(("timeout", "visibility"), [(1, 5), (30, 179), (50, 299), (50, 1)])
def test_a_visibility_timeout_under_six_timeouts_is_refused_with_both(timeout, visibility):
    values = {"functions": {"timeout": timeout}, "queue": {"visibility_timeout": visibility}}

    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", values)

    assert str(refusal.value).startswith(
        f"queue.visibility_timeout: {visibility} s is less than six times functions.timeout, {timeout} s"
    )


@pytest.mark.parametrize(("window", "visibility", "fits"), [(1, 180, False), (1, 181, True), (300, 480, True)])
def test_the_batch_window_comes_on_top_of_six_timeouts(window, visibility, fits):
    values = {"queue": {"batch_window": window, "visibility_timeout": visibility, "retention": 86_400}}

    if fits:
        assert build_settings("dev", values).queue.batch_window == window
    else:
        with pytest.raises(
            SettingsError, match=r"^queue\.visibility_timeout: 180 s .* queue\.batch_window, 1 s, on top"
        ):
            build_settings("dev", values)


# What Lambda takes: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
@pytest.mark.parametrize(
    ("queue", "refusal"),
    [
        ({"batch_size": 10, "batch_window": 0}, None),
        ({"batch_size": 11, "batch_window": 1}, None),
        ({"batch_size": 10_000, "batch_window": 1}, None),
        (
            {"batch_size": 11, "batch_window": 0},
            "queue.batch_size: 11 is more than the 10 .* set queue.batch_window to 1",
        ),
        ({"fifo": True}, "queue.batch_size: 100 is more than the 10 that Lambda takes with queue.fifo"),
        ({"fifo": True, "batch_size": 10}, "queue.batch_window: 1 s is not allowed with queue.fifo"),
        ({"fifo": True, "batch_size": 10, "batch_window": 0}, None),
    ],
)
def test_a_batch_is_one_that_lambda_takes_from_the_queue(queue, refusal):
    if refusal is None:
        assert build_settings("dev", {"queue": queue}).queue.batch_size == queue["batch_size"]
    else:
        with pytest.raises(SettingsError, match=f"^{refusal}"):
            build_settings("dev", {"queue": queue})


@pytest.mark.parametrize(("retention", "fits"), [(900, False), (901, True)])
def test_a_message_outlives_its_last_receive(retention, fits):
    # Otherwise it would expire before SQS moves it to the dead letter queue, and be gone.
    values = {"queue": {"retention": retention, **NO_WINDOW}, "functions": {"timeout": 50}}

    if fits:
        assert build_settings("dev", values).queue.retention == retention
    else:
        with pytest.raises(SettingsError, match=r"queue\.retention: 900 s .* 900 s"):
            build_settings("dev", values)


@pytest.mark.parametrize("preset", ["standard", "burst"])
def test_an_order_without_fifo_is_refused(preset):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"preset": preset, "queue": {"ordered_by": "transaction"}})

    assert str(refusal.value) == ("queue.ordered_by: 'transaction' needs queue.fifo; a standard queue keeps no order")


@pytest.mark.parametrize(
    "values", [{"preset": "ordered"}, {"queue": {"fifo": True, **NO_WINDOW}}], ids=["preset", "setting"]
)
def test_a_fifo_queue_may_keep_the_order_of_transactions(values):
    queue = {**values.get("queue", {}), "ordered_by": "transaction"}

    settings = build_settings("dev", {**values, "queue": queue})

    assert (settings.queue.fifo, settings.queue.ordered_by) == (True, "transaction")


# --- concurrency ----------------------------------------------------------------------------------------------------


def reserved(**functions):
    rate = functions.pop("rate", 1_000)
    settings = build_settings("dev", {"api": {"throttle_rate": rate}, "functions": functions})
    return reserved_concurrency(settings.api.throttle_rate, settings.functions)


@pytest.mark.parametrize(
    ("given", "ingestion", "processing"),
    [
        # Executions at once are requests per second times seconds per request.
        ({}, 50, 100),
        ({"rate": 2_000}, 100, 200),
        ({"ingestion_budget": 20, "processing_budget": 10}, 20, 10),
        # Of a fraction, the next whole number.
        ({"rate": 990, "ingestion_budget": 51}, 51, 99),
        ({"rate": 21, "ingestion_budget": 48}, 2, 3),
        # One at least, and two where an event source mapping asks for them.
        ({"rate": 1, "ingestion_budget": 1, "processing_budget": 1}, 1, 2),
        # A number that is set counts.
        ({"ingestion_reserved_concurrency": 3, "ingestion_budget": 500}, 3, 100),
        ({"processing_reserved_concurrency": 2, "processing_budget": 500}, 50, 2),
    ],
    ids=str,
)
def test_concurrency_follows_from_rate_and_budgets(given, ingestion, processing):
    assert reserved(**given) == {"ingestion": ingestion, "processing": processing}


@given(rate=st.integers(1, 10_000), ingestion=st.integers(1, 29_000), processing=st.integers(1, 30_000))
def test_what_is_reserved_bears_the_rate_and_one_less_would_not(rate, ingestion, processing):
    functions = FunctionSettings(ingestion_budget=ingestion, processing_budget=processing)

    executions = reserved_concurrency(rate, functions)

    for name, budget, least in (("ingestion", ingestion, 1), ("processing", processing, 2)):
        assert executions[name] * 1_000 >= rate * budget
        assert executions[name] == least or (executions[name] - 1) * 1_000 < rate * budget


@pytest.mark.parametrize(
    ("limit", "functions", "total"),
    [
        (250, {}, 150),
        (200, {"ingestion_reserved_concurrency": 40, "processing_reserved_concurrency": 60}, 100),
        (1_000, {"ingestion_budget": 500, "processing_budget": 400}, 900),
    ],
)
def test_a_hundred_executions_stay_unreserved(limit, functions, total):
    fits = {**functions, "account_concurrency": limit}
    assert sum(reserved(**fits).values()) == total == limit - 100

    one_more = {**fits, "processing_reserved_concurrency": reserved(**fits)["processing"] + 1}
    with pytest.raises(SettingsError, match=r"^functions\.account_concurrency: "):
        build_settings("dev", {"functions": one_more})


def test_too_much_for_the_account_is_refused_with_all_numbers():
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"preset": "burst", "functions": {"processing_budget": 100}})

    assert str(refusal.value) == (
        "functions.account_concurrency: 1,000 is too little for 500 for ingestion and 1,000 for processing, 1,500 "
        "together, since Lambda keeps 100 for functions without a reservation; have the account's limit raised and say "
        "so here, or lower api.throttle_rate or the budgets"
    )


def test_an_account_whose_limit_was_raised_bears_more():
    values = {"preset": "burst", "functions": {"processing_budget": 100, "account_concurrency": 1_600}}

    assert build_settings("dev", values).functions.account_concurrency == 1_600


# --- API key --------------------------------------------------------------------------------------------------------

WITHOUT_KEY = [name for name, entry in REGISTRY.items() if not entry.sends_api_key]
KEYED = [{"preset": "burst"}, {"api": {"api_key": True}}]
each_keyed = pytest.mark.parametrize("keyed", KEYED, ids=["preset", "setting"])


def with_key(keyed, **values):
    """Return values that ask for an API key, and these."""
    api = {**keyed.get("api", {}), **values.pop("api", {})}
    return {**keyed, **values, **({"api": api} if api else {})}


def test_there_are_providers_that_can_send_a_key_and_providers_that_cannot():
    assert "stripe" in WITHOUT_KEY
    assert "generic" not in WITHOUT_KEY


@each_keyed
@pytest.mark.parametrize("entry", WITHOUT_KEY)
def test_a_provider_that_cannot_send_the_key_is_refused(entry, keyed):
    options = {"acme": OPTIONS[entry]}
    values = with_key(keyed, providers={"acme": entry, "own": "generic"}, provider_options=options)

    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", values)

    assert str(refusal.value) == (
        f"providers.acme: {REGISTRY[entry].title} cannot send the API key that api.api_key asks for, so that every "
        "webhook of it would be refused; set api.api_key to false, or name it in api.api_key_added_for if it comes "
        "through something that adds the key"
    )


@each_keyed
def test_it_is_accepted_when_something_adds_the_key_for_it(keyed):
    providers = {"acme": "stripe", "code": "github"}

    settings = build_settings("dev", with_key(keyed, providers=providers, api={"api_key_added_for": ["acme", "code"]}))

    assert settings.providers == providers


@each_keyed
def test_whoever_is_not_named_is_still_refused(keyed):
    values = with_key(keyed, providers={"acme": "stripe", "code": "github"}, api={"api_key_added_for": ["acme"]})

    with pytest.raises(SettingsError, match=r"^providers\.code: GitHub cannot send"):
        build_settings("dev", values)


@each_keyed
@pytest.mark.parametrize("name", ["stripe", "", "Acme"])
def test_a_name_for_which_nothing_is_deployed_is_refused(keyed, name):
    # The entry is Stripe's; the name under which it is deployed counts.
    values = with_key(keyed, providers={"acme": "stripe"}, api={"api_key_added_for": [name]})

    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", values)

    assert str(refusal.value) == f"api.api_key_added_for: {name!r} is none of the deployed providers"


def test_adding_a_key_that_nobody_asks_for_is_refused():
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"api": {"api_key_added_for": ["stripe"]}})

    assert str(refusal.value) == "api.api_key_added_for: 'stripe' is named, but api.api_key is false"


def test_without_a_key_every_provider_is_accepted():
    # PayPal's certificates are fetched over the internet, to which a VPC has no way.
    values = {
        "preset": "burst",
        "api": {"api_key": False},
        "network": {"vpc": False},
        "providers": WITHOUT_KEY,
        "provider_options": {name: OPTIONS[name] for name in WITHOUT_KEY},
    }

    assert list(build_settings("dev", values).providers) == WITHOUT_KEY


# --- modes ----------------------------------------------------------------------------------------------------------


def of_modes(entry, only="live", **options):
    values = {"providers": {"acme": entry}, "routing": {"modes": {"acme": only}}}
    return build_settings("dev", {**values, "provider_options": {"acme": {**OPTIONS.get(entry, {}), **options}}})


@pytest.mark.parametrize(
    ("entry", "options"),
    [("stripe", {}), ("adyen-platform", {}), ("paypal", {}), ("adyen", {"mode": "live"}), ("square", {"mode": "live"})],
)
def test_only_live_events_are_routed_of_a_provider_that_says_the_mode(entry, options):
    assert of_modes(entry, **options).routing.modes == {"acme": "live"}


@pytest.mark.parametrize(("entry", "title"), [("adyen", "Adyen payments"), ("square", "Square"), ("github", "GitHub")])
def test_a_mode_that_nobody_signs_keeps_no_test_money_away(entry, title):
    with pytest.raises(SettingsError) as refusal:
        of_modes(entry)

    assert str(refusal.value) == (
        f"routing.modes.acme: {title} does not sign whether money is real; set provider_options.acme.mode, which says "
        "whose secret this name has"
    )


@pytest.mark.parametrize("mode", ["test", "LIVE", "", None, 1, ["live"]], ids=repr)
def test_no_mode_but_live_is_taken(mode):
    with pytest.raises(SettingsError) as refusal:
        of_modes("stripe", mode)

    assert str(refusal.value) == f"routing.modes.acme: {mode!r} is not allowed; allowed: live"


def test_a_mode_of_a_provider_that_is_not_deployed_is_refused():
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"providers": {"acme": "stripe"}, "routing": {"modes": {"stripe": "live"}}})

    assert str(refusal.value) == "routing.modes: 'stripe' is none of the deployed providers, acme"


@pytest.mark.parametrize(("option", "value"), [("mode", "LIVE"), ("mode", ""), ("account", "a b"), ("account", "")])
def test_an_option_of_every_entry_is_checked(option, value):
    with pytest.raises(
        SettingsError, match=rf"^provider_options\.acme\.{option}: {value!r} is not allowed; it is the "
    ):
        build_settings("dev", {"providers": {"acme": "stripe"}, "provider_options": {"acme": {option: value}}})


# --- subscribers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ledger", "a", "0", "a-b", "s" * 32, "dlq"])
@pytest.mark.parametrize("preset", ["standard", "ordered"])
def test_a_subscriber_is_accepted(preset, name):
    values = {"preset": preset, "providers": {"acme": "generic"}, "routing": {"subscribers": {name: "acme"}}}

    assert build_settings("dev", values).routing.subscribers == {name: "acme"}


@pytest.mark.parametrize("name", ["", "Ledger", "a b", "-a", "a-", "a_b", "é", "a/b", "s" * 33, "${x}", "a\n"])
def test_a_subscriber_that_cannot_be_part_of_a_resources_name_is_refused(name):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"routing": {"subscribers": {name: "stripe"}}})

    assert str(refusal.value) == (
        f"routing.subscribers: {name!r} is not allowed; allowed: 1 to 32 lower-case letters, digits and inner hyphens"
    )


MATCH = {
    "eventType": ["invoice.paid", {"prefix": "charge."}],
    "mode": ["live"],
    "account": ["acct_1", {"anything-but": ["acct_2"]}, {"exists": False}],
    "amount": [{"numeric": [">=", 100_000, "<", 5_000_000_000]}],
    "currency": ["EUR", "USD"],
    "exponent": [0],
    "occurredAt": [{"prefix": "2026-"}],
    "outOfOrder": [{"exists": False}],
    "unsigned": [{"exists": False}],
    "recovered": [{"exists": False}],
    "sameBytesAs": [{"exists": False}],
}


def subscribed(match):
    values = {"ledger": {"provider": "acme", "match": match}}
    return build_settings("dev", {"providers": {"acme": "stripe"}, "routing": {"subscribers": values}}).routing


def test_a_subscriber_may_match_on_every_member():
    routing = subscribed(MATCH)

    assert (routing.provider_of, routing.matches) == ({"ledger": "acme"}, {"ledger": MATCH})


FIELD = "routing.subscribers.ledger.match"


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({}, f"{FIELD}: {{}} is not a group of members"),
        ("live", f"{FIELD}: 'live' is not a group of members"),
        ({"livemode": [True]}, f"{FIELD}: 'livemode' is no member that a rule can match on"),
        ({"mode": "live"}, f"{FIELD}.mode: 'live' is not a list of values"),
        ({"mode": []}, f"{FIELD}.mode: [] is not a list of values"),
        ({"mode": ["LIVE"]}, f"{FIELD}.mode: 'LIVE' is not allowed"),
        ({"currency": ["eur"]}, f"{FIELD}.currency: 'eur' is not allowed"),
        ({"amount": ["100"]}, f"{FIELD}.amount: '100' is not allowed"),
        ({"amount": [True]}, f"{FIELD}.amount: True is not allowed"),
        ({"amount": [{"numeric": [">=", 5_000_000_001]}]}, f"{FIELD}.amount: {{'numeric': ['>=', 5000000001]}} is not"),
        ({"amount": [{"numeric": ["=>", 1]}]}, f"{FIELD}.amount: {{'numeric': ['=>', 1]}} is not allowed"),
        ({"amount": [{"prefix": "1"}]}, f"{FIELD}.amount: {{'prefix': '1'}} is not allowed"),
        ({"account": [{"numeric": ["=", 1]}]}, f"{FIELD}.account: {{'numeric': ['=', 1]}} is not allowed"),
        ({"account": [{"anything-but": []}]}, f"{FIELD}.account: {{'anything-but': []}} is not allowed"),
        ({"account": [{"exists": "no"}]}, f"{FIELD}.account: {{'exists': 'no'}} is not allowed"),
        ({"account": [{"suffix": "1"}]}, f"{FIELD}.account: {{'suffix': '1'}} is not allowed"),
        ({"account": [{"exists": True, "prefix": "a"}]}, f"{FIELD}.account: {{'exists': True, 'prefix': 'a'}} is not"),
        ({"outOfOrder": [False]}, f"{FIELD}.outOfOrder: False is not allowed"),
        ({"account": [None]}, f"{FIELD}.account: None is not allowed"),
        ({"eventType": [f"{n:05d}" for n in range(236)]}, f"{FIELD}: 1,903 characters are too many for the pattern of"),
    ],
)
def test_what_no_event_could_match_is_refused(match, message):
    with pytest.raises(SettingsError) as refusal:
        subscribed(match)

    assert str(refusal.value).startswith(message)


def test_a_pattern_as_long_as_a_rule_takes_is_accepted():
    assert subscribed({"eventType": [f"{n:05d}" for n in range(235)]})


def test_all_events_of_a_provider_go_to_as_many_subscribers_as_a_rule_has_targets():
    def of(count):
        matching = {"match": {"provider": "acme", "match": {"mode": ["live"]}}}
        subscribers = {f"s{n}": "acme" for n in range(count)} | matching
        return build_settings("dev", {"providers": {"acme": "stripe"}, "routing": {"subscribers": subscribers}})

    assert len(of(5).routing.subscribers) == 6
    with pytest.raises(SettingsError) as refusal:
        of(6)
    assert str(refusal.value).startswith("routing.subscribers: 6 get all events of 'acme'; allowed: 5,")


# A provider is deployed under a name: an entry that is not deployed, or only under another, sends nothing.
@pytest.mark.parametrize("provider", ["stripe", "generic", "", "Acme", None, 5, ["acme"], {"acme": 1}], ids=repr)
def test_a_subscriber_of_a_provider_that_is_not_deployed_is_refused(provider):
    values = {"providers": {"acme": "generic", "other": "github"}, "routing": {"subscribers": {"ledger": provider}}}

    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", values)

    assert str(refusal.value) == (
        f"routing.subscribers.ledger: {provider!r} is none of the deployed providers, acme, other"
    )


# --- network --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cidr", ["10.0.0.0/23", "10.0.0.0/16", "10.255.255.224/27", "172.16.0.0/16", "172.31.0.0/20", "192.168.0.0/16"]
)
def test_private_addresses_for_two_subnets_are_accepted(cidr):
    assert build_settings("dev", {"network": {"cidr": cidr}}).network.cidr == cidr


@pytest.mark.parametrize(
    "cidr",
    [
        # What AWS takes as a VPC, and what can be halved into subnets that it takes.
        "10.0.0.0/15", "10.0.0.0/8", "10.0.0.0/28", "10.0.0.0/32", "10.0.0.0",
        # Private to nobody, or to something else.
        "8.8.0.0/16", "172.32.0.0/16", "192.0.2.0/24", "100.64.0.0/16", "127.0.0.0/16", "169.254.0.0/16", "0.0.0.0/16",
        "198.18.0.0/16", "240.0.0.0/16",
        # The same address otherwise, as Terraform does not take it.
        "10.0.0.0/255.255.254.0", "10.0.0.0/0.0.1.255", "10.0.0.0/023",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(cidr):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"network": {"cidr": cidr}})

    assert str(refusal.value) == f"network.cidr: {cidr!r} is not allowed; allowed: private, /16 to /27"


@pytest.mark.parametrize(
    "cidr", ["", "x", "10.0.0.1/23", "10.0.0/23", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/64", "10.0.0.0/23\n", "${x}"]
)
def test_what_is_no_network_is_refused(cidr):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"network": {"cidr": cidr}})

    assert str(refusal.value).startswith(f"network.cidr: {cidr!r} is not an IPv4 network: ")


@pytest.mark.parametrize("zones", [["a", "b"], ["c", "f"], ["b", "a"]], ids=repr)
def test_two_zones_are_accepted(zones):
    assert build_settings("dev", {"network": {"zones": zones}}).network.zones == zones


@pytest.mark.parametrize("zones", [[], ["a"], ["a", "a"], ["a", "b", "c"]], ids=repr)
def test_other_than_two_zones_are_refused(zones):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"network": {"zones": zones}})

    assert str(refusal.value) == f"network.zones: {zones!r} is not allowed; allowed: two different zone letters"


@pytest.mark.parametrize("zone", ["", "A", "1", "ab", "us-east-1b", "é", "b\n", "${x}"], ids=repr)
def test_a_zone_that_is_no_letter_is_refused(zone):
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"network": {"zones": ["a", zone]}})

    assert str(refusal.value) == f"network.zones: {zone!r} is not the letter of an availability zone"


# --- tags -----------------------------------------------------------------------------------------------------------

WRONG_TAGS = {
    "one of AWS's own": ({"aws:owner": "x"}, "tags: 'aws:owner' is not allowed"),
    "one of AWS's own, in capitals": ({"AWS:owner": "x"}, "tags: 'AWS:owner' is not allowed"),
    "one of the service's": ({"Environment": "x"}, "tags: 'Environment' is not allowed"),
    "an empty name": ({"": "x"}, "tags: '' is not allowed"),
    "a name with other characters": ({"a*b": "x"}, "tags: 'a*b' is not allowed"),
    "a long name": ({"a" * 129: "x"}, "tags: 'aaa"),
    "a number": ({"a": 5}, "tags.a: 5 is not allowed"),
    "a long value": ({"a": "x" * 257}, "tags.a: 'xxx"),
    "more than fit": ({f"t{number}": "" for number in range(41)}, "tags: 41 is not allowed"),
}


@pytest.mark.parametrize(("tags", "message"), WRONG_TAGS.values(), ids=WRONG_TAGS.keys())
def test_tags_that_aws_refuses_are_refused(tags, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        build_settings("dev", {"tags": tags})


# --- rates of providers ---------------------------------------------------------------------------------------------

WRONG_RATES = {
    "of nobody": ({"shop": 5}, "api.provider_rates: 'shop' is none of the deployed providers, stripe"),
    "nothing": ({"stripe": 0}, "api.provider_rates.stripe: 0 is not allowed; allowed: 1 to api.throttle_rate, 1000"),
    "more than the stage": ({"stripe": 1_001}, "api.provider_rates.stripe: 1001 is not allowed"),
    "a text": ({"stripe": "5"}, "api.provider_rates.stripe: '5' is not allowed"),
    "a switch": ({"stripe": True}, "api.provider_rates.stripe: True is not allowed"),
}


@pytest.mark.parametrize(("rates", "message"), WRONG_RATES.values(), ids=WRONG_RATES.keys())
def test_a_rate_is_that_of_a_deployed_provider_and_within_the_stage_s(rates, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        build_settings("dev", {"providers": ["stripe"], "api": {"provider_rates": rates}})


# --- silence --------------------------------------------------------------------------------------------------------


def of_silence(given):
    return build_settings("dev", {"monitoring": {"expect_every": {"stripe": given}}}).monitoring.expectations["stripe"]


@pytest.mark.parametrize(
    ("every", "seconds", "period"),
    [
        ("5m", 300, 300),
        ("90m", 5_400, 300),
        ("24h", 86_400, 300),
        ("1d", 86_400, 300),
        ("25h", 90_000, 3_600),
        ("7d", 604_800, 3_600),
    ],
)
def test_a_duration_has_periods_with_which_an_alarm_looks_back_as_far(every, seconds, period):
    expected = of_silence(every)

    assert (expected.seconds, expected.period) == (seconds, period)
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert seconds <= (86_400 if period < 3_600 else 604_800)
    assert seconds % period == 0


@pytest.mark.parametrize(
    "every", ["4m", "7m", "0h", "05m", "8d", "169h", "1441m", "1505m", "1 h", "1w", "h", "", "1H", 3_600, None, ["1h"]]
)
def test_a_duration_that_no_alarm_looks_back_for_is_refused(every):
    with pytest.raises(SettingsError) as refusal:
        of_silence({"every": every})

    assert str(refusal.value) == (
        f"monitoring.expect_every.stripe.every: {every!r} is not allowed; allowed: 5m to 7d, which is as far as an "
        "alarm looks back, in steps of 5 minutes up to a day and of an hour beyond, such as 30m, 6h or 2d"
    )


@pytest.mark.parametrize(
    ("member", "value", "allowed"),
    [
        *(
            (
                "except_hours",
                value,
                "the first hour that does not count and the first that counts again, 0 to 23 in UTC, such as 22-6",
            )
            for value in ("6-6", "22", "22-24", "-1-6", "22:00-6:00", "", [22, 6], 22)
        ),
        *(
            ("except_weekdays", value, "a list of mon, tue, wed, thu, fri, sat, sun")
            for value in ("sat", ["Sat"], [6], ["saturday"], None)
        ),
    ],
)
def test_hours_and_weekdays_that_are_not_are_refused(member, value, allowed):
    with pytest.raises(SettingsError) as refusal:
        of_silence({"every": "1h", member: value})

    assert (
        str(refusal.value) == f"monitoring.expect_every.stripe.{member}: {value!r} is not allowed; allowed: {allowed}"
    )


@pytest.mark.parametrize(
    "given", [None, 3_600, {}, {"except_hours": "22-6"}, {"every": "1h", "except": "22-6"}, ["1h"]]
)
def test_an_expectation_of_another_form_is_refused(given):
    with pytest.raises(SettingsError) as refusal:
        of_silence(given)

    assert str(refusal.value) == (
        f"monitoring.expect_every.stripe: {given!r} is not allowed; allowed: a duration such as 2h, or every with "
        "except_hours, except_weekdays or both"
    )


@pytest.mark.parametrize(
    ("exceptions", "longest", "works"),
    [
        ({"except_hours": "22-6"}, 16, "955m"),
        ({"except_hours": "0-23"}, 1, "55m"),
        ({"except_weekdays": ["sat", "sun"]}, 120, "119h"),
        # From Saturday into Monday.
        ({"except_weekdays": ["tue", "wed", "thu", "fri"]}, 72, "71h"),
        ({"except_hours": "22-6", "except_weekdays": ["sat", "sun"]}, 16, "955m"),
        ({"except_hours": "6-22", "except_weekdays": ["sat", "sun"]}, 8, "475m"),
    ],
)
def test_a_silence_that_exceptions_always_interrupt_is_refused(exceptions, longest, works):
    assert of_silence({"every": works, **exceptions}).words.startswith(f"{works}, not counting ")

    with pytest.raises(SettingsError) as refusal:
        of_silence({"every": f"{longest}h", **exceptions})

    assert str(refusal.value) == (
        f"monitoring.expect_every.stripe.every: '{longest}h' is not allowed with what is excepted; allowed: less than "
        f"{longest}h, the longest time without an excepted hour or weekday, since silence is counted anew after each"
    )


def test_a_week_that_is_excepted_as_a_whole_is_refused():
    with pytest.raises(SettingsError, match=r"allowed: less than 0h, "):
        of_silence({"every": "5m", "except_weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]})


def test_an_expectation_of_a_provider_that_is_not_deployed_is_refused():
    with pytest.raises(SettingsError) as refusal:
        build_settings("dev", {"providers": {"acme": "stripe"}, "monitoring": {"expect_every": {"stripe": "1h"}}})

    assert str(refusal.value) == "monitoring.expect_every: 'stripe' is none of the deployed providers, acme"
