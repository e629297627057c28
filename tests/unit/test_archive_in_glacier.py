"""What ``make verify-archive`` says of an archive that it cannot read as a whole."""

import io
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from modules.settings.environments import build_settings
from tools.commands import verify_archive
from tools.commands.target_stack import NoTargetError, Target

STRIPE = "raw/stripe/evt_1/" + "0" * 64
GITHUB = "raw/github/evt_2/" + "0" * 64


class Bucket:
    """An S3 client of a bucket in which some objects lie in Glacier."""

    def __init__(self, keys, in_glacier=()):
        self._keys, self._in_glacier = keys, in_glacier

    def get_paginator(self, _):
        return SimpleNamespace(paginate=lambda **asked: [self._page(asked["Prefix"])])

    def _page(self, prefix):
        found = [{"Key": key, "StorageClass": "GLACIER"} for key in self._keys if key.startswith(prefix)]
        return {"Contents": found} if found else {}

    def get_object(self, **asked):
        if asked["Key"] in self._in_glacier:
            raise ClientError({"Error": {"Code": "InvalidObjectState"}}, "GetObject")
        return {"Body": io.BytesIO(b"{}"), "Metadata": {}}


@pytest.fixture
def verify(monkeypatch):
    def run(bucket, *arguments):
        outputs = {"bucket_name": "archive", "secret_arns": {}}
        target = Target(
            settings=build_settings("dev", {}),
            base_url="",
            outputs=outputs,
            client=lambda _: bucket,
            verify=True,
            signing_secrets={},
        )
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr("sys.argv", ["verify-archive", *arguments])
        return verify_archive.main()

    return run


def test_what_lies_in_glacier_is_told_and_keeps_nothing_else_from_being_verified(verify, capsys):
    assert verify(Bucket([STRIPE, GITHUB], in_glacier=[STRIPE])) == 1

    printed = capsys.readouterr().out
    assert f"in Glacier: {STRIPE}" in printed
    assert f"changed: {GITHUB}" in printed
    assert "restore-object" in printed


def test_what_was_restored_is_verified_although_its_class_is_still_glacier(verify, capsys):
    assert verify(Bucket([GITHUB])) == 1

    assert f"changed: {GITHUB}" in capsys.readouterr().out


def test_a_provider_of_whom_nothing_is_archived_is_no_success(verify):
    with pytest.raises(NoTargetError, match="PROVIDER: nothing is archived under 'strpie'"):
        verify(Bucket([STRIPE]), "--provider", "strpie")
