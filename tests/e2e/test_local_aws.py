"""What the local AWS of ``make demo`` and ``make up`` keeps from one run to the next, and how it answers."""

import json
import socket
import ssl
from contextlib import ExitStack

import pytest
from rich.console import Console

from tools.local import aws, saved_stack
from tools.local.aws import LocalAws
from tools.local.progress import Progress
from tools.local.saved_stack import DESCRIPTION, SavedStack


def test_copies_of_a_saved_server_hold_what_it_held_each_under_its_own_address(tmp_path):
    # Given a server with a queue and a secret
    with LocalAws.start() as server:
        server.client("sqs").create_queue(QueueName="kept")
        server.client("secretsmanager").create_secret(Name="kept", SecretString="s3cret")
        server.save(tmp_path / "saved")

    # When it is resumed twice at once
    with ExitStack() as servers:
        copies = [servers.enter_context(LocalAws.resume(tmp_path / "saved")) for _ in range(2)]
        urls = [copy.client("sqs").list_queues()["QueueUrls"] for copy in copies]

        # Then each has them, and what is done to one is done to no other
        for copy, (url,) in zip(copies, urls, strict=True):
            assert url.startswith(f"{copy.url}/")
            assert copy.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "s3cret"
            copy.client("sqs").delete_queue(QueueUrl=url)
        assert copies[0].port != copies[1].port


def test_nobody_takes_the_port_of_a_server_that_is_being_started(monkeypatch):
    environment = aws._server_environment

    def taking_the_port(port, folder):
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        return environment(port, folder)

    monkeypatch.setattr(aws, "_server_environment", taking_the_port)
    with LocalAws.start() as server:
        assert server.answers()


def test_an_answer_comes_in_one_piece():
    # Terraform's provider may close its side once it has the head, see tools/local/aws_server.py.
    with LocalAws.start() as server:
        trust = ssl.create_default_context(cafile=server.certificate_authority)
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            trust.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            for _ in range(3):
                connection.sendall(b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                # One record of TLS, which is what the server wrote at once.
                head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 OK")
                assert json.loads(body)


@pytest.mark.parametrize("described", [None, "not JSON", json.dumps({}), json.dumps({"digest": "of another stack"})])
def test_only_the_very_stack_that_would_be_deployed_is_resumed(tmp_path, monkeypatch, described):
    saved = SavedStack(root=tmp_path)
    saved.folder.mkdir()
    if described is not None:
        (saved.folder / DESCRIPTION).write_text(described, encoding="utf-8")
    called = []
    monkeypatch.setattr(SavedStack, "_digest", lambda self: "of this stack")
    monkeypatch.setattr(SavedStack, "_deploy", lambda self, digest, progress: called.append(f"deployed {digest}"))
    monkeypatch.setattr(LocalAws, "resume", lambda folder: called.append(f"resumed {folder.name}"))
    monkeypatch.setattr(saved_stack, "resumed", lambda aws, environment: environment)

    assert saved.start(Progress(Console(quiet=True))) == "local"
    (saved.folder / DESCRIPTION).write_text(json.dumps({"digest": "of this stack"}), encoding="utf-8")
    saved.start(Progress(Console(quiet=True)))

    assert called == ["deployed of this stack", "resumed local", "resumed local"]


def test_a_change_of_the_synthesized_stack_changes_its_digest(tmp_path, monkeypatch, bundles):
    del bundles
    saved = SavedStack(root=tmp_path)
    digest = saved._digest()
    assert saved._digest() == digest

    real = saved_stack.synthesize

    def changed(environment, outdir):
        folder = real(environment, outdir)
        file = folder / "cdk.tf.json"
        file.write_text(file.read_text(encoding="utf-8").replace('"memory_size": 512', '"memory_size": 513'), "utf-8")
        return folder

    monkeypatch.setattr(saved_stack, "synthesize", changed)

    assert saved._digest() != digest
