"""The evidence beside an archived payload."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.inbound.evidence import MAX_METADATA_BYTES, METADATA_NAME, Evidence, NoEvidenceError

EVIDENCE = Evidence(
    entry="stripe",
    scheme="stripe-v1",
    key_id="0123456789abcdef",
    headers={"stripe-signature": "t=1,v1=ab"},
    received_at=1.5,
)
evidences = st.builds(
    Evidence,
    entry=st.text(),
    scheme=st.text(),
    key_id=st.text(),
    headers=st.dictionaries(st.text(max_size=20), st.text(max_size=100), max_size=4),
    received_at=st.floats(allow_nan=False, allow_infinity=False),
    requalified_at=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    fetched_from=st.none() | st.text(),
)


@given(evidence=evidences)
def test_what_is_written_into_metadata_is_read_again(evidence):
    metadata = evidence.to_metadata()

    # S3 takes printable ASCII, and 2 KB of it.
    assert len(metadata[METADATA_NAME]) <= MAX_METADATA_BYTES
    assert metadata[METADATA_NAME].isascii()
    assert Evidence.from_metadata(metadata) == evidence


def test_headers_that_do_not_fit_are_told_to_be_missing():
    large = Evidence(**{**EVIDENCE.__dict__, "headers": {"paypal-transmission-sig": "x" * 2_000}})

    metadata = large.to_metadata()

    assert len(metadata[METADATA_NAME]) <= MAX_METADATA_BYTES
    with pytest.raises(NoEvidenceError, match="did not fit"):
        Evidence.from_metadata(metadata)


def test_a_certificate_travels_in_the_document_and_lies_in_no_metadata():
    certified = Evidence(**{**EVIDENCE.__dict__, "certificate": "-----BEGIN CERTIFICATE-----"})

    assert Evidence.from_document(certified.to_document()) == certified
    assert Evidence.from_metadata(certified.to_metadata()) == EVIDENCE


@pytest.mark.parametrize("wrong", [5, 0, False, ["x"]], ids=json.dumps)
def test_a_certificate_that_is_no_text_is_told(wrong):
    with pytest.raises(NoEvidenceError):
        Evidence.from_document({**EVIDENCE.to_document(), "certificate": wrong})


@pytest.mark.parametrize("wrong", [["x"], {}, "x"], ids=json.dumps)
def test_a_time_of_requalifying_that_is_none_is_told(wrong):
    with pytest.raises(NoEvidenceError):
        Evidence.from_document({**EVIDENCE.to_document(), "requalifiedAt": wrong})


@pytest.mark.parametrize("metadata", [{}, {METADATA_NAME: ""}, {METADATA_NAME: "!"}, {METADATA_NAME: "e30="}])
def test_metadata_without_evidence_are_told(metadata):
    with pytest.raises(NoEvidenceError):
        Evidence.from_metadata(metadata)


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_a_document_that_is_no_evidence_is_told(document):
    with pytest.raises(NoEvidenceError):
        Evidence.from_document(document)


@pytest.mark.parametrize("name", ["entry", "scheme", "keyId", "headers", "receivedAt", "verdict"])
@pytest.mark.parametrize("wrong", [None, 5, ["a"], {"a": 1}, "x"], ids=json.dumps)
def test_a_document_with_a_wrong_member_is_told(name, wrong):
    right = {"headers": (), "receivedAt": (5,)}.get(name, ("x",))
    if wrong in right:
        return
    with pytest.raises(NoEvidenceError):
        Evidence.from_document({**EVIDENCE.to_document(), name: wrong})
