"""The object of a batch: every payload found in its place, whatever it holds, and nothing else taken for one."""

import hashlib
import random
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.inbound.batch_object import MAGIC, NotABatchObjectError, Payload, erase, read_index, write_batch
from lambdas.inbound.evidence import Evidence

EVIDENCE = Evidence(
    entry="stripe",
    options={"topics": "a,b"},
    scheme="stripe-v1",
    key_id="0123456789abcdef",
    headers={"stripe-signature": "t=1,v1=ab"},
    received_at=1.25,
)
OTHER_EVIDENCE = replace(EVIDENCE, headers={"stripe-signature": "t=2,v1=cd"})


def payload(body, event_id="e", evidence=None, provider="p"):
    return Payload(
        provider=provider,
        event_id=event_id,
        content_type="application/json",
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        evidence=evidence,
    )


# Bodies that end like an object of a batch, and any others.
endings = st.sampled_from([b"", MAGIC, struct.pack(">Q8s", 0, MAGIC), write_batch([payload(b"inner")])[0]])
bodies = st.builds(lambda head, end: head + end, st.binary(max_size=40), endings)
batches = st.lists(
    st.builds(
        payload,
        bodies,
        event_id=st.text(max_size=1),
        evidence=st.sampled_from([None, EVIDENCE, OTHER_EVIDENCE]),
        provider=st.sampled_from(["p", "q"]),
    ),
    min_size=1,
    max_size=8,
)


@given(batch=batches)
def test_every_payload_is_found_in_its_place(batch):
    content, offsets = write_batch(batch)

    index = read_index(content)

    assert {(one.provider, one.event_id, one.sha256) for one in index} == {one.identity for one in batch}
    assert offsets == {(one.provider, one.event_id, one.sha256): one.offset for one in index}
    for one in batch:
        start = offsets[one.identity]
        assert content[start : start + len(one.body)] == one.body


@given(batch=batches)
def test_what_is_erased_is_zeros_without_evidence_and_all_else_is_as_it_was(batch):
    content, _ = write_batch(batch)
    before = read_index(content)
    gone = before[0]

    erased, keys = erase(content, gone.offset, gone.size)

    same = [one for one in before if (one.offset, one.size) == (gone.offset, gone.size)]
    assert keys == [f"{one.provider}:{one.event_id}" for one in same]
    assert read_index(erased) == [replace(one, evidence=None) if one in same else one for one in before]
    for one in before:
        body = erased[one.offset : one.offset + one.size]
        assert body == (bytes(one.size) if one in same else content[one.offset : one.offset + one.size])


def test_nothing_is_erased_where_no_payload_is():
    content, _ = write_batch([payload(b"one"), payload(b"another", "f")])

    assert erase(content, 1, 2) == (content, [])


@given(batch=batches, seed=st.integers())
def test_the_same_payloads_make_the_same_object_in_any_order(batch, seed):
    shuffled = list(batch)
    random.Random(seed).shuffle(shuffled)

    assert write_batch(shuffled) == write_batch(batch)


def test_evidence_comes_along_without_its_certificate():
    certified = Evidence(**{**EVIDENCE.__dict__, "certificate": "-----BEGIN CERTIFICATE-----"})

    content, _ = write_batch([payload(b"{}", evidence=certified)])

    assert read_index(content)[0].evidence == EVIDENCE
    assert b"BEGIN CERTIFICATE" not in content


def test_bytes_that_came_under_several_events_lie_there_once():
    body = b"x" * 1_000

    content, offsets = write_batch([payload(body, "first"), payload(body, "second"), payload(b"other", "third")])

    assert content.count(body) == 1
    assert len(set(offsets.values())) == 2
    assert [one.event_id for one in read_index(content)] == ["first", "second", "third"]


def ending(index, length=None):
    return index + struct.pack(">Q8s", len(index) if length is None else length, MAGIC)


def entry(offset, size, **changes):
    texts = '"provider":"p","eventId":"e","contentType":"t","sha256":"s"'
    return f'{{{texts},"offset":{offset},"size":{size},"evidence":null}}'


def index(*entries):
    return ('{"payloads":[' + ",".join(entries) + "]}").encode()


NO_BATCHES = {
    "nothing": b"",
    "too short": MAGIC,
    "a payload": b'{"id":"evt_1"}' * 10,
    "of another version": ending(index())[:-1] + b"2",
    "cut off": write_batch([payload(b"whole")])[0][1:],
    "an index longer than all": ending(index(), 10_000),
    "an index that is no JSON": ending(b"payloads"),
    "not an index": ending(b"[]"),
    "nested beyond all bearing": ending(b"[" * 100_000),
    "a size that is a text": b"abc" + ending(index(entry(0, '"3"'))),
    "a size that is a truth": b"a" + ending(index(entry(0, "true"))),
    "a size below zero": b"abc" + ending(index(entry(0, -1), entry(0, 3))),
    "a gap": b"abc" + ending(index(entry(1, 2))),
    "an overlap": b"abc" + ending(index(entry(0, 2), entry(1, 2))),
    "more than there is": b"abc" + ending(index(entry(0, 4))),
    "less than there is": b"abc" + ending(index(entry(0, 2))),
}


@pytest.mark.parametrize("content", NO_BATCHES.values(), ids=NO_BATCHES)
def test_what_is_no_batch_is_told(content):
    with pytest.raises(NotABatchObjectError):
        read_index(content)


def test_a_payload_whose_evidence_cannot_be_read_is_still_found():
    content = b"abc" + ending(index(entry(0, 3)))

    assert read_index(content)[0].evidence is None
