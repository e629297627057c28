"""What more than one kind of test uses; anything slow is made once per session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.bundle import BUNDLES, FUNCTIONS
from tools.ministack import LocalAws

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")


@pytest.fixture(scope="session")
def bundles() -> Path:
    missing = [name for name in FUNCTIONS if not (BUNDLES / f"{name}.zip").is_file()]
    assert not missing, "the bundles have not been built: run 'make bundle', which 'make test' does by itself"
    return BUNDLES


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    """A MiniStack of this session's own, empty at first, with IAM enforced."""
    with LocalAws.start() as server:
        yield server
