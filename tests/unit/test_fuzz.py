"""A short run of the coverage-guided fuzzer on every provider; ``make fuzz`` runs it for longer."""

import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from tools import ROOT

atheris = pytest.importorskip("atheris", reason="Atheris has wheels for Linux on x86_64 only")

from fuzz.harness import AcceptedError, Harness  # noqa: E402


@pytest.mark.parametrize("entry", REGISTRY)
def test_nothing_escapes_and_nothing_unsigned_is_accepted(entry):
    run = subprocess.run(
        [sys.executable, "-m", "fuzz", entry, "--runs", "3000"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout
    # libFuzzer looks at its limit between inputs that it changes several times, and may be over it by some.
    done = re.search(rf"^{entry}: #(\d+)\tDONE", run.stdout, re.MULTILINE)
    assert done, run.stdout
    assert int(done[1]) >= 3000


def test_a_verifier_that_accepts_everything_is_found():
    harness = Harness("stripe")
    harness.provider = replace(harness.provider, scheme=SimpleNamespace(verify=lambda request, secrets: None))

    with pytest.raises(AcceptedError, match="stripe accepted"):
        harness.try_one(b"anything")


def test_an_error_that_is_no_refusal_escapes():
    harness = Harness("stripe")
    harness.provider = replace(harness.provider, scheme=SimpleNamespace(verify=lambda request, secrets: 1 / 0))

    with pytest.raises(ZeroDivisionError):
        harness.try_one(b"anything")
