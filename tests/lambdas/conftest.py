"""The local AWS of the functions' tests, and handlers imported as Lambda imports them."""

import importlib
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import boto3
import pytest

from tests.lambdas.delivery_api_support import ApiCaller, Place
from tests.lambdas.support import Clients, World
from tools.local.aws import REGION, ROOT_KEY, LocalAws


@pytest.fixture(scope="session")
def clients(local_aws: LocalAws) -> Clients:
    return Clients.of(local_aws)


@pytest.fixture
def world(clients: Clients) -> World:
    return World.build(clients)


@pytest.fixture
def place(clients: Clients) -> Place:
    """The delivery API's own tables, queue and secret."""
    return Place.build(clients)


@pytest.fixture
def tenant_api(place: Place, cold_start: Callable[..., ModuleType]) -> ApiCaller:
    """Calls of the tenant ``acme``."""
    return ApiCaller(module=cold_start("delivery_api", **place.variables), tenant="acme")


@pytest.fixture
def operator_api(place: Place, cold_start: Callable[..., ModuleType]) -> ApiCaller:
    """Calls of an operator."""
    return ApiCaller(module=cold_start("delivery_operator", **place.variables))


@pytest.fixture(scope="module")
def untouched_place(clients: Clients) -> Place:
    """One place for all tests of a file whose calls are refused and leave nothing in it."""
    return Place.build(clients)


@pytest.fixture(scope="module")
def refusing_tenant_api(untouched_place: Place, warm_start: Callable[..., ModuleType]) -> ApiCaller:
    """Calls of the tenant ``acme`` that leave nothing behind."""
    return ApiCaller(module=warm_start("delivery_api", **untouched_place.variables), tenant="acme")


@pytest.fixture(scope="module")
def refusing_operator_api(untouched_place: Place, warm_start: Callable[..., ModuleType]) -> ApiCaller:
    """Calls of an operator that leave nothing behind."""
    return ApiCaller(module=warm_start("delivery_operator", **untouched_place.variables))


@pytest.fixture
def lambda_environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Point the process's environment at the local AWS, and take everything else of AWS and Powertools out of it."""
    return _pointed_at(local_aws, monkeypatch)


def _pointed_at(local_aws: LocalAws, patch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith(("AWS_", "POWERTOOLS_")):
            patch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": local_aws.url,
        "AWS_CA_BUNDLE": str(local_aws.certificate_authority),
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The stack's default, INFO, would let a leak at DEBUG go unseen.
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
        "POWERTOOLS_METRICS_NAMESPACE": "Webhooks",
    }.items():
        patch.setenv(name, value)
    return patch


class CurrentStdout:
    """Standard output as it is when something is written: pytest has another one in each phase of a test."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


class Sessions:
    """boto3's sessions, one for each environment that they are made from.

    boto3 keeps the first one, with its credentials, for the life of the process, and a Lambda process has one
    environment. Here they are kept because each costs more than the test that needs it.
    """

    def __init__(self) -> None:
        self._made: dict[frozenset[tuple[str, str]], boto3.Session] = {}

    def of_this_environment(self) -> boto3.Session:
        environment = frozenset((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
        if environment not in self._made:
            self._made[environment] = boto3.Session()
        return self._made[environment]


@pytest.fixture(scope="session")
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def cold_start(lambda_environment: pytest.MonkeyPatch, sessions: Sessions) -> Iterator[Callable[..., ModuleType]]:
    """Return a function that imports a handler's module as a new process does, with its own clients and logger."""
    with _starting(lambda_environment, sessions) as start:
        yield start


@pytest.fixture(scope="module")
def warm_start(local_aws: LocalAws, sessions: Sessions) -> Iterator[Callable[..., ModuleType]]:
    """Do what `cold_start` does, once for all tests of a file: a start takes longer than most requests."""
    with pytest.MonkeyPatch.context() as patch, _starting(_pointed_at(local_aws, patch), sessions) as start:
        yield start


@contextmanager
def _starting(environment: pytest.MonkeyPatch, sessions: Sessions) -> Iterator[Callable[..., ModuleType]]:
    """Yield a function that starts handlers.

    The package's modules that tests imported before are put back afterwards: were they not, a test further on would
    meet two classes of one name.
    """
    before = {name: module for name, module in sys.modules.items() if _ours(name)}

    def start(function: str, **variables: str) -> ModuleType:
        # Powertools keeps one logger per service for the life of the process.
        service = f"{function}-{uuid.uuid4().hex[:8]}"
        for name, value in {**variables, "POWERTOOLS_SERVICE_NAME": service}.items():
            environment.setenv(name, value)
        environment.setattr(boto3, "DEFAULT_SESSION", sessions.of_this_environment())
        _forget()
        module = importlib.import_module(f"lambdas.{function}.handler")
        for handler in logging.getLogger(service).handlers:
            assert isinstance(handler, logging.StreamHandler)
            handler.setStream(CurrentStdout())
        return module

    yield start
    _forget()
    sys.modules.update(before)


def _ours(name: str) -> bool:
    return name == "lambdas" or name.startswith("lambdas.")


def _forget() -> None:
    for name in [name for name in sys.modules if _ours(name)]:
        del sys.modules[name]
