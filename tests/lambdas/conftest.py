"""The local AWS of the functions' tests, and handlers imported as Lambda imports them."""

import importlib
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from types import ModuleType

import boto3
import pytest

from tests.lambdas.support import Clients, World
from tools.ministack import REGION, ROOT_KEY, LocalAws


@pytest.fixture(scope="session")
def clients(local_aws: LocalAws) -> Clients:
    return Clients.of(local_aws)


@pytest.fixture
def world(clients: Clients) -> World:
    return World.build(clients)


@pytest.fixture
def lambda_environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Point the process's environment at the local AWS, and take everything else of AWS and Powertools out of it."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "POWERTOOLS_")):
            monkeypatch.delenv(name)
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
        monkeypatch.setenv(name, value)
    return monkeypatch


class CurrentStdout:
    """Standard output as it is when something is written: pytest has another one in each phase of a test."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture
def cold_start(lambda_environment: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Return a function that imports a handler's module as a new Lambda process does, with its own clients and logger.

    The package's modules that tests imported before are put back afterwards: were they not, a test further on would
    meet two classes of one name.
    """
    before = {name: module for name, module in sys.modules.items() if _ours(name)}

    def start(function: str, **variables: str) -> ModuleType:
        for name, value in variables.items():
            lambda_environment.setenv(name, value)
        # Powertools keeps one logger per service for the life of the process.
        service = f"{function}-{uuid.uuid4().hex[:8]}"
        lambda_environment.setenv("POWERTOOLS_SERVICE_NAME", service)
        # boto3 keeps the credentials of its first client for the life of the process.
        lambda_environment.setattr(boto3, "DEFAULT_SESSION", None)
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
