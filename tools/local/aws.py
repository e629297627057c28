"""A local AWS: MiniStack, in a process of its own, with IAM enforced on every call."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import trustme
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
# MiniStack takes this pair for the account's root; the functions get credentials of their own roles.
ROOT_KEY = "test"
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 10
# Where a saved server's files say which port it had.
_PORT = "port"


@dataclass
class LocalEndpoint:
    """Where a running MiniStack answers.

    Attributes
    ----------
    port : int
        Port on the loopback address.
    folder : Path
        Its files: log, objects, the functions' unpacked bundles.
    """

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def certificate_authority(self) -> Path:
        """The certificate that clients must trust."""
        return self.folder / "ca.pem"

    def answers(self) -> bool:
        """Tell whether the server answers."""
        try:
            trust = ssl.create_default_context(cafile=self.certificate_authority)
            health = f"{self.url}/_ministack/health"
            with urllib.request.urlopen(health, timeout=5, context=trust) as answer:  # noqa: S310 (always https)
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def environment(self) -> dict[str, str]:
        """Return environment variables that point Terraform and the SDKs at this server, and at nothing else."""
        return scrubbed(os.environ) | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.certificate_authority),
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # MiniStack ends an HTTP/2 connection in the middle of a large answer; Terraform's provider is a Go program.
            "GODEBUG": "http2client=0",
        }

    def client(self, service: str, key: str = ROOT_KEY, secret: str = ROOT_KEY, config: Config | None = None) -> Any:
        """Return a boto3 client of this server, for the account's root or for an access key."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            verify=str(self.certificate_authority),
            config=Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}).merge(config or Config()),
        )

    def queue_for(self, service: str, name: str) -> tuple[str, str]:
        """Create a queue that a service may send to; return its URL and its ARN."""
        sqs = self.client("sqs")
        url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
        arn = str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return url, arn

    def log(self) -> str:
        """Return the server's log."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def complaints(self) -> list[str]:
        """Return the last lines of the server's log that tell of errors."""
        return [line for line in self.log().splitlines() if re.search(r"ERROR|Error|Traceback", line)][-20:]


@dataclass
class LocalAws(LocalEndpoint):
    """A running MiniStack that belongs to this process.

    Attributes
    ----------
    process : subprocess.Popen
        The server's process, leader of a group of its own. Its files are gone after `stop`.
    """

    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls) -> Self:
        """Start an empty server on a free port and wait until it answers.

        Raises
        ------
        RuntimeError
            When it does not, with the end of its log.
        """
        folder = _new_folder()
        _write_certificate(folder)
        return cls._run(folder, _bound())

    @classmethod
    def resume(cls, saved: Path) -> Self:
        """Start a server with all that another one held when it was saved, on a free port.

        URLs of queues name the port, so that it is replaced wherever it stands.

        Parameters
        ----------
        saved : Path
            What `save` wrote; it stays as it is.

        Raises
        ------
        RuntimeError
            When it does not start.
        """
        folder, bound = _new_folder(), _bound()
        port = _port_of(bound)
        shutil.copytree(saved, folder, symlinks=True, dirs_exist_ok=True)
        old, new = f"127.0.0.1:{(saved / _PORT).read_text()}".encode(), f"127.0.0.1:{port}".encode()
        for file in folder.rglob("*"):
            if file.suffix != ".zip" and file.is_file() and not file.is_symlink():
                content = file.read_bytes()
                if old in content:
                    file.write_bytes(content.replace(old, new))
        return cls._run(folder, bound)

    def save(self, folder: Path) -> None:
        """Stop the server, and keep what it held in a new folder."""
        self._end_in_order()
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("tmp", "log"))
        (folder / _PORT).write_text(str(self.port))
        self.remove_files(self.folder)

    @classmethod
    def _run(cls, folder: Path, bound: socket.socket) -> Self:
        port = _port_of(bound)
        with bound, (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("aws_server.py"))],
                env={**_server_environment(port, folder), "BOUND_SOCKET": str(bound.fileno())},
                pass_fds=[bound.fileno()],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = cls(port=port, folder=folder, process=process)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not server.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = server.log()[-2000:]
                server.stop()
                raise RuntimeError(f"MiniStack did not start on port {port}:\n{tail}")
            time.sleep(0.1)
        return server

    def stop(self) -> None:
        """Stop the server and the functions that it runs, and remove its files."""
        stop_group(self.process.pid)
        self.process.wait()
        self.remove_files(self.folder)

    def _end_in_order(self) -> None:
        """Have the server write what it holds; it waits for clients that stay connected, so that not for ever."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
            while time.monotonic() < deadline:
                self.process.poll()
                os.killpg(self.process.pid, 0)
                time.sleep(0.1)
        stop_group(self.process.pid)
        self.process.wait()

    @staticmethod
    def remove_files(folder: Path) -> None:
        """Remove a stopped server's files."""
        shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()


def stop_group(leader: int) -> None:
    """End a server at once, by the id of its process group, which holds the functions' processes too.

    Nothing of it is kept, and an end in order would last as long as a client stays connected.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without anything that could reach a real account."""
    return {name: value for name, value in environment.items() if not name.startswith(("AWS_", "TF_VAR_"))}


def _server_environment(port: int, folder: Path) -> dict[str, str]:
    temporary = folder / "tmp"
    temporary.mkdir()
    return scrubbed(os.environ) | {
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "MINISTACK_AUTOCREATE_AWS_MANAGED": "1",
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        # The queues and the bucket refuse plain HTTP, here as in AWS.
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(folder / "server.pem"),
        "MINISTACK_SSL_KEY": str(folder / "server.key"),
        "AWS_CA_BUNDLE": str(folder / "ca.pem"),
        # Listeners that nobody here needs, and that would not keep to the loopback address.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "CLOUDTRAIL_RECORDING": "1",
        "CLOUDTRAIL_MAX_EVENTS": "500000",
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        # What it holds is written when it stops, so that it can be saved.
        "PERSIST_STATE": "1",
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="webhooks-aws-"))


def _write_certificate(folder: Path) -> None:
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server.private_key_pem.write_to_path(str(folder / "server.key"))
    for index, blob in enumerate(server.cert_chain_pems):
        blob.write_to_path(str(folder / "server.pem"), append=index > 0)


def _bound() -> socket.socket:
    """Return a socket with a free port, for the server to listen on."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def _port_of(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])
