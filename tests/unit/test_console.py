"""The console's server: whom it answers, how it asks, and what it makes of the answers."""

import hashlib
import http.client
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from tests.console_stack import SECRET, Stack, archived, delete, get, own, post, refusal, running
from tests.lambdas.statement_support import DAY, WHOLE_DAY, StatementWorld
from tools.console import __main__
from tools.console.server import ENVIRONMENT, FILES

RECORD = {
    "provider": "stripe",
    "eventId": "evt_1",
    "eventType": "charge.failed",
    "state": "DEAD_LETTERED",
    "transactionId": "pi_1",
    "receivedAt": "2026-01-01T00:00:00.000Z",
    "correlationId": "c-1",
    "scheme": "stripe",
    "record": "-",
    "timeline": [],
}
EVENT = {
    "event": "stripe:evt_1",
    "records": [RECORD],
    "transaction": {"transactionId": "pi_1", "otherEvents": [], "hasMore": False},
}


@pytest.fixture
def stack():
    return Stack()


@pytest.fixture
def console(stack):
    with running(stack) as console:
        yield console


# --- whom it answers --------------------------------------------------------------------------------------------


def test_its_own_page_gets_an_answer(console):
    answer = get(console, "/api/about", Origin=console.origin)

    assert answer.json() == {
        "environment": "dev",
        "region": "eu-central-1",
        "isLocal": False,
        "hasDelivery": True,
        "hasIngestQueue": False,
        "providers": {"stripe": "Stripe", "github": "GitHub"},
    }


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"Authorization": None}),
        (401, {"Authorization": "Bearer "}),
        (401, {"Authorization": "Bearer another"}),
        (401, {"Authorization": "Bearer t\u00f6ken".encode()}),
        (403, {"Origin": "https://evil.example"}),
        (403, {"Origin": "null"}),
        (403, {"Host": "evil.example"}),
        (403, {"Host": "localhost"}),
    ],
)
def test_nobody_else_gets_an_answer_and_nothing_is_asked_for_them(console, stack, status, headers):
    stack.answers["/internal/events"] = {"events": [], "next": None}
    stack.answers["/internal/replay"] = {}

    payload = "/api/operator/tenants/acme/events/evt_T/payload"
    for answer in (
        get(console, "/api/events", **headers),
        post(console, "/api/replay", {}, **headers),
        delete(console, payload, **headers),
    ):
        assert answer.status_code == status
        assert "error" in answer.json()
    assert stack.asked == []


@pytest.mark.parametrize("environment", ["prod", None])
def test_a_page_of_another_environment_gets_no_answer_and_nothing_is_done_for_it(console, stack, environment):
    stack.answers["/internal/events"] = {"events": [], "next": None}
    stack.answers["/internal/replay"] = {}

    headers = {ENVIRONMENT: environment}
    for answer in (get(console, "/api/events", **headers), post(console, "/api/replay", {}, **headers)):
        assert answer.status_code == 409
        assert "this console shows dev" in answer.json()["error"]
    assert stack.asked == []
    # A page asks first which environment it is.
    assert get(console, "/api/about", **headers).json()["environment"] == "dev"


@pytest.mark.parametrize(("given", "port"), [([], 0), (["--port", "8484"], 8484)])
def test_any_free_port_is_taken_unless_one_is_given(monkeypatch, given, port):
    opened = []

    class Server:
        start_url = "http://127.0.0.1"

        def __init__(self, answers, port):
            opened.append(port)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            """Close nothing."""

        def serve_forever(self):
            """Serve nobody."""

    monkeypatch.setattr("sys.argv", ["console", *given])
    monkeypatch.setattr(__main__.Target, "chosen", lambda: None)
    monkeypatch.setattr(__main__, "Answers", lambda target: None)
    monkeypatch.setattr(__main__, "ConsoleServer", Server)

    assert __main__.main() == 0
    assert opened == [port]


def test_another_name_for_this_machine_gets_no_page_either(console):
    port = console.origin.rsplit(":", 1)[-1]

    assert get(console, "/", Host=f"evil.example:{port}").status_code == 403
    assert get(console, "/").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS"])
def test_nothing_but_get_post_and_delete_is_known(console, stack, method):
    connection = http.client.HTTPConnection(urlsplit(console.origin).netloc, timeout=10)
    connection.request(method, "/api/events", headers=own(console))

    answer = connection.getresponse()

    assert answer.status == 501
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert stack.asked == []


def test_the_token_is_in_the_fragment_and_new_at_each_start(console, stack):
    with running(stack) as other:
        assert other.token != console.token
    assert urlsplit(console.start_url).fragment == f"token={console.token}"
    assert console.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/dev/events/stripe:evt_1", "/assets/console.js", "/assets/no.js", "/api/about"])
def test_every_answer_brings_the_headers_that_protect_it(console, path):
    headers = get(console, path).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert (policy["frame-ancestors"], policy["require-trusted-types-for"]) == ("'none'", "'script'")
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert (headers["Cache-Control"], headers["Cross-Origin-Resource-Policy"]) == ("no-store", "same-origin")
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_file_is_served_as_what_it_is(console, name):
    answer = get(console, f"/assets/{name}", Authorization=None)

    assert answer.content == FILES[name].read_bytes()
    kind = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert answer.headers["Content-Type"] == f"{kind[name.rsplit('.', 1)[-1]]}; charset=utf-8"


@pytest.mark.parametrize("name", ["", "..", "../server.py", "%2e%2e/server.py", "../pages/index.html", "none.js"])
def test_no_other_file_is_served(console, name):
    connection = http.client.HTTPConnection(urlsplit(console.origin).netloc, timeout=10)
    connection.request("GET", f"/assets/{name}")

    assert connection.getresponse().status == 404


# --- how it asks ------------------------------------------------------------------------------------------------


def test_what_is_asked_of_the_api_is_signed_with_the_operators_credentials(console, stack):
    stack.answers["/internal/events"] = {"events": [RECORD], "next": "n"}

    answer = get(console, "/api/events?provider=stripe&type=a%20b%26c&from=2026-01-01T00%3A00%3A00Z")

    assert answer.json() == {"events": [RECORD], "next": "n"}
    ((path, headers),) = stack.asked
    assert path == "/internal/events?provider=stripe&type=a%20b%26c&from=2026-01-01T00%3A00%3A00Z"
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDCONSOLE/")
    assert "/eu-central-1/execute-api/aws4_request, " in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "session"
    # and the console's own token stays here
    assert console.token not in str(headers)


def test_an_event_with_any_id_is_asked_for_and_its_deliveries_too(console, stack):
    stack.answers["/internal/events/~c3RyaXBlOmV2dC8x"] = {**EVENT, "event": "stripe:evt/1"}

    answer = get(console, "/api/events/stripe%3Aevt%2F1")

    assert answer.json() == {**EVENT, "event": "stripe:evt/1", "deliveryEvents": []}
    assert [path for path, _ in stack.asked][1].startswith("/operator/tenants/acme/events/")


def test_the_inbound_half_of_an_event_is_one_call(console, stack):
    stack.answers["/internal/events/~c3RyaXBlOmV2dC8x"] = EVENT

    assert get(console, "/api/inbound/stripe%3Aevt%2F1").json() == EVENT
    assert len(stack.asked) == 1


def test_a_payload_comes_as_bytes_that_no_browser_shows(console, stack):
    stack.answers["/internal/payloads/~c3RyaXBlOmV2dF8x?record=-"] = b"<script>\xff"

    answer = get(console, "/api/payloads/stripe%3Aevt_1?record=-")

    assert answer.content == b"<script>\xff"
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_the_answer_of_an_endpoint_is_asked_of_delivery_and_no_part_leaves_its_place(console, stack):
    stack.answers["/operator/tenants/acme/events/evt_T/attempts/ep_1/2"] = {"answer": None}

    assert get(console, "/api/operator/tenants/acme/events/evt_T/attempts/ep_1/2").json() == {"answer": None}
    assert get(console, "/api/operator/tenants/..%2F..%2Fx?limit=1&state=a%20b").status_code == 404
    assert stack.asked[-1][0] == "/operator/tenants/..%2F..%2Fx?limit=1&state=a%20b"


@pytest.mark.parametrize(
    "path", ["operator/%2e%2e/v1/events", "operator/../v1/events", "operator/./x", "operator/tenants/"]
)
def test_no_path_leads_out_of_its_place(console, stack, path):
    # requests would make it straight.
    connection = http.client.HTTPConnection(urlsplit(console.origin).netloc, timeout=10)
    connection.request("GET", f"/api/{path}", headers=own(console))

    assert connection.getresponse().status == 404
    assert stack.asked == []


def test_what_operators_do_is_asked_of_the_api_that_does_it(console, stack):
    stack.answers["/internal/replay"] = (202, {"replayed": ["stripe:evt_1"]})
    stack.answers["/operator/tenants/acme/endpoints/ep_1/pause"] = {"state": "PAUSED"}

    asked = {"eventIds": ["stripe:evt_1"], "dryRun": True}
    assert post(console, "/api/replay", asked).json() == {"replayed": ["stripe:evt_1"]}
    pause = "/api/operator/tenants/acme/endpoints/ep_1/pause?dryRun=true"
    assert post(console, pause, {"reason": "a b"}).json() == {"state": "PAUSED"}
    assert post(console, pause.replace("pause", "activate"), None).status_code == 404

    payload = "/operator/tenants/acme/events/evt_T/payload"
    stack.answers[payload] = {"erasedAt": None}
    assert delete(console, f"/api{payload}?dryRun=true").json() == {"erasedAt": None}

    one = "/operator/tenants/acme/endpoints/ep_1"
    assert stack.done == [
        ("/internal/replay", asked),
        (f"{one}/pause?dryRun=true", {"reason": "a b"}),
        (f"{one}/activate?dryRun=true", None),
        (f"{payload}?dryRun=true", None),
    ]
    assert stack.asked[0][1]["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDCONSOLE/")


@pytest.mark.parametrize(
    ("send", "path"),
    [
        (post, "/api/operator/signing-keys"),
        (post, "/api/operator/tenants"),
        (post, "/api/events"),
        (post, "/replay"),
        (delete, "/api/operator/signing-keys/key_1"),
        (delete, "/api/operator/tenants/acme"),
        (delete, "/api/replay"),
    ],
)
def test_what_is_not_for_the_console_is_done_elsewhere(console, stack, send, path):
    assert send(console, path, {}).status_code in (400, 404)
    assert stack.asked == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff"])
def test_a_body_that_is_no_action_is_refused(console, stack, body):
    assert post(console, "/api/replay", body).status_code == 400
    assert stack.asked == []


@pytest.mark.parametrize("length", [str(256 * 1024 + 1), "-1", "many"])
def test_a_body_that_is_too_long_is_not_read(console, stack, length):
    connection = http.client.HTTPConnection(urlsplit(console.origin).netloc, timeout=10)
    headers = {**own(console), "Content-Length": length}
    connection.request("POST", "/api/replay", headers=headers)

    answer = connection.getresponse()

    assert (answer.status, answer.headers["Connection"]) == (400, "close")
    assert stack.asked == []


def test_a_signature_is_for_the_stacks_own_address_alone(console, stack):
    stack.answers["/internal/counts"] = (302, {})

    assert get(console, "/api/counts").json() == {"error": "the API answered 302"}
    assert [path for path, _ in stack.asked] == ["/internal/counts"]


@pytest.mark.parametrize(
    ("answered", "status", "said"),
    [
        ((400, {"error": "state: 'X' is not one of"}), 400, "state: 'X' is not one of"),
        ((403, {"message": "not authorized to perform"}), 403, "not authorized to perform"),
        ((404, {"error": "no such event is known"}), 404, "no such event is known"),
        ((409, {"error": "payload: it is in Glacier"}), 400, "payload: it is in Glacier"),
        (
            (
                400,
                {
                    "error": "invalid_fields",
                    "message": "some fields are wrong",
                    "fields": [{"field": "reason", "problem": "is empty"}],
                },
            ),
            400,
            "some fields are wrong; reason: is empty",
        ),
        ((500, {"message": "Internal"}), 502, "the API answered 500"),
    ],
)
def test_a_refusal_says_what_is_wrong(console, stack, answered, status, said):
    stack.answers["/internal/counts"] = answered

    answer = get(console, "/api/counts")

    assert (answer.status_code, answer.json()) == (status, {"error": said})


def test_trouble_with_aws_names_the_call_and_repeats_nothing(console, stack):
    stack.aws["DescribeAlarms"] = refusal("AccessDenied", "DescribeAlarms")

    answer = get(console, "/api/alarms")

    assert (answer.status_code, answer.json()) == (502, {"error": "AWS refused DescribeAlarms: AccessDenied"})


def test_what_the_console_does_not_know_is_not_found(console):
    assert get(console, "/api/events/a/b").status_code == 404
    assert get(console, "/api/").status_code == 404


# --- what it makes of the answers -------------------------------------------------------------------------------


def evidence_of(console, stack, body, **record):
    place = {"key": "", "offset": 0, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    event_id = json.loads(body)["id"]
    place["key"] = f"raw/stripe/{event_id}/{place['sha256']}"
    records = [{**RECORD, "archive": place, **record}]
    stack.answers["/internal/events/~c3RyaXBlOmV2dF8x"] = {**EVENT, "records": records}
    return get(console, "/api/evidence/stripe%3Aevt_1?record=-")


def test_evidence_is_verified_with_the_secret_which_stays_here(console, stack):
    stack.aws["GetObject"], body = archived()
    stack.aws["GetSecretValue"] = {"SecretString": json.dumps({"secrets": [SECRET]})}

    answer = evidence_of(console, stack, body)

    assert answer.json()["proof"] == "proven"
    assert "stripe-signature" in answer.json()["evidence"]["headers"]
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("secret", "record", "proof"),
    [
        ("whsec_another", {}, "key unknown"),
        (SECRET, {"provider": "github"}, "misplaced"),
        (SECRET, {"archive": {"key": "raw/_batch/2026-01-01/0", "offset": 0, "size": 1, "sha256": "0"}}, "changed"),
    ],
)
def test_evidence_that_proves_nothing_says_why(console, stack, secret, record, proof):
    stack.aws["GetObject"], body = archived()
    stack.aws["GetSecretValue"] = {"SecretString": secret}

    assert evidence_of(console, stack, body, **record).json()["proof"] == proof


def test_evidence_in_glacier_and_none_at_all(console, stack):
    stack.aws["GetObject"] = refusal("InvalidObjectState", "GetObject")
    _, body = archived()

    assert evidence_of(console, stack, body).json() == {"proof": "in Glacier"}
    assert "not archived" in evidence_of(console, stack, body, archive=None).json()["error"]
    assert get(console, "/api/evidence/stripe%3Aevt_1?record=no").status_code == 404


def alarm(name, topic, state="ALARM", place="eu-central-1:1"):
    return {
        "AlarmName": name,
        "StateValue": state,
        "AlarmDescription": "meaning",
        "StateUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
        "AlarmActions": [f"arn:aws:sns:{place}:{topic}"],
    }


def test_alarms_are_those_of_the_environments_two_stacks(console, stack):
    stack.aws["DescribeAlarms"] = {
        "MetricAlarms": [
            alarm("webhook-a-dev", "webhook-alarms-dev"),
            alarm("webhook-delivery-b-dev", "webhook-delivery-alarms-dev", "OK"),
            alarm("webhook-a-eu-dev", "webhook-alarms-eu-dev"),
            alarm("webhook-c-dev", "webhook-alarms-dev", place="eu-central-1:2"),
            alarm("webhook-d-dev", "webhook-alarms-dev", place="eu-west-1:1"),
        ]
    }

    assert get(console, "/api/alarms").json() == {
        "alarms": [
            {"name": "webhook-a-dev", "state": "ALARM", "meaning": "meaning", "since": "2026-01-01T00:00:00Z"},
            {"name": "webhook-delivery-b-dev", "state": "OK", "meaning": "meaning", "since": "2026-01-01T00:00:00Z"},
        ],
        "trouble": None,
    }


@pytest.mark.parametrize(
    ("account", "why"),
    [
        ("1", "None is deployed, or each notifies something else."),
        ("2", "Your credentials are of account 2, and the stack is in account 1."),
    ],
)
def test_a_stack_without_an_alarm_is_trouble_that_is_said(console, stack, account, why):
    stack.aws["GetCallerIdentity"] = {"Account": account}
    stack.aws["DescribeAlarms"] = {"MetricAlarms": [alarm("webhook-a-dev", "webhook-alarms-dev")]}
    delivery = "arn:aws:sns:eu-central-1:1:webhook-delivery-alarms-dev"

    found = get(console, "/api/alarms").json()
    assert [one["name"] for one in found["alarms"]] == ["webhook-a-dev"]
    assert found["trouble"] == f"No alarm notifies {delivery}. {why}"

    stack.aws["DescribeAlarms"] = {"MetricAlarms": []}
    found = get(console, "/api/alarms").json()
    assert found["alarms"] == []
    assert found["trouble"] == f"No alarm notifies arn:aws:sns:eu-central-1:1:webhook-alarms-dev, {delivery}. {why}"


def test_queues_have_their_backlog_and_the_age_of_the_oldest_message(console, stack):
    now = datetime.now(UTC)
    stack.aws["GetQueueAttributes"] = lambda asked: {
        "Attributes": {
            "ApproximateNumberOfMessages": "7" if "dlq" in asked["QueueUrl"] else "0",
            "ApproximateNumberOfMessagesNotVisible": "1",
        }
    }
    stack.aws["GetMetricData"] = lambda asked: {
        "MetricDataResults": [
            {"Id": query["Id"], "Timestamps": [now, now - timedelta(minutes=5)], "Values": [90.0, 30.0]}
            for query in asked["MetricDataQueries"]
            if "dlq" in query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
        ]
    }

    assert get(console, "/api/queues").json()["queues"] == [
        {"name": "webhook-queue-dev", "waiting": 0, "inWork": 1, "oldestSeconds": None},
        {"name": "webhook-dlq-dev", "waiting": 7, "inWork": 1, "oldestSeconds": 90.0},
        {"name": "webhook-delivery-queue-dev", "waiting": 0, "inWork": 1, "oldestSeconds": None},
        {"name": "webhook-delivery-dlq-dev", "waiting": 7, "inWork": 1, "oldestSeconds": 90.0},
    ]


def test_deliveries_have_what_the_worker_and_the_sweeper_counted(console, stack):
    now = datetime.now(UTC)
    values = {"Delivered": (3.0, 4.0), "FailedAttempts": (1.0, 1.0), "OldestOverdue": (50.0, 900.0)}

    def data(asked):
        metrics = [(query["Id"], query["MetricStat"]["Metric"]) for query in asked["MetricDataQueries"]]
        assert {metric["Dimensions"][0]["Value"] for _, metric in metrics} in (
            {"webhook-delivery-worker-dev"},
            {"webhook-delivery-sweeper-dev"},
        )
        return {
            "MetricDataResults": [
                {"Id": id_, "Timestamps": [now, now - timedelta(hours=2)], "Values": list(values[metric["MetricName"]])}
                for id_, metric in metrics
                if metric["MetricName"] in values
            ]
        }

    stack.aws["GetMetricData"] = data

    assert get(console, "/api/deliveries").json() == {
        "delivered": {"hour": 3, "day": 7},
        "failedAttempts": {"hour": 1, "day": 2},
        "givenUp": {"hour": 0, "day": 0},
        "oldestOverdueSeconds": 50,
    }


def test_providers_have_what_was_accepted_and_refused_by_reason(console, stack):
    now = datetime.now(UTC)
    values = {("stripe", None): (2.0, 40.0), ("stripe", "stale"): (1.0, 0.0), ("stripe", "quiet"): (0.0, 0.0)}

    def listed(provider, reason):
        names = {"service": "webhook-ingestion-dev", "provider": provider, "reason": reason}
        return {"Dimensions": [{"Name": name, "Value": value} for name, value in names.items()]}

    def data(asked):
        results = []
        for query in asked["MetricDataQueries"]:
            names = {each["Name"]: each["Value"] for each in query["MetricStat"]["Metric"]["Dimensions"]}
            assert names["service"] == "webhook-ingestion-dev"
            assert names["provider"] in {"stripe", "github"}
            if found := values.get((names["provider"], names.get("reason"))):
                results.append(
                    {"Id": query["Id"], "Timestamps": [now, now - timedelta(hours=2)], "Values": list(found)}
                )
        return {"MetricDataResults": results}

    stack.aws["ListMetrics"] = {
        "Metrics": [listed("stripe", "stale"), listed("stripe", "quiet"), listed("not_deployed", "stale")]
    }
    stack.aws["GetMetricData"] = data

    assert get(console, "/api/providers").json()["providers"] == [
        {
            "name": "stripe",
            "accepted": {"hour": 2, "day": 42},
            "refused": [{"reason": "stale", "hour": 1, "day": 1}],
        },
        {"name": "github", "accepted": {"hour": 0, "day": 0}, "refused": []},
    ]


def test_statements_come_a_page_at_a_time_with_their_totals(console, stack, monkeypatch):
    monkeypatch.setattr("tools.console.answers._STATEMENTS", 2)
    world = StatementWorld()
    world.record("evt_1", account="acct_1")
    world.record("evt_2", state="DEAD_LETTERED")
    for _ in range(3):
        world.run()
        world.clock.now += WHOLE_DAY
    stack.aws["ListObjectsV2"] = lambda asked: world.s3.list_objects_v2(Prefix=asked["Prefix"])
    stack.aws["GetObject"] = lambda asked: world.s3.get_object(Key=asked["Key"])

    first = get(console, "/api/statements").json()
    assert [one["day"] for one in first["statements"]] == ["2026-02-02", "2026-02-01"]
    second = get(console, f"/api/statements?next={first['next']}").json()
    (one,) = second["statements"]
    assert (one["day"], one["received"], one["routed"], one["open"], one["differences"]) == (DAY, 2, 1, 1, 0)
    assert second["next"] is None

    said = get(console, f"/api/statements/{DAY}").json()
    assert (said["sha256"], said["previous"]) == (world.chain()[0].sha256, None)
    assert get(console, "/api/statements/2026-01-30").status_code == 404
    world.s3.put_object(Key=f"statements/{DAY}.json", Body=b"{}")
    assert get(console, f"/api/statements/{DAY}").json() == {"error": f"statements/{DAY}.json is no statement"}


@pytest.mark.parametrize(
    ("stored", "valid"),
    [("whsec_1", 1), (json.dumps({"secrets": ["a", "b"]}), 2), ("", 0), ("{", 0)],
)
def test_of_a_secret_only_its_number_leaves_the_server(console, stack, stored, valid):
    stack.aws["GetSecretValue"] = {"SecretString": stored}

    assert get(console, "/api/secrets/stripe").json() == {"needed": True, "valid": valid}
    assert get(console, "/api/secrets/none").status_code == 400
