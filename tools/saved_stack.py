"""Deployed local stacks, kept from one run to the next: only the first has to wait for Terraform's apply."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tools.local import ROOT, LocalStack, Operator, clean, synthesize
from tools.local_delivery import LocalDelivery
from tools.ministack import LocalAws
from tools.terraform import TerraformError, Workspace


@dataclass(frozen=True)
class SavedStack:
    """An environment's stacks as they were right after they were deployed, before anything was sent to them.

    Attributes
    ----------
    folder : Path
        What is kept: Terraform's work and state, the local AWS's files, and how to reach the stack.
    environment : str
        Environment suffix.
    """

    folder: Path
    environment: str

    def start(self, on_deploy: Callable[[], Any], on_event: Callable[[dict[str, Any]], None]) -> LocalStack:
        """Start the saved stack; deploy and save it first, where there is none of what would be deployed now.

        Parameters
        ----------
        on_deploy : Callable
            Told that it has to be deployed.
        on_event : Callable
            Told of Terraform's progress then.

        Raises
        ------
        RuntimeError
            When the local AWS does not start.
        """
        digest = self._digest()
        if self._describes(digest):
            try:
                return self._resume()
            except RuntimeError:
                # Most likely its port was taken since, and the queues' URLs contain it.
                pass
        on_deploy()
        try:
            self._deploy(digest, on_event)
        except TerraformError:
            # On a busy machine MiniStack now and then carries out a request without an answer, and what Terraform then
            # creates again is there already. A second server tells that from a mistake of the stacks.
            self._deploy(digest, on_event)
        return self._resume()

    def description(self) -> dict[str, Any]:
        """Return what was written down of the saved stacks: the port, and how to reach each.

        Raises
        ------
        FileNotFoundError
            When there are none.
        """
        described: dict[str, Any] = json.loads(self._description.read_text(encoding="utf-8"))
        return described

    @property
    def _description(self) -> Path:
        return self.folder / "stack.json"

    def _digest(self) -> str:
        """Return a digest of all that the deployed stack follows from."""
        synthesized = synthesize(self.environment, clean(self.folder.with_name(f"{self.folder.name}-synth")))
        digest = hashlib.sha256(version("ministack").encode())
        stacks = sorted(synthesized.parent.glob("*/cdk.tf.json"))
        for file in [*stacks, *sorted((ROOT / "tools").glob("*.py"))]:
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def _describes(self, digest: str) -> bool:
        try:
            return bool(self.description()["digest"] == digest)
        except (FileNotFoundError, ValueError, KeyError):
            return False

    def _deploy(self, digest: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        with LocalAws.start() as aws:
            stack = LocalStack.deploy(aws, clean(self.folder), self.environment, on_event)
            delivery = LocalDelivery.beside(stack, self.folder / "delivery", on_event)
            aws.save(self.folder / "aws")
            description = {
                "digest": digest,
                "port": aws.port,
                **self._described(stack),
                "secrets": stack.secrets,
                "delivery": self._described(delivery),
            }
        # Written last: without it the folder is no saved stack.
        self._description.write_text(json.dumps(description), encoding="utf-8")

    def _resume(self) -> LocalStack:
        described = self.description()
        aws = LocalAws.resume(self.folder / "aws", described["port"])
        stack = LocalStack(secrets=described["secrets"], **self._common(described, aws))
        stack.delivery = LocalDelivery(**self._common(described["delivery"], aws))
        return stack

    def _described(self, stack: LocalStack | LocalDelivery) -> dict[str, Any]:
        """Return how to reach a stack."""
        return {
            "workspace": str(stack.workspace.folder.relative_to(self.folder)),
            "outputs": dict(stack.outputs),
            "operator": asdict(stack.operator),
        }

    def _common(self, described: dict[str, Any], aws: LocalAws) -> dict[str, Any]:
        """Return what both kinds of stack are made of."""
        return {
            "environment": self.environment,
            "aws": aws,
            "workspace": Workspace.reopen(self.folder / described["workspace"], aws.environment()),
            "outputs": described["outputs"],
            "operator": Operator(**described["operator"]),
        }
