"""What the local AWS of ``make demo`` and ``make up`` keeps from one run to the next."""

import json

import pytest

from tools.ministack import LocalAws
from tools.saved_stack import SavedStack


def test_a_saved_server_holds_what_it_held(tmp_path):
    # Given a server with a queue and a secret
    with LocalAws.start() as server:
        url = server.client("sqs").create_queue(QueueName="kept")["QueueUrl"]
        server.client("secretsmanager").create_secret(Name="kept", SecretString="s3cret")
        server.save(tmp_path / "saved")

    # When it is resumed, twice, because what was saved stays as it is
    for _ in range(2):
        with LocalAws.resume(tmp_path / "saved", server.port) as resumed:
            secret = resumed.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"]
            urls = resumed.client("sqs").list_queues()["QueueUrls"]
            resumed.client("sqs").delete_queue(QueueUrl=url)

        # Then
        assert (urls, secret) == ([url], "s3cret")


@pytest.mark.parametrize("described", [None, "not JSON", json.dumps({}), json.dumps({"digest": "of another stack"})])
def test_only_the_very_stack_that_would_be_deployed_is_resumed(tmp_path, monkeypatch, described):
    saved = SavedStack(tmp_path / "stack", "local")
    saved.folder.mkdir()
    if described is not None:
        (saved.folder / "stack.json").write_text(described, encoding="utf-8")
    called = []
    monkeypatch.setattr(SavedStack, "_digest", lambda self: "of this stack")
    monkeypatch.setattr(SavedStack, "_resume", lambda self: called.append("resumed"))
    monkeypatch.setattr(SavedStack, "_deploy", lambda self, digest, on_event: called.append(f"deployed {digest}"))

    saved.start(lambda: called.append("told"), lambda event: None)

    assert called == ["told", "deployed of this stack", "resumed"]


def test_a_change_of_the_synthesized_stack_changes_its_digest(tmp_path, monkeypatch, bundles):
    del bundles
    saved = SavedStack(tmp_path / "stack", "local")
    digest = saved._digest()
    assert saved._digest() == digest

    import tools.saved_stack

    real = tools.saved_stack.synthesize

    def changed(environment, outdir):
        folder = real(environment, outdir)
        file = folder / "cdk.tf.json"
        file.write_text(file.read_text(encoding="utf-8").replace('"memory_size": 512', '"memory_size": 513'), "utf-8")
        return folder

    monkeypatch.setattr(tools.saved_stack, "synthesize", changed)

    assert saved._digest() != digest
