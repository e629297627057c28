"""The functions as they are deployed: their handlers, loaded once for each execution environment."""

import importlib.util
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from lambdas.inbound import secrets
from lambdas.inbound.aws_calls import credentials, services
from lambdas.shared import aws, observability
from tests.lambdas.simulation.inbound.aws import AwsCalls
from tests.lambdas.simulation.kernel import Invocation, Kernel

_ROOT = Path(__file__).parents[4] / "lambdas"
_KEPT = object()


class Reports:
    """Logger, metrics and tracer of the functions.

    Metrics are written when a handler ends, and are lost when its process does before.

    Attributes
    ----------
    metrics
        Name to the sum over all invocations.
    """

    def __init__(self, kernel: Kernel, say: Callable[[str], None]) -> None:
        self.metrics: Counter[str] = Counter()
        self._kernel = kernel
        self._say = say
        self._buffers: dict[Invocation, Counter[str]] = {}

    def stand_ins(self) -> dict[str, Any]:
        """Return what stands where Powertools does."""

        def unchanged(*_: Any, **__: Any) -> Callable[[Any], Any]:
            return lambda handler: handler

        def line(message: str, **fields: Any) -> None:
            self._say(f"log: {message} {fields}")

        logger = SimpleNamespace(
            inject_lambda_context=unchanged, set_correlation_id=lambda _: None, info=line, warning=line, error=line
        )
        metrics = SimpleNamespace(
            service="simulated",
            namespace="simulated",
            add_metric=self._add,
            add_dimensions=lambda **_: None,
            flush_metrics=self._flush,
            log_metrics=self._flushed,
        )

        def count_at_once(metric: str, count: int = 1, **_: str) -> None:
            self._add(name=metric, unit="Count", value=count)
            self._flush()

        tracer = SimpleNamespace(capture_lambda_handler=unchanged)
        return {"logger": logger, "metrics": metrics, "tracer": tracer, "count_at_once": count_at_once}

    def _add(self, *, name: str, unit: Any, value: int) -> None:
        del unit
        inv = self._kernel.current
        assert inv is not None
        self._buffers.setdefault(inv.root, Counter())[name] += value

    def _flush(self) -> None:
        inv = self._kernel.current
        assert inv is not None
        buffer = self._buffers.pop(inv.root, Counter())
        if not inv.root.killed:
            self.metrics.update(buffer)

    def printed(self, line: str) -> None:
        """Count the metrics of a line in the embedded metric format."""
        inv, document = self._kernel.current, json.loads(line)
        assert inv is not None
        if not inv.root.killed:
            for directive in document["_aws"]["CloudWatchMetrics"]:
                self.metrics.update({one["Name"]: sum(document[one["Name"]]) for one in directive["Metrics"]})

    def _flushed(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        def run(event: dict[str, Any], context: Any) -> Any:
            try:
                return handler(event, context)
            finally:
                self._flush()

        return run


class Function:
    """A function, with its execution environments.

    Parameters
    ----------
    modules
        Of `lambdas`, loaded in this order for each environment; the last one has the handler.
    variables
        Its environment variables.
    clients
        AWS service to its client.
    stand_ins
        Names in modules of `lambdas`, and what stands there while it is loaded.
    """

    def __init__(
        self,
        kernel: Kernel,
        reports: Reports,
        modules: tuple[str, ...],
        variables: Mapping[str, str],
        clients: Mapping[str, Any],
        *,
        stand_ins: Sequence[tuple[ModuleType, str, Any]] = (),
    ) -> None:
        self._kernel = kernel
        self._reports = reports
        self._modules = modules
        self._variables = variables
        self._clients = clients
        self._stand_ins = stand_ins
        self._idle: list[Callable[[dict[str, Any], Any], Any]] = []

    def invoke(self, event: dict[str, Any]) -> Any:
        """Run the handler as the current invocation, in an environment that no other one has."""
        inv = self._kernel.current
        assert inv is not None
        handler = self._idle.pop() if self._idle else self._load()
        context = SimpleNamespace(
            function_name=self._modules[-1],
            memory_limit_in_mb=512,
            invoked_function_arn="arn",
            aws_request_id="request",
            get_remaining_time_in_millis=lambda: int((inv.ends - self._kernel.now) * 1000),
        )
        result = handler(event, context)
        # A process that died serves nobody.
        self._idle.append(handler)
        return result

    def _load(self) -> Callable[[dict[str, Any], Any], Any]:
        with ExitStack() as stack:
            replace = lambda of, name, value: stack.enter_context(mock.patch.object(of, name, value))  # noqa: E731
            stack.enter_context(mock.patch.dict(os.environ, self._variables))
            replace(time, "time", self._kernel.clock)
            replace(aws, "client", self._clients.__getitem__)
            for name, value in self._reports.stand_ins().items():
                replace(observability, name, value)
            replace(credentials, "RoleCredentials", lambda: None)
            replace(services, "S3", lambda *_: AwsCalls(self._clients["s3"]))
            replace(services, "DynamoDb", lambda _: AwsCalls(self._clients["dynamodb"]))
            replace(services, "Sqs", lambda _: AwsCalls(self._clients["sqs"]))
            replace(services, "SecretsManager", lambda _: AwsCalls(self._clients["secretsmanager"]))
            replace(secrets, "SecretStore", partial(secrets.SecretStore, clock=self._kernel.clock))
            for stand_in in self._stand_ins:
                replace(*stand_in)
            stack.enter_context(_as_they_were(self._modules))
            modules = [_fresh(name) for name in self._modules]
        for module in modules:
            # Ingestion writes its metrics itself.
            vars(module)["print"] = self._reports.printed
        return module.handler  # type: ignore[no-any-return]


def _fresh(name: str) -> ModuleType:
    path = _ROOT / Path(*name.split(".")).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(f"lambdas.{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[f"lambdas.{name}"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _as_they_were(names: tuple[str, ...]) -> Iterator[None]:
    """Take modules out of Python's list of them, and put back afterwards what was there."""
    before = {f"lambdas.{name}": sys.modules.pop(f"lambdas.{name}", _KEPT) for name in names}
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not _KEPT:
                sys.modules[name] = module  # type: ignore[assignment]
