"""The bindings of AWS provider 6 write what those of 5 do: ``make test-provider-6``."""

import pytest

from tests.bindings.synthesis import Synthesis
from tools import ROOT


@pytest.fixture(scope="module")
def synthesis(bundles, tmp_path_factory):
    return Synthesis(ROOT / ".tools" / "provider-6" / "bin" / "python", ROOT, tmp_path_factory.mktemp("provider-6"))


def test_every_stack_is_the_same(synthesis):
    assert synthesis.version == "21.22.1"
    assert synthesis.differences() == set()
    assert synthesis.not_as_reviewed() == set()


def test_few_modules_are_loaded(synthesis):
    assert 0 < max(synthesis.loaded.python, synthesis.loaded.node) < 200
