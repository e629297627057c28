"""The archive, when S3 answers that another request for the same key is under way, and its keys.

S3 is a stub here: no emulator has that answer.
"""

import pytest
from botocore.exceptions import ClientError

from lambdas.inbound import archive
from lambdas.inbound.archive import CONFLICT_WAITS, Archive, event_key_of, raw_key
from lambdas.inbound.event import WebhookEvent

CONFLICT, THERE_ALREADY = "ConditionalRequestConflict", "PreconditionFailed"


class StubS3:
    """Answers one by one, and then takes everything."""

    def __init__(self, *codes):
        self.codes = list(codes)
        self.stored = {}

    def put_object(self, *, Key, Body, **_):  # noqa: N803 - the client's own spelling
        if self.codes:
            raise ClientError({"Error": {"Code": self.codes.pop(0)}}, "PutObject")
        self.stored[Key] = Body


@pytest.fixture
def waited(monkeypatch):
    waits = []
    monkeypatch.setattr(archive.time, "sleep", waits.append)
    return waits


def test_a_conflict_is_tried_again_at_once(waited):
    s3 = StubS3(CONFLICT, CONFLICT)

    key = Archive(s3, "bucket").store_dead_letter("key", "message")

    assert s3.stored == {key: b"message"}
    assert waited == list(CONFLICT_WAITS[:2])


def test_a_conflict_with_a_request_that_then_wrote_the_object_is_no_failure(waited):
    s3 = StubS3(CONFLICT, THERE_ALREADY)

    Archive(s3, "bucket").store_dead_letter("key", "message")

    assert s3.codes == []


def test_a_conflict_that_does_not_end_is_a_failure_within_a_second(waited):
    with pytest.raises(ClientError, match=CONFLICT):
        Archive(StubS3(*[CONFLICT] * 100), "bucket").store_dead_letter("key", "message")

    assert sum(waited) < 1


@pytest.mark.parametrize("event_id", ["evt_1", "../a/b", "!2F!!", "".join(map(chr, range(0x21, 0x7F)))])
def test_the_key_of_a_payload_tells_its_event(event_id):
    event = WebhookEvent(provider="acme", event_id=event_id, event_type="t", transaction_id="t", occurred_at=None)
    assert event_key_of(raw_key(event, "0" * 64)) == f"acme:{event_id}"
