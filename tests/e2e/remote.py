"""A user's project, deployed with ``npx cdktf deploy`` and its state in S3."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools import ROOT
from tools.local.aws import REGION, LocalAws
from tools.local.stack import ENVIRONMENTS, LocalStack
from tools.local.terraform import Workspace

STATE_BUCKET = "terraform-state"
DEPLOY_TIMEOUT_SECONDS = 600


class CdktfError(Exception):
    """A cdktf command failed; the message is what it printed."""


@dataclass
class Project:
    """A copy of this project whose environments keep their state in one bucket.

    Attributes
    ----------
    folder : Path
        The copy.
    aws : LocalAws
        The account that it deploys to.
    seconds : dict[str, float]
        Environment to how long its deployment took.
    second_attempt : str
        What a deployment printed that was tried while another held the lock.
    """

    folder: Path
    aws: LocalAws
    seconds: dict[str, float] = field(default_factory=dict)
    second_attempt: str = ""

    @classmethod
    def create(cls, folder: Path, aws: LocalAws, environments: tuple[str, ...]) -> "Project":
        for name in ("modules", "lambdas"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "main.py", folder)
        for name in (".build", ".venv", "node_modules"):
            (folder / name).symlink_to(ROOT / name)
        document = json.loads((ROOT / "cdktf.json").read_text(encoding="utf-8"))
        document |= json.loads(ENVIRONMENTS.read_text(encoding="utf-8"))
        for name in environments:
            document["context"]["environments"][name]["backend"] = {
                "bucket": STATE_BUCKET,
                "key": state_key(name),
                "region": REGION,
                "use_path_style": True,
            }
        (folder / "cdktf.json").write_text(json.dumps(document), encoding="utf-8")
        aws.client("s3").create_bucket(Bucket=STATE_BUCKET)
        return cls(folder, aws)

    def deploy(self, environment: str, output: str | None = None) -> str:
        """Run ``cdktf deploy`` and return what it printed."""
        return self._cdktf(environment, "deploy", "--auto-approve", output=output)

    def destroy(self, environment: str) -> str:
        """Run ``cdktf destroy`` and return what it printed."""
        return self._cdktf(environment, "destroy", "--auto-approve")

    def workspace(self, environment: str) -> Workspace:
        """Return the folder in which cdktf had Terraform work."""
        folder = self.folder / f"out-{environment}" / "stacks" / f"webhooks-{environment}"
        return Workspace.reopen(folder, self._environment(environment))

    def stack(self, environment: str) -> LocalStack:
        """Return a deployed environment, with its secrets filled."""
        return LocalStack.take_over(self.aws, self.workspace(environment), environment)

    def state(self, environment: str) -> str:
        """Return the state as it lies in the bucket."""
        answer = self.aws.client("s3").get_object(Bucket=STATE_BUCKET, Key=state_key(environment))
        return str(answer["Body"].read().decode())

    def state_objects(self) -> set[str]:
        """Return the keys in the bucket, lock files included."""
        found = self.aws.client("s3").list_objects_v2(Bucket=STATE_BUCKET)
        return {item["Key"] for item in found.get("Contents", [])}

    @contextmanager
    def deploying(self, environment: str) -> Iterator["subprocess.Popen[str]"]:
        """Start a deployment and go on; wait for its end, which must be a success."""
        started = time.monotonic()
        with subprocess.Popen(
            self._command("deploy", "--auto-approve", output=f"out-{environment}"),
            cwd=self.folder,
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=(log := self.folder / f"{environment}.log").open("w", encoding="utf-8"),
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
                process.wait(DEPLOY_TIMEOUT_SECONDS)
            finally:
                if process.poll() is None:
                    process.terminate()
        self.seconds[environment] = time.monotonic() - started
        if process.returncode:
            raise CdktfError(log.read_text(encoding="utf-8"))

    def _cdktf(self, environment: str, *arguments: str, output: str | None = None) -> str:
        run = subprocess.run(
            self._command(*arguments, output=output or f"out-{environment}"),
            cwd=self.folder,
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEPLOY_TIMEOUT_SECONDS,
            check=False,
        )
        if run.returncode:
            raise CdktfError(run.stdout + run.stderr)
        return run.stdout + run.stderr

    def _command(self, *arguments: str, output: str) -> list[str]:
        return ["npx", "cdktf", *arguments, "--output", output, "--terraform-parallelism", "20"]

    def _environment(self, environment: str) -> Mapping[str, str]:
        return environment_of(self.aws) | {"ENVIRONMENT_SUFFIX": environment}


def environment_of(aws: LocalAws) -> dict[str, str]:
    """Return the environment of a ``cdktf`` that deploys to a local AWS, and reaches nothing else."""
    # cdktf has Terraform write down the provider's checksums, for which it goes to the registry, or to a mirror.
    mirror = Path.home() / ".terraform.d" / "plugins"
    return {
        **{name: value for name, value in aws.environment().items() if name != "TF_CLI_CONFIG_FILE"},
        **({"TF_CLI_ARGS_providers_lock": f"-fs-mirror={mirror}"} if mirror.is_dir() else {}),
        # Terraform's cache of providers bears no two deployments at once.
        # https://developer.hashicorp.com/terraform/cli/config/config-file#provider-plugin-cache
        "CDKTF_DISABLE_PLUGIN_CACHE_ENV": "true",
        "CHECKPOINT_DISABLE": "1",
        "DISABLE_VERSION_CHECK": "1",
        "CI": "1",
    }


def state_key(environment: str) -> str:
    """Return the key of an environment's state."""
    return f"webhooks/{environment}.tfstate"
