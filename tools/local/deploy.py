"""The stacks of an environment, synthesized and applied to a local AWS by real Terraform."""

import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lambdas.inbound.providers.registry import REGISTRY
from modules.constructs.bundling import BUNDLES
from modules.settings.environments import load_settings
from tools.build.bundle import bundles_for_this_machine
from tools.local.aws import LocalAws
from tools.local.delivery import LocalDelivery
from tools.local.progress import Progress
from tools.local.stack import ENVIRONMENTS, LocalStack
from tools.local.terraform import TerraformError, Workspace


def deploy_stacks(aws: LocalAws, folder: Path, environment: str, progress: Progress) -> LocalStack:
    """Synthesize an environment, apply its stacks at once, and return the inbound one, the delivery stack beside it.

    Parameters
    ----------
    folder : Path
        Where the synthesized stacks, Terraform's work and its state go.

    Raises
    ------
    TerraformError
        When one of them fails; the other one is waited for.
    """
    progress.begin("synthesizing")
    synthesized = synthesize(environment, clean(folder / "synth"))
    source = synthesized.with_name(f"delivery-{environment}")
    bus_is_there = threading.Event()

    def note(event: Mapping[str, Any]) -> None:
        follow_inbound(event)
        kind = event.get("hook", {}).get("resource", {}).get("resource_type")
        if event.get("type") == "apply_complete" and kind == "aws_cloudwatch_event_bus":
            bus_is_there.set()

    def deploy_inbound() -> LocalStack:
        try:
            workspace = Workspace.create(synthesized, folder / "inbound", aws.environment())
            apply(workspace, aws, note)
        finally:
            bus_is_there.set()
        return LocalStack.take_over(aws, workspace, environment)

    def deploy_delivery() -> LocalDelivery | None:
        if not source.is_dir():
            return None
        workspace = Workspace.create(source, folder / "delivery", aws.environment())
        workspace.prepare(follow_delivery)
        # Its rules are put on the bus of the inbound stack.
        bus_is_there.wait()
        apply(workspace, aws, follow_delivery, prepared=True)
        return LocalDelivery.take_over(aws, workspace, environment)

    follow_delivery = progress.follow("delivery")
    follow_inbound = progress.follow("inbound")
    progress.begin("planning")
    with ThreadPoolExecutor(2) as pool:
        inbound, delivery = pool.submit(deploy_inbound), pool.submit(deploy_delivery)
    stack = inbound.result()
    stack.delivery = delivery.result()
    return stack


def synthesize(environment: str, outdir: Path) -> Path:
    """Synthesize an environment and return the folder of its inbound stack; its delivery stack's is beside it."""
    settings = load_settings(ENVIRONMENTS, environment)
    native = settings.delivery is not None or any(REGISTRY[entry].native for entry in settings.providers.values())
    bundles = bundles_for_this_machine() if native else BUNDLES
    # Importing it takes a second, and not everything here synthesizes.
    from main import build_app  # noqa: PLC0415

    build_app(environment, outdir, bundles, ENVIRONMENTS).synth()
    return outdir / "stacks" / f"webhooks-{environment}"


def apply(
    workspace: Workspace,
    aws: LocalAws,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    *,
    prepared: bool = False,
) -> None:
    """Apply a stack to a local AWS, or what was prepared of it.

    Raises
    ------
    TerraformError
        When that fails, with what Terraform said, and the errors that the server logged.
    """
    try:
        workspace.apply(on_event, prepared=prepared)
    except TerraformError as error:
        said = "\n".join(aws.complaints()) or "no errors"
        raise TerraformError(f"{error}\nthe local AWS said:\n{said}") from error


def clean(folder: Path) -> Path:
    """Return a folder that is there and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
