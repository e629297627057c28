"""The quarantine: what is kept, in which order, and that no flood makes more of it than the allowance."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.inbound.aws_calls.errors import AwsRefusedError, AwsUnreachableError
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.quarantine import HOUR_SECONDS, UNIT_BYTES, Allowance, Quarantine, key_of, prefix_of
from lambdas.ingestion.ingest_message import KEPT_OUT, IngestMessage, read, write
from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from tests.unit.providers.paypal_world import WEBHOOK_ID, delivery
from tests.unit.test_ingestion_logic import World, stripe
from tests.unit.webhooks import NOW, request, signed

PER_HOUR = 36_000
SMALL = 2_000


class Table:
    """As DynamoDB does: one counter for each key, and a condition."""

    def __init__(self):
        self.taken = {}
        self.calls = 0
        self.failure = None

    def update_item(self, *, Key, ExpressionAttributeValues, **_):  # noqa: N803 (names of boto3)
        self.calls += 1
        if self.failure:
            raise self.failure
        key = (Key["transactionId"]["S"], Key["timestamp"]["S"])
        most, block = (int(ExpressionAttributeValues[name]["N"]) for name in (":most", ":block"))
        if key in self.taken and self.taken[key] > most:
            raise AwsRefusedError("UpdateItem", 400, "ConditionalCheckFailedException")
        self.taken[key] = self.taken.get(key, 0) + block


class Clock:
    now = 1_790_000_000.0

    def __call__(self):
        return self.now


def executions(count, per_hour=PER_HOUR, table=None, clock=None):
    table = table or Table()
    return table, [Allowance(table, "records", per_hour, clock or Clock()) for _ in range(count)]


# --- the allowance ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 50])
def test_a_flood_through_any_number_of_executions_is_kept_up_to_the_allowance(count):
    table, allowances = executions(count)

    kept = sum(allowances[number % count].take("stripe", SMALL) for number in range(1_000_000))

    # Blocks that are begun in each execution may be left over, and nothing is kept beyond.
    assert PER_HOUR - count * PER_HOUR // 1_000 <= kept <= PER_HOUR
    # A write for each block, and one more from each execution, which then knows.
    assert table.calls <= 1_000 + count


def test_what_is_slow_enough_for_one_execution_is_kept_whole():
    _, (allowance, *_) = executions(50)

    assert all(allowance.take("stripe", SMALL) for _ in range(PER_HOUR))
    assert not allowance.take("stripe", SMALL)


def test_a_flood_of_one_provider_leaves_another_its_own():
    _, (allowance,) = executions(1, per_hour=1_000)

    while allowance.take("stripe", SMALL):
        pass

    assert allowance.take("github", SMALL)


def test_the_next_hour_has_an_allowance_of_its_own():
    clock = Clock()
    _, (allowance,) = executions(1, per_hour=1_000, clock=clock)
    while allowance.take("stripe", SMALL):
        pass

    clock.now += HOUR_SECONDS

    assert allowance.take("stripe", SMALL)


def test_what_an_execution_has_left_of_an_hour_is_not_good_for_the_next():
    # Otherwise each execution that lives on would add to the next hour what it did not use.
    clock = Clock()
    table, (allowance,) = executions(1, per_hour=1_000_000, clock=clock)
    allowance.take("stripe", SMALL)

    clock.now += HOUR_SECONDS
    allowance.take("stripe", SMALL)

    assert list(table.taken.values()) == [1_000, 1_000]


def test_a_webhook_counts_once_for_each_32_kb_that_it_begins():
    table, (allowance, another) = executions(2, per_hour=1_000)

    # 184 each, of which five leave 80
    assert [allowance.take("stripe", 6_000_000) for _ in range(6)] == [True] * 5 + [False]
    # An execution asks once an hour in vain
    assert not allowance.take("stripe", UNIT_BYTES)
    assert table.calls == 6
    assert sum(another.take("stripe", UNIT_BYTES) for _ in range(100)) == 80


@given(st.lists(st.integers(1, 6_000_000), min_size=20, max_size=100), st.integers(1, 5))
def test_bytes_are_bounded_too(sizes, count):
    _, allowances = executions(count, per_hour=1_000)

    kept = [size for at, size in enumerate(sizes) if allowances[at % count].take("stripe", size)]

    assert sum(kept) <= 1_000 * UNIT_BYTES


def test_a_table_that_does_not_answer_is_no_refusal():
    table, (allowance,) = executions(1)
    table.failure = AwsUnreachableError("UpdateItem", "timed out")

    with pytest.raises(AwsUnreachableError):
        allowance.take("stripe", SMALL)

    table.failure = None
    assert allowance.take("stripe", SMALL)


# --- keys and messages ------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1_600_000_000_000, 4_000_000_000_000), min_size=2, max_size=20, unique=True))
def test_the_keys_of_a_provider_are_in_the_order_of_receipt(milliseconds):
    keys = {at: key_of("stripe", at / 1_000, "request") for at in milliseconds}

    assert sorted(keys.values()) == [keys[at] for at in sorted(milliseconds)]
    assert all(key.startswith(prefix_of("stripe")) for key in keys.values())


def test_no_correlation_id_leads_out_of_the_prefix():
    key = key_of("stripe", NOW, "../../raw/x y")

    assert key.count("/") == 2
    assert key.startswith("quarantine/stripe/")


_NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-_0123456789", min_size=1, max_size=20)
_VALUES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), min_size=1, max_size=3)


@given(st.binary(max_size=500), st.dictionaries(_NAMES, _VALUES, max_size=5), st.integers(0, 4_000_000_000_000))
def test_a_request_is_read_as_it_was_written(body, headers, milliseconds):
    request = WebhookRequest(body=body, headers=headers, received_at=milliseconds / 1_000)

    found = read(write(IngestMessage(provider="stripe", correlation_id="request-1", request=request)))

    assert (found.provider, found.correlation_id) == ("stripe", "request-1")
    assert found.request == replace(
        request, headers={name: values for name, values in headers.items() if name not in KEPT_OUT}
    )


def test_what_lets_its_holder_in_somewhere_is_not_kept():
    headers = {"authorization": ["Basic x"], "x-api-key": ["k"], "cookie": ["c"], "stripe-signature": ["t=1,v1=00"]}
    request = WebhookRequest(body=b"", headers=headers, received_at=NOW)

    message = write(IngestMessage(provider="stripe", correlation_id="request-1", request=request))

    assert read(message).request.headers == {"stripe-signature": ["t=1,v1=00"]}


# --- what is kept -----------------------------------------------------------------------------------------------------


class Archive:
    """Takes what is quarantined."""

    def __init__(self):
        self.objects = {}
        self.failure = None

    def store_json(self, key, message):
        if self.failure:
            raise self.failure
        self.objects[key] = message


def quarantining(world, archive, table=None, per_hour=1_000):
    _, (allowance,) = executions(1, per_hour=per_hour, table=table)
    return replace(world.ingestion(), quarantine=Quarantine(archive=archive, allowance=allowance))


def refused(ingestion, request):
    with pytest.raises(SignatureRefusedError) as found:
        ingestion.accept("stripe", request, "request-1")
    return found.value


def test_a_wrong_signature_is_refused_and_kept_as_it_came():
    world, archive = World(secrets=["whsec_wrong"]), Archive()
    request = stripe()

    refusal = refused(quarantining(world, archive), request)

    assert refusal.quarantined is True
    ((key, message),) = archive.objects.items()
    assert key == key_of("stripe", request.received_at, "request-1")
    assert read(message).request == request
    assert (world.messages, world.stored) == ([], [])


HOPELESS = {
    "no signature": lambda: replace(stripe(), headers={}),
    "a malformed one": lambda: replace(stripe(), headers={"stripe-signature": ["x"]}),
    "repeated": lambda: replace(stripe(), headers={"stripe-signature": ["t=1,v1=00", "t=1,v1=00"]}),
    # Judged at receipt, by which time it was too old: no secret makes it younger.
    "too old when it came": lambda: replace(stripe(), received_at=NOW + 3_600),
}


@pytest.mark.parametrize("what", HOPELESS)
def test_what_no_secret_can_prove_is_not_kept_and_takes_nothing_of_the_allowance(what):
    table, archive = Table(), Archive()

    refusal = refused(quarantining(World(), archive, table), HOPELESS[what]())

    assert refusal.quarantined is None
    assert (archive.objects, table.calls) == ({}, 0)


WRONG_OPTIONS = {
    "another environment": ("paypal", {"webhook_id": WEBHOOK_ID, "environment": "sandbox"}, delivery()),
    "another header": ("generic", {"header": "X-Signature"}, signed("generic")),
    "another header with the time": ("generic-timestamped", {"timestamp_header": "X-T"}, signed("generic-timestamped")),
    "another prefix of headers": ("standard-webhooks", {"header_prefix": "svix"}, signed("standard-webhooks")),
    "the one prefix while it is another": (
        "standard-webhooks-ed25519",
        {},
        request(b"{}", {"svix-id": "1", "svix-timestamp": "1", "svix-signature": "v1a,AA=="}),
    ),
}


@pytest.mark.parametrize("what", WRONG_OPTIONS)
def test_what_another_option_can_prove_is_kept(what):
    entry, options, came = WRONG_OPTIONS[what]
    archive = Archive()
    ingestion = replace(quarantining(World(), archive), providers={"stripe": REGISTRY[entry].configured(options)})

    assert refused(ingestion, came).quarantined is True
    assert [read(message).request for message in archive.objects.values()] == [came]


def test_beyond_the_allowance_it_is_refused_all_the_same_and_says_that_it_is_not_kept():
    archive = Archive()
    ingestion = quarantining(World(secrets=["whsec_wrong"]), archive, per_hour=1)

    assert [refused(ingestion, stripe()).quarantined for _ in range(3)] == [True, False, False]
    assert len(archive.objects) == 1


def test_without_a_quarantine_nothing_is_kept():
    assert refused(World(secrets=["whsec_wrong"]).ingestion(), stripe()).quarantined is None


@pytest.mark.parametrize("down", ["table", "archive"])
def test_what_should_be_kept_and_cannot_be_is_not_refused_for_good(down):
    table, archive = Table(), Archive()
    {"table": table, "archive": archive}[down].failure = AwsUnreachableError("Call", "timed out")

    with pytest.raises(UnavailableError) as found:
        quarantining(World(secrets=["whsec_wrong"]), archive, table).accept("stripe", stripe(), "request-1")

    assert found.value.reason == "not_quarantined"
