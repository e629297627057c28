"""What more than one kind of test uses; anything slow is made once per session."""

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from modules.constructs.bundling import ALL_BUNDLES, BUNDLES
from tests.copies import a_copy
from tools.local.aws import LocalAws
from tools.local.stack import BOTH_QUEUES, LocalStack

# What these assert is told as what tests assert is.
pytest.register_assert_rewrite("tests.browsing")

# A loaded machine is slow, and that is no defect of the code under test.
# The same examples in every run, so that a red one is no matter of luck; `make fuzz` looks for others.
settings.register_profile("here", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


@pytest.fixture(scope="session")
def bundles() -> Path:
    missing = [each.name for each in ALL_BUNDLES if not (BUNDLES / f"{each.name}.zip").is_file()]
    assert not missing, "the bundles have not been built: run 'make bundle', which 'make test' does by itself"
    return BUNDLES


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    """A MiniStack of this session's own, empty at first, with IAM enforced."""
    with LocalAws.start() as server:
        yield server


@pytest.fixture(scope="session")
def stack(bundles: Path) -> Iterator[LocalStack]:
    """The stack as Terraform applied it to a MiniStack of its own, with every secret filled but that of ``acme``."""
    del bundles
    with a_copy() as deployed:
        # Three receives at 300 s would take a quarter of an hour; the functions' time-out in this environment is 10 s.
        # A dead letter whose handler ran into its time-out waits for its next receive too: longer than any test.
        deployed.shorten_retries(12, BOTH_QUEUES)
        yield deployed


def pytest_configure() -> None:
    """Let a terminated run take down what it started, as an interrupted one does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


_numbers: list[str] = []


@pytest.fixture(scope="session")
def report() -> Callable[[str], None]:
    """Have a line printed at the end of the run."""
    return _numbers.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _numbers:
        terminalreporter.section("figures")
        for line in _numbers:
            terminalreporter.write_line(line)


# The longest first, where several workers share the suites.
SUITES = ("e2e", "plan", "lambdas", "synth", "unit", "bindings")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Refuse an id of two tests, of which xdist runs one; keep together what shares a fixture; order the tests."""
    # No UsageError: of one in a worker, xdist tells nothing.
    twice = sorted(name for name, count in Counter(item.nodeid for item in items).items() if count > 1)
    assert not twice, f"two tests have one id: {', '.join(twice)}"
    for item in items:
        group = "plans" if "plan_of" in getattr(item, "fixturenames", ()) else item.nodeid.partition("::")[0]
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group))
    yield
    grouped = not config.getoption("loadgroup", default=False) or all("@" in item.nodeid for item in items)
    assert grouped, "pytest-xdist keeps no groups together with this version of pytest"
    # What destroys a stack comes last, in whatever order the rest runs.
    items.sort(key=lambda item: item.get_closest_marker("destroys_the_stack") is not None)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: SUITES.index(item.path.relative_to(config.rootpath).parts[1]))
