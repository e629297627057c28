"""``make listen``: what it takes, what it forwards and tells, and what becomes of its queue and rule."""

import hashlib
import io
import json
import signal
import socket
import ssl
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
import trustme
from botocore.exceptions import ClientError, EndpointConnectionError

from lambdas.delivery_receiver.faults import Fault
from lambdas.inbound.evidence import Evidence
from modules.settings.environments import build_settings
from tools.commands.target_stack import NoTargetError, Target
from tools.listen import __main__ as listen
from tools.listen import arrivals, place
from tools.listen.arrivals import Arrival, Wanted
from tools.listen.receiver import NoAnswerError, NobodyThereError, Receiver
from tools.local.faulty_receiver import FaultyReceiver

NOW = 1_790_000_000
SIGNED = {"stripe-signature": "t=1790000000,v1=00"}
RECEIVED_AT = "2026-09-21T14:13:20.000Z"


def refusal(code, operation="Call"):
    return ClientError({"Error": {"Code": code, "Message": "its words"}}, operation)


@dataclass
class World:
    """An environment as a listener sees it: records, archive, and the queues and rules of listeners."""

    providers: dict[str, str] = field(default_factory=lambda: {"stripe": "stripe"})
    routing: dict = field(default_factory=dict)
    now: float = field(default_factory=time.time)
    records: list[dict] = field(default_factory=list)
    objects: dict[str, object] = field(default_factory=dict)
    messages: list[dict] = field(default_factory=list)
    # Queue to its attributes; and the names of rules and of those with a target.
    queues: dict[str, dict] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    # An operation to the errors with which its next calls end.
    wrong: dict[str, list[Exception]] = field(default_factory=dict)

    exceptions = SimpleNamespace(QueueDeletedRecently=type("QueueDeletedRecently", (ClientError,), {}))

    def __post_init__(self):
        self.target = Target(
            settings=build_settings("dev", {"providers": self.providers, "routing": self.routing}),
            base_url="",
            outputs={
                "bucket_name": "archive",
                "table_name": "records",
                "bus_arn": "arn:aws:events:us-east-1:1:event-bus/webhook-events-dev",
            },
            client=lambda _: self,
            verify=True,
            signing_secrets={},
            is_local=True,
        )

    def event(self, number, *, event_type="a.b", body=b"{}", request=None, replay=None, mode=None):
        """Archive an event's webhook, and return what record and bus say of it."""
        sha256, event_id = hashlib.sha256(body).hexdigest(), f"evt_{number}"
        key = f"raw/stripe/{event_id}/{sha256}"
        self.objects[key] = body
        return {
            "eventId": event_id,
            "eventType": event_type,
            "receivedAt": f"2026-09-21T14:13:{number:02}.000Z",
            "correlationId": request or f"request-{number}",
            "contentType": "application/json; charset=utf-8",
            "archive": {"key": key, "size": len(body), "sha256": sha256},
            "state": "ROUTED",
            **({"mode": mode} if mode else {}),
            **({"replay": {"replayId": replay}} if replay else {}),
        }

    def call(self, operation):
        if self.wrong.get(operation):
            raise self.wrong[operation].pop(0)

    # --- the archive

    def get_object(self, **asked):
        self.call("get_object")
        if asked["Key"] not in self.objects:
            raise refusal("NoSuchKey")
        evidence = Evidence(
            entry="stripe", scheme="stripe-v1", key_id="k", headers=SIGNED, received_at=self.now, options={}
        )
        metadata = {} if asked["Key"] in self.wrong.get("no evidence", ()) else evidence.to_metadata()
        return {"Body": io.BytesIO(self.objects[asked["Key"]]), "Metadata": metadata}

    # --- the queue and the rule

    def get_queue_url(self, **asked):
        if asked["QueueName"] not in self.queues:
            raise refusal("AWS.SimpleQueueService.NonExistentQueue")
        return {"QueueUrl": asked["QueueName"]}

    def get_queue_attributes(self, **asked):
        return {"Attributes": self.queues[asked["QueueUrl"]]}

    def create_queue(self, **asked):
        self.call("create_queue")
        name, attributes = asked["QueueName"], asked["Attributes"]
        if self.queues.get(name, attributes)["MessageRetentionPeriod"] != attributes["MessageRetentionPeriod"]:
            raise refusal("QueueAlreadyExists")
        self.queues[name] = {**attributes, "CreatedTimestamp": str(int(time.time()))}
        return {"QueueUrl": name}

    def delete_queue(self, **asked):
        self.call("delete_queue")
        del self.queues[asked["QueueUrl"]]

    def put_rule(self, **asked):
        self.call("put_rule")
        self.pattern = json.loads(asked["EventPattern"])
        self.rules.append(asked["Name"])

    def put_targets(self, **asked):
        self.targets.append(asked["Rule"])
        return {}

    def remove_targets(self, **asked):
        if asked["Rule"] not in self.rules:
            raise refusal("ResourceNotFoundException")
        self.targets = [each for each in self.targets if each != asked["Rule"]]

    def delete_rule(self, **asked):
        # EventBridge removes no rule that has targets.
        assert asked["Name"] not in self.targets
        self.rules.remove(asked["Name"]) if asked["Name"] in self.rules else None

    def receive_message(self, **_):
        self.call("receive_message")
        taken, self.messages = self.messages[:10], self.messages[10:]
        if not taken:
            # Nothing will come any more.
            raise listen.DayIsOverError
        return {
            "Messages": [{"Body": json.dumps({"detail": each}), "ReceiptHandle": each.get("eventId")} for each in taken]
        }

    def delete_message(self, **asked):
        self.deleted = [*getattr(self, "deleted", []), asked["ReceiptHandle"]]


class Records:
    """The records of a world, in pages."""

    def __init__(self, world, _):
        self.world = world

    def by_received(self, provider, start, end, *, bucket, after, limit):
        self.world.asked = (provider, start, end)
        return SimpleNamespace(
            records=self.world.records[bucket : bucket + 2],
            bucket=bucket + 2,
            after=None,
            complete=bucket + 2 >= len(self.world.records),
        )


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command on a world until it has nothing to do; return what it printed, without the times."""
    monkeypatch.setattr(place, "FOLDER", tmp_path / "listen")
    monkeypatch.setattr(arrivals, "RecordQueries", Records)
    monkeypatch.setattr(listen, "RETRY_SECONDS", 0)

    def go(world, *arguments, forward="http://localhost:9/", provider="stripe"):
        monkeypatch.setattr(Target, "chosen", lambda: world.target)
        listen.main(["--provider", provider, "--forward", forward, *arguments])
        out = capsys.readouterr().out
        assert "its words" not in out
        return [line[10:] if line[2:3] == ":" else line for line in out.splitlines()]

    return go


@pytest.fixture
def receiver():
    with FaultyReceiver() as running:
        yield running


# --- what is given

ALLOWED = {
    "http://localhost:3000/hooks": ("localhost", 3000, "/hooks", False),
    "http://127.0.0.1": ("127.0.0.1", None, "/", False),
    "http://127.8.9.1:80/a?b=c&d": ("127.8.9.1", 80, "/a?b=c&d", False),
    "http://[::1]:3000/": ("::1", 3000, "/", False),
    "https://hooks.example.com/x": ("hooks.example.com", None, "/x", True),
}
REFUSED = {
    "": "is not a URL",
    "localhost:3000": "is not a URL",
    "ftp://localhost/": "is not a URL",
    "http://localhost:99999/": "is not a URL",
    "http://localhost:3000/a b": "is not a URL",
    "http://": "is not a URL",
    "http://192.168.1.7:3000/": "in plain text",
    "http://0.0.0.0:3000/": "in plain text",
    "http://localhost.example.com/": "in plain text",
    "http://example.com/": "in plain text",
}


@pytest.mark.parametrize("url", ALLOWED)
def test_a_receiver_on_this_machine_or_behind_https_is_taken(url):
    taken = Receiver.at(url)

    assert (taken.host, taken.port, taken.path, taken.is_https) == ALLOWED[url]


@pytest.mark.parametrize("url", REFUSED)
def test_no_payload_goes_in_plain_text_to_another_machine(url):
    with pytest.raises(NoTargetError, match=f"^FORWARD: '.*' .*{REFUSED[url]}"):
        Receiver.at(url)


def test_a_url_with_credentials_is_refused_and_not_repeated():
    with pytest.raises(NoTargetError, match="FORWARD: a URL with a user name is not allowed"):
        Receiver.at("https://me:secret@example.com/")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800), ("168h", 604_800)]
)
def test_a_time_is_read(text, seconds):
    assert listen.read_since(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2 h", "2w", "8d", "169h", "٢h", "1.5h"])
def test_what_is_no_time_or_too_long_a_time_is_refused(text):
    with pytest.raises(NoTargetError, match=f"SINCE: '{text}' is not allowed; allowed: up to 7d"):
        listen.read_since(text)


WRONG = {
    ("strpie", "", ""): "PROVIDER: 'strpie' is not deployed; deployed: stripe",
    ("stripe", "a *", ""): "TYPE: '*' is not an event type",
    ("stripe", "a.*.b", ""): r"TYPE: 'a.\*.b' is not an event type",
    ("stripe", "a\x1b[2J", ""): r"TYPE: 'a\\x1b\[2J' is not an event type",
    ("stripe", "", "prod"): "MODE: 'prod' is not live or test",
    ("stripe", "", "test"): "MODE: events of 'stripe' that are not live are held, so that none would come",
}


@pytest.mark.parametrize("given", WRONG)
def test_what_is_wrong_is_named(given):
    world = World(routing={"modes": {"stripe": "live"}})

    with pytest.raises(NoTargetError, match=WRONG[given].replace("*'", r"\*'").replace(r"\\*", r"\*")):
        listen.read_wanted(world.target, *given)


FILTERS = {
    "": {"a.b", "a.c", "ab", "b", "live"},
    "--types a.b": {"a.b", "live"},
    "--types a.*": {"a.b", "a.c", "live"},
    "--types b a.c": {"a.c", "b"},
    "--mode live": {"live"},
}


@pytest.mark.parametrize("given", FILTERS)
def test_earlier_events_are_filtered_as_the_rule_filters_later_ones(run, receiver, given):
    world = World()
    names = ("a.b", "a.c", "ab", "b")
    world.records = [world.event(n, event_type=name, body=name.encode()) for n, name in enumerate(names)]
    world.records.append(world.event(9, event_type="a.b", body=b"live", mode="live"))
    option, _, value = given.partition(" ")

    run(world, *([option, value] if option else []), forward=receiver.url())

    assert {each.body.decode() for each in receiver.received} == FILTERS[given]
    types = [{"prefix": one[:-1]} if one.endswith("*") else one for one in value.split()]
    assert world.pattern == {
        "source": ["webhooks.stripe"],
        **({"detail-type": types} if option == "--types" else {}),
        **({"detail": {"mode": ["live"]}} if option == "--mode" else {}),
    }


# --- what is forwarded


def test_what_came_goes_on_with_its_bytes_its_signed_headers_and_nothing_else(run, receiver):
    world = World()
    world.messages = [world.event(1, body=b'{"a":1}\r\n\xff')]
    receiver.decide = lambda _: Fault()

    printed = run(world, forward=receiver.url("/hooks?a=b"))

    (received,) = receiver.received
    assert received.body == b'{"a":1}\r\n\xff'
    assert received.head.startswith(b"POST /hooks?a=b HTTP/1.1\r\n")
    assert received.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "accept-encoding": "identity",
        "content-length": "10",
        "content-type": "application/json; charset=utf-8",
        **SIGNED,
    }
    assert "200         a.b  evt_1" in printed
    assert "1 forwarded, 0 of them not answered with 2xx" in printed
    assert world.deleted == ["evt_1"]


def test_earlier_events_come_first_in_order_and_one_that_the_bus_has_too_comes_once(run, receiver):
    world = World()
    early = [world.event(number, body=b"%d" % number) for number in (3, 1, 2)]
    early[0]["state"] = "RECORDED"
    world.records = [
        {"state": "ROUTED"},
        *early,
        *(world.event(9, body=b"9") | {"state": each} for each in ("HELD", "DEAD_LETTERED", None)),
    ]
    world.messages = [world.event(4, body=b"4"), early[0], world.event(5, body=b"5"), world.event(5, body=b"5")]

    printed = run(world, "--since", "2h", forward=receiver.url())

    assert [each.body for each in receiver.received] == [b"1", b"2", b"3", b"4", b"5"]
    assert printed[0].startswith("3 events came since ")
    assert world.asked[0] == "stripe"
    assert 7_200 + 300 <= (read(world.asked[2]) - read(world.asked[1])) <= 7_200 + 360


def read(text):
    return arrivals.times.parse(text)


def test_a_webhook_of_several_events_goes_on_once_and_a_replay_of_it_once_more(run, receiver):
    world = World()
    both = [world.event(number, body=b"[]", request="one") for number in (1, 2)]
    # Under the id of the first.
    both[1]["archive"]["key"] = both[0]["archive"]["key"]
    replayed = [{**each, "replay": {"replayId": "r"}} for each in both]
    world.messages = [*both, *replayed, both[0]]

    printed = run(world, forward=receiver.url())

    assert len(receiver.received) == 2
    assert [line for line in printed if "a.b" in line] == [
        "200         a.b  evt_1",
        "200         a.b  evt_1  replayed",
        "-           a.b  evt_2  in a webhook that was forwarded already",
        "-           a.b  evt_2  in a webhook that was forwarded already, replayed",
    ]


GONE = {
    "erased": (lambda world, key: world.objects.pop(key), "it was erased"),
    "erased, for who may not list": (
        lambda world, _: world.wrong.update(get_object=[refusal("AccessDenied")]),
        "it was erased, or the output listen_policy_json is not attached to you",
    ),
    "in Glacier": (lambda world, _: world.wrong.update(get_object=[refusal("InvalidObjectState")]), "it is in Glacier"),
    "changed": (lambda world, key: world.objects.update({key: b"other"}), "its bytes in the archive have changed"),
    "without evidence": (
        lambda world, key: world.wrong.update({"no evidence": [key]}),
        "its signed headers are not in the archive",
    ),
}


@pytest.mark.parametrize(("spoil", "says"), GONE.values(), ids=GONE)
def test_what_is_not_in_the_archive_as_it_came_is_told_and_the_next_goes_on(run, receiver, spoil, says):
    world = World()
    world.messages = [world.event(1, body=b"1"), world.event(2, body=b"2")]
    spoil(world, world.messages[0]["archive"]["key"])

    printed = run(world, forward=receiver.url())

    assert f"not sent    a.b  evt_1  {says}" in printed
    assert [each.body for each in receiver.received] == [b"2"]


def test_bytes_that_came_more_than_once_go_on_with_the_headers_of_their_own_event(monkeypatch):
    world = World()
    event = world.event(1)
    others = [("another", "evt_1"), ("mine", "evt_0"), ("mine", "evt_1"), ("mine", "evt_2")]
    together = [
        SimpleNamespace(provider=name, event=one, sha256=event["archive"]["sha256"], body=b"{}", evidence=(name, one))
        for name, one in others
    ]
    monkeypatch.setattr(arrivals.ArchivedPayload, "of_object", lambda *_: together)

    body, evidence = arrivals.ArchiveReader(world.target, "mine").read(Arrival.read(event))

    assert (body, evidence) == (b"{}", ("mine", "evt_1"))


def test_an_event_of_another_form_on_the_bus_is_left_out(run, receiver):
    world = World()
    odd = [{"eventType": "a\x1b[2J"}, {"receivedAt": 1}, {"receivedAt": "\x1b[2J"}, {"correlationId": ["x"]}]
    world.messages = [{"x": 1}, *(world.event(1) | one for one in odd), world.event(2)]

    printed = run(world, forward=receiver.url())

    assert printed.count("left out: an event on the bus that is none of a webhook") == 5
    assert len(receiver.received) == 1


# --- what the receiver does


def test_an_answer_is_an_answer_and_is_told(run, receiver):
    world = World()
    world.messages = [world.event(1, body=b"1"), world.event(2, body=b"2")]
    receiver.decide = lambda received: Fault(status=500 if received.body == b"1" else 204)

    printed = run(world, forward=receiver.url())

    assert "500         a.b  evt_1  not sent again" in printed
    assert "204         a.b  evt_2" in printed
    assert "2 forwarded, 1 of them not answered with 2xx" in printed
    assert len(receiver.received) == 2


def test_a_redirection_is_not_followed(run, receiver):
    world = World()
    world.messages = [world.event(1)]
    receiver.decide = lambda _: Fault(status=307)

    assert "307         a.b  evt_1  not sent again" in run(world, forward=receiver.url())


def test_who_hangs_up_may_have_got_it_and_does_not_get_it_again(run, receiver):
    world = World()
    world.messages = [world.event(1)]
    receiver.decide = lambda _: Fault(close=True)

    printed = run(world, forward=receiver.url())

    assert "no answer (RemoteDisconnected)  a.b  evt_1  not sent again" in printed
    assert len(receiver.received) == 1


def test_what_comes_waits_for_a_receiver_that_is_not_there_yet(run, receiver, monkeypatch):
    world = World()
    world.messages = [world.event(1)]
    post, tried = Receiver.post, []

    def refuse_twice(self, body, headers):
        tried.append(body)
        if len(tried) < 3:
            raise NobodyThereError("Connection refused")
        return post(self, body, headers)

    monkeypatch.setattr(Receiver, "post", refuse_twice)

    printed = run(world, forward=receiver.url())

    assert printed.count("nobody is at FORWARD (Connection refused): waiting, and nothing is lost meanwhile") == 1
    assert len(receiver.received) == 1


def test_where_nobody_listens_nothing_is_sent():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(NobodyThereError, match="Connection refused"):
        Receiver.at(f"http://127.0.0.1:{port}/").post(b"", {})


def test_a_header_that_cannot_be_written_is_no_end(receiver):
    with pytest.raises(NoAnswerError, match="ValueError"):
        Receiver.at(receiver.url()).post(b"", {"a": "b\r\nc: d"})


def test_on_this_machine_any_certificate_will_do_and_elsewhere_none():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("another.example").configure_cert(tls)
    with FaultyReceiver(tls=tls) as receiver:
        here = Receiver.at(receiver.url())

        assert here.post(b"{}", {}) == 200
        with pytest.raises(NobodyThereError):
            Receiver(host=here.host, port=here.port, path="/", is_https=True, is_loopback=False).post(b"{}", {})


def test_what_is_older_than_its_signature_may_be_is_told_once_and_forwarded_as_it_is(run, receiver):
    world = World(now=time.time() - 301)
    world.messages = [world.event(1, body=b"1"), world.event(2, body=b"2")]

    printed = run(world, forward=receiver.url())

    (warning,) = [line for line in printed if "tolerance" in line]
    assert warning.startswith("what was received more than 300 s ago is forwarded as it was signed then")
    assert "200         a.b  evt_1  received 2026-09-21T14:13:01.000Z" in printed
    assert {each.headers["stripe-signature"] for each in receiver.received} == {SIGNED["stripe-signature"]}


WINDOWS = {"stripe": 300, "standard-webhooks": 300, "checkout-com": None, "github": None, "adyen": None}


@pytest.mark.parametrize("entry", WINDOWS)
def test_a_window_is_one_where_a_time_is_signed(entry):
    assert listen.replay_window(World(providers={"mine": entry}).target, "mine") == WINDOWS[entry]


def test_in_aws_it_waits_for_the_rule_before_it_looks_for_earlier_events(run, receiver, monkeypatch):
    monkeypatch.setattr(listen, "RULE_SECONDS", 0)
    world = World()
    world.target = replace(world.target, is_local=False)
    world.records = [world.event(1)]

    printed = run(world, forward=receiver.url())

    assert printed[0] == "waiting 0 s, since a new rule of EventBridge matches after a while only"
    assert printed[1].startswith("1 events came since ")


# --- what it makes and removes


def test_it_ends_after_a_day_and_leaves_nothing(run):
    world = World()

    printed = run(world)

    assert "listen ends after a day; start it again, with SINCE for what came meanwhile" in printed
    assert (world.queues, world.rules, world.targets) == ({}, [], [])


def test_a_network_that_is_away_for_a_while_is_no_end(run, receiver):
    world = World()
    world.messages = [world.event(1)]
    away = [EndpointConnectionError(endpoint_url="https://aws")]
    world.wrong = {"receive_message": [*away], "get_object": [*away]}

    printed = run(world, forward=receiver.url())

    assert printed.count("AWS does not answer (EndpointConnectionError); trying again") == 2
    assert len(receiver.received) == 1


def test_more_events_than_can_be_read_are_refused(run, monkeypatch):
    monkeypatch.setattr(arrivals, "MAX_RECORDS", 2)
    world = World()
    world.records = [world.event(number) for number in range(3)]

    with pytest.raises(NoTargetError, match="SINCE: more than 2 events came since then; take a shorter time"):
        run(world, "--since", "1h")
    assert world.queues == {}


def test_what_may_not_be_done_names_the_policy(run):
    world = World(wrong={"put_rule": [refusal("AccessDeniedException", "PutRule")]})

    with pytest.raises(
        NoTargetError, match="PutRule: AccessDeniedException; the output listen_policy_json allows it"
    ) as e:
        run(world)
    assert "its words" not in str(e.value)
    assert world.queues == {}


@pytest.fixture
def take(monkeypatch, tmp_path):
    """Take a place in a world; the second argument is the checkout."""
    stack = ExitStack()

    def go(world, checkout="mine", cleanup=None):
        monkeypatch.setattr(place, "FOLDER", tmp_path / checkout)
        return place.take_place(world.target, {}, cleanup or stack).name

    with stack:
        yield go


@pytest.fixture
def killed(take, monkeypatch):
    """Have a listener take a place, and die with it: the system closes its file, and nothing else is done."""

    def go(world, checkout="mine"):
        with monkeypatch.context() as patch, ExitStack() as cleanup:
            patch.setattr(place, "_leave", lambda *_: None)
            return take(world, checkout, cleanup)

    return go


def place_names(*numbers):
    return [f"webhook-listen-{number}-dev" for number in numbers]


def test_what_a_killed_listener_left_is_removed_by_the_next_one_of_its_checkout(take, killed, capsys):
    world = World()
    assert killed(world) == "webhook-listen-1-dev"

    # SQS has no queue under the name of one that was deleted less than a minute ago.
    assert take(world) == "webhook-listen-2-dev"

    assert [*world.queues] == world.rules == world.targets == place_names(2)
    assert "removed what a killed listener had left: webhook-listen-1-dev" in capsys.readouterr().out


def test_live_listeners_are_left_alone_those_of_this_checkout_too(take):
    world = World()

    taken = [take(world), take(world), take(world, "theirs"), take(world)]

    assert taken == [*world.queues] == place_names(1, 2, 3, 4)


def test_what_another_one_left_is_removed_when_no_listener_is_so_old(take, killed):
    world = World()
    killed(world, "theirs")
    queue = world.queues["webhook-listen-1-dev"]

    queue["CreatedTimestamp"] = str(int(time.time()) - place.LIFETIME_SECONDS - 3_500)
    assert take(world) == "webhook-listen-2-dev"
    queue["CreatedTimestamp"] = str(int(time.time()) - place.LIFETIME_SECONDS - 3_601)
    assert take(world) == "webhook-listen-3-dev"

    assert [*world.queues] == place_names(2, 3)


def test_a_place_that_was_ones_own_and_is_somebody_elses_now_is_left_alone(take, killed):
    world = World()
    name = killed(world)
    world.queues[name]["MessageRetentionPeriod"] = "1"

    assert take(world) == "webhook-listen-2-dev"
    assert [*world.queues] == place_names(1, 2)


def test_of_two_that_want_a_place_at_once_one_takes_the_next(take):
    world = World(wrong={"create_queue": [refusal("QueueAlreadyExists")]})
    assert take(world) == "webhook-listen-2-dev"

    world.wrong = {"create_queue": [World.exceptions.QueueDeletedRecently({"Error": {"Code": "x"}}, "CreateQueue")]}
    assert take(world) == "webhook-listen-3-dev"


def test_more_listeners_than_there_are_places_are_told(take):
    world = World()
    for _ in range(5):
        take(world)

    with pytest.raises(NoTargetError, match="5 listen to 'dev' already, or have ended less than a minute ago"):
        take(world)


def test_what_cannot_be_removed_is_told_and_removed_by_the_next_one(take, capsys):
    world = World()
    with ExitStack() as cleanup:
        take(world, cleanup=cleanup)
        world.wrong = {"delete_queue": [refusal("ExpiredToken", "DeleteQueue")]}
    assert "listen: queue webhook-listen-1-dev could not be removed: DeleteQueue: ExpiredToken" in (
        capsys.readouterr().err
    )

    assert take(world) == "webhook-listen-2-dev"
    assert [*world.queues] == place_names(2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("where", ["put_rule", "put_targets", "receive_message"])
def test_one_that_is_interrupted_removes_what_it_made(run, monkeypatch, number, where):
    world = World()
    interrupted = getattr(World, where)

    def interrupt(self, **asked):
        done = interrupted(self, **asked) if where != "receive_message" else None
        signal.raise_signal(number)
        return done

    monkeypatch.setattr(World, where, interrupt)

    with pytest.raises(SystemExit, match=f"listen stopped by {number.name}"):
        run(world)
    assert (world.queues, world.rules, world.targets) == ({}, [], [])


def test_the_pattern_of_all_is_that_of_the_provider():
    assert Wanted(provider="shop-eu").pattern() == {"source": ["webhooks.shop-eu"]}
