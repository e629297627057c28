"""The tools that read a synthesized stack, on the presets as they deploy."""

import copy
import re

import pytest

from modules.settings.validation import SettingsError
from tests.unit.priced_stack import Observed, bill, entry
from tools.estimate.cost.alternatives import alternatives
from tools.estimate.cost.rules import NoPriceError, Paid
from tools.estimate.observed.functions import Observer
from tools.estimate.simulate.deployment import read
from tools.estimate.simulate.needs import request_limit
from tools.estimate.simulate.platform import AWS
from tools.estimate.simulate.timing import Timing
from tools.estimate.synthesized import Stack, webhook_path


@pytest.fixture
def preset_stack(preset):
    return Stack(preset.document)


@pytest.fixture(scope="session")
def standard_stack(standard):
    return Stack(standard.document)


def test_every_resource_of_a_preset_has_a_price_or_a_reason(preset_stack):
    priced = bill(preset_stack, rate=10)

    assert priced.per_month > 0
    assert {line.resource.split(".")[0] for line in priced.lines} >= {
        "aws_api_gateway_rest_api",
        "aws_lambda_function",
        "aws_sqs_queue",
        "aws_dynamodb_table",
        "aws_s3_bucket",
        "aws_cloudwatch_event_bus",
        "aws_cloudwatch_event_archive",
        "aws_cloudwatch_log_group",
        "aws_secretsmanager_secret",
    }


def test_a_resource_that_is_added_is_not_free(standard_stack):
    document = copy.deepcopy(dict(standard_stack.document))
    document["resource"]["aws_nat_gateway"] = {"way_out": {}}

    with pytest.raises(NoPriceError, match=r"aws_nat_gateway\.way_out"):
        bill(Stack(document), rate=10)


def test_a_month_in_which_nothing_is_sent_is_paid_for_what_waits(standard_stack):
    # 4 secrets at $0.40, 22 alarms on one metric and 6 on two at $0.10 for each, a dashboard, and 5 and 2 pollers that
    # ask an empty queue every 20 s
    idle = bill(standard_stack, rate=0.000001).of(Paid.IDLE)

    polling = (5 + 2) * 730 * 3600 / 20 * 0.4e-6
    assert idle == pytest.approx(4 * 0.40 + (22 + 6 * 2) * 0.10 + 3 + polling, abs=0.01)


RECONCILING = {"stripe": {"every": "1h", "types": ["*"]}, "github": {"every": "1h", "hook": "repos/acme/shop/hooks/7"}}


def test_reconciliation_costs_its_key_and_alarms_when_idle_and_its_reads_by_the_million(standard_stack, synthesize):
    stack = Stack(synthesize(values={"reconciliation": RECONCILING, "statement": False}).document)
    idle = bill(stack, rate=0.000001).of(Paid.IDLE) - bill(standard_stack, rate=0.000001).of(Paid.IDLE)

    # A secret and four alarms for each; of the function and its queue, two on one metric and one on two; and 730 runs,
    # with a report of $5 in a million, some writes and a read of each secret, of which GitHub has two
    runs = 730 * (2 * 5e-6 + 6 * 0.625e-6 + 3 * 5e-6)
    assert idle == pytest.approx(2 * (0.40 + 4 * 0.10) + 4 * 0.10 + runs, abs=0.03)

    # Each event is listed three times, in the run of its hour and in two overlaps; GitHub's are two reads
    one = bill(stack, rate=0.4)
    share = one.case.webhooks / 4
    assert entry(one, "records compared: stripe").usd == pytest.approx(share * 3 * 0.125e-6)
    assert entry(one, "records compared: github").usd == pytest.approx(730 * 900 / 1.0342 * 2 * 0.125e-6, rel=0.01)
    # and GitHub's at one a second, for as long as the runs last
    assert entry(one, "duration of listing: github").quantity == pytest.approx(730 * 900 / 2)


def test_the_daily_statement_costs_its_alarms_when_idle_and_a_read_of_each_record(standard_stack, synthesize):
    stack = Stack(synthesize(values={"statement": True}).document)
    idle = bill(stack, rate=0.000001).of(Paid.IDLE) - bill(standard_stack, rate=0.000001).of(Paid.IDLE)

    # Five alarms on one metric and one on two; and on each of 30.4 days, of four providers and what is unreadable, 240
    # queries of half a unit and 2.1 ms of a core, for the day and for 14 before it
    queries = 5 * 240 * 15 * 730 / 24
    cpu = queries * 0.0021 * 1_769 / 1_024 * 13.3334e-6
    assert idle == pytest.approx(7 * 0.10 + queries / 2 * 0.125e-6 + cpu, abs=0.02)

    one = bill(stack, rate=0.4)
    assert entry(one, "records counted of the daily statement").usd == pytest.approx(one.case.webhooks * 0.125e-6)
    million = sum(line.usd for line in one.lines if "daily statement" in line.what and line.paid is Paid.PASSING)
    assert million / one.case.webhooks * 1e6 == pytest.approx(0.174, abs=0.005)


def test_a_function_that_runs_at_set_times_has_no_price(synthesize):
    document = copy.deepcopy(dict(synthesize(values={"reconciliation": RECONCILING}).document))
    for rule in document["resource"]["aws_cloudwatch_event_rule"].values():
        if "schedule_expression" in rule:
            rule["schedule_expression"] = "cron(0 12 * * ? *)"

    with pytest.raises(NoPriceError, match=r"only a schedule of rate"):
        bill(Stack(document), rate=10)


def test_every_alternative_is_priced_by_the_same_rules(preset_stack):
    # At a rate that fills batches
    one = bill(preset_stack, rate=1_000)

    others = {each.name: bill(each.stack, rate=1_000, archive=each.archive) for each in alternatives(one)}

    fifo = bool(one.case.path.queue.get("fifo_queue"))
    behind_queue = one.case.path.ingest_queue is not None
    # Behind an ingest queue, a function in the request replaces two others: direct integration and the function URL.
    assert len(others) == 4 + 2 * (not fifo) - behind_queue
    for name, other in others.items():
        assert other.per_month != pytest.approx(one.per_month), name
    if not behind_queue:
        url = others["function URL instead of the REST API"]
        assert not [line for line in url.lines if line.what == "REST API requests"]
    if not fifo and not behind_queue:
        direct = others["direct integration instead of a function in the request"]
        assert direct.case.path.ingest_queue is not None
        assert {line.what for line in direct.lines if line.resource == "aws_sqs_queue.ingest"} == {
            "requests taken in",
            "batches received",
            "batches deleted",
        }


def test_a_function_integration_instead_of_an_ingest_queue_costs_what_it_would_as_deployed(preset_of):
    direct, standard = (bill(Stack(preset_of(name).document), rate=1_000) for name in ("direct", "standard"))

    (other,) = [
        each for each in alternatives(direct) if each.name == "a function integration instead of the ingest queue"
    ]
    priced = bill(other.stack, rate=1_000)

    assert priced.case.path.ingest_queue is None
    assert priced.per_month == pytest.approx(standard.per_month, abs=0.01)
    assert direct.per_month > priced.per_month + 100
    assert "10 requests/s" in other.price


def test_an_alternative_leaves_the_stack_as_it_was(standard_stack):
    before = copy.deepcopy(dict(standard_stack.document))

    alternatives(bill(standard_stack, rate=10))

    assert standard_stack.document == before


def test_what_is_simulated_is_what_deploys(preset_of):
    found = {name: read(Stack(preset_of(name).document)) for name in ("standard", "ordered", "burst")}

    assert (found["standard"].throttle_rate, found["standard"].throttle_burst) == (1_000, 2_000)
    assert (found["burst"].throttle_rate, found["burst"].throttle_burst) == (10_000, 10_000)
    assert {name: each.fifo for name, each in found.items()} == {"standard": False, "ordered": True, "burst": False}
    assert found["ordered"].groups == 4
    assert {name: each.busy_status for name, each in found.items()} == {"standard": 429, "ordered": 429, "burst": 503}
    assert {name for name, each in found.items() if each.ingest_queue} == {"burst"}
    assert {(each.visibility_s, each.max_receives) for each in found.values()} == {(300, 3)}


@pytest.mark.parametrize(("name", "limit"), [("standard", 500), ("burst", 10_000)])
def test_the_api_accepts_what_the_documents_say(preset_of, name, limit):
    # At any duration below a tenth of a second
    timing = Timing(ingestion=0.05, batch=0.1, event=0.05, cold_start=0)

    assert request_limit(read(Stack(preset_of(name).document)), timing, AWS) == limit


@pytest.mark.parametrize(
    ("preset_name", "environment", "named"),
    [
        ("large", "", "PRESET: 'large'"),
        ("", "nowhere", "ENVIRONMENT_SUFFIX: 'nowhere'"),
        ("standard", "dev", "PRESET and ENVIRONMENT_SUFFIX"),
    ],
)
def test_what_is_not_there_is_named(preset_name, environment, named):
    from tools.estimate.synthesized.synthesis import choose

    with pytest.raises(SettingsError, match=re.escape(named)):
        choose(preset_name, environment)


@pytest.fixture(scope="module")
def seen(standard_stack):
    with Observer(standard_stack, webhook_path(standard_stack), 1_024) as observer:
        yield observer.ingestion(), observer.processing(1), observer.processing(10)


@pytest.mark.parametrize("provider", ["stripe", "paddle", "gocardless", "braintree"])
def test_a_stack_of_a_single_provider_is_observed(synthesize, provider):
    # Whatever it is answered, and however old its sample is
    stack = Stack(synthesize(values={"providers": [provider]}).document)
    with Observer(stack, webhook_path(stack), 2_048) as observer:
        ingested, (first, _) = observer.ingestion(), observer.processing(1)

    assert ingested.calls["SendMessage"] == first.calls["PutEvents"] == 1


def test_ingestion_makes_one_call(seen):
    ingested, _, _ = seen

    assert dict(ingested.calls) == {"SendMessage": 1}
    # The body in base64, and what the envelope says of it
    assert 1_024 * 4 / 3 < ingested.message_bytes[0] < 1_024 * 4 / 3 + 1_500
    # A line that says so, and one of metrics
    assert 300 < ingested.log_bytes < 1_200
    assert any(name.endswith("Accepted") for name in ingested.metrics)


def test_a_batch_is_archived_recorded_and_routed_and_again_it_is_not(seen):
    _, (one, _), (ten, again) = seen

    assert len(ten.event_bytes) == 10
    assert sum(ten.objects) >= 10 * 1_024
    assert ten.table_write_units >= 10
    # An entry by transaction each, and one by time of receipt for all
    assert (one.index_write_units, ten.index_write_units) == (2, 11)
    assert ten.stored_item_bytes < 10 * one.stored_item_bytes
    # Nothing is published, kept or indexed twice, but for the listing, which is written before anybody knows
    assert not again.event_bytes
    assert again.index_write_units == 1
    assert again.stored_item_bytes < one.stored_item_bytes


def test_ingestion_archives_a_large_payload(standard_stack):
    with Observer(standard_stack, webhook_path(standard_stack), 300_000) as observer:
        ingested = observer.ingestion()

    assert sum(ingested.objects) >= 300_000
    assert ingested.message_bytes[0] < 3_000
    priced = bill(standard_stack, rate=1, size=300_000, observed=Seen(ingested))
    assert entry(priced, "messages sent").quantity == pytest.approx(priced.case.webhooks)


def test_the_same_is_observed_twice(standard_stack, seen):
    with Observer(standard_stack, webhook_path(standard_stack), 1_024) as observer:
        again = observer.ingestion(), observer.processing(1), observer.processing(10)

    assert again[0].calls == seen[0].calls
    assert again[0].log_bytes == pytest.approx(seen[0].log_bytes, abs=20)
    assert again[2][0].log_bytes == pytest.approx(seen[2][0].log_bytes, abs=100)
    assert again[2][0].in_order == seen[2][0].in_order


class Seen(Observed):
    def __init__(self, ingested):
        super().__init__()
        self.ingested = ingested

    def ingestion(self):
        return self.ingested
