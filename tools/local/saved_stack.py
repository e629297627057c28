"""One deployment of the local stacks, saved: whoever needs one starts a copy of it in seconds."""

import hashlib
import json
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tools import ROOT
from tools.build.locked import locked
from tools.local.aws import LocalAws
from tools.local.calls import DeployedStack, Operator
from tools.local.delivery import LocalDelivery
from tools.local.deploy import clean, deploy_stacks, synthesize
from tools.local.progress import Progress
from tools.local.stack import LocalStack
from tools.local.terraform import Workspace

DESCRIPTION = "stack.json"


@dataclass(frozen=True)
class SavedStack:
    """An environment's stacks as they were right after they were deployed, before anything was sent to them.

    Attributes
    ----------
    environment : str
        Environment suffix.
    root : Path
        Where saved deployments lie.
    """

    environment: str = "local"
    root: Path = ROOT / ".local"

    @property
    def folder(self) -> Path:
        """What is kept: the files of the local AWS, among them Terraform's state and how to reach the stacks."""
        return self.root / self.environment

    def start(self, progress: Progress) -> LocalStack:
        """Start a copy of the saved stacks; deploy and save them first, unless what is saved would be deployed now.

        Another process that wants the same waits meanwhile.

        Parameters
        ----------
        progress : Progress
            Told what is done.

        Raises
        ------
        TerraformError
            When the deployment fails.
        RuntimeError
            When the local AWS does not start.
        """
        progress.begin("waiting for another deployment")
        with locked(self.folder.with_suffix(".lock")):
            progress.begin("synthesizing")
            digest = self._digest()
            if self._saved_digest() != digest:
                self._deploy(digest, progress)
            progress.begin("starting the local AWS")
            aws = LocalAws.resume(self.folder)
        return resumed(aws, self.environment)

    def _saved_digest(self) -> str | None:
        try:
            return str(json.loads((self.folder / DESCRIPTION).read_text(encoding="utf-8"))["digest"])
        except (FileNotFoundError, ValueError, KeyError):
            return None

    def _digest(self) -> str:
        """Return a digest of all that the deployed stacks follow from."""
        synthesized = synthesize(self.environment, clean(self.root / f"{self.environment}-synth"))
        digest = hashlib.sha256(f"{platform.python_version()} {version('ministack')}".encode())
        sources = Path(__file__).parent.glob("*.py")
        for file in [*sorted(synthesized.parent.glob("*/cdk.tf.json")), *sorted(sources)]:
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def _deploy(self, digest: str, progress: Progress) -> None:
        progress.begin("starting the local AWS")
        with LocalAws.start() as aws:
            stack = deploy_stacks(aws, aws.folder / "terraform", self.environment, progress)
            description = {
                "digest": digest,
                "secrets": stack.secrets,
                "inbound": _described(stack, aws.folder),
                "delivery": _described(stack.delivery, aws.folder) if stack.delivery else None,
            }
            (aws.folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
            progress.begin("saving the deployment")
            unfinished = self.folder.with_name(f"{self.folder.name}-unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            aws.save(unfinished)
        shutil.rmtree(self.folder, ignore_errors=True)
        # Whole or not at all.
        unfinished.rename(self.folder)


def resumed(aws: LocalAws, environment: str) -> LocalStack:
    """Return the stacks of a local AWS that was started from a saved deployment."""
    described = json.loads((aws.folder / DESCRIPTION).read_text(encoding="utf-8"))

    def common(part: dict[str, Any]) -> dict[str, Any]:
        return {
            "environment": environment,
            "aws": aws,
            "workspace": Workspace.reopen(aws.folder / part["workspace"], aws.environment()),
            "outputs": part["outputs"],
            "operator": Operator(**part["operator"]),
        }

    stack = LocalStack(secrets=described["secrets"], **common(described["inbound"]))
    if described["delivery"]:
        stack.delivery = LocalDelivery(**common(described["delivery"]))
    return stack


def _described(stack: DeployedStack, folder: Path) -> dict[str, Any]:
    """Return how to reach a stack."""
    return {
        "workspace": str(stack.workspace.folder.relative_to(folder)),
        "outputs": dict(stack.outputs),
        "operator": asdict(stack.operator),
    }
