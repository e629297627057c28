"""Ingestion's own calls against a local AWS that verifies signatures and enforces IAM."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from lambdas.inbound.aws_calls import trust
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.errors import AwsRefusedError
from lambdas.inbound.aws_calls.services import S3, SecretsManager, Sqs
from lambdas.shared.errors import aws_code

BODY = bytes(range(256))


@pytest.fixture
def user(local_aws, lambda_environment):
    """Return a function that makes calls be those of a user who may do what is named, and nothing else."""
    trust.narrow.cache_clear()
    iam = local_aws.client("iam")

    def become(*actions):
        name = f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        if actions:
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        lambda_environment.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        lambda_environment.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        return RoleCredentials()

    yield become
    trust.narrow.cache_clear()


def code_of(call):
    with pytest.raises(AwsRefusedError) as refusal:
        call()
    return refusal.value.code


@pytest.fixture
def secret(clients):
    return clients.secretsmanager.create_secret(Name=uuid.uuid4().hex, SecretString="whsec_é")["ARN"]


def send(credentials, world, **more):
    return Sqs(credentials).send_message(QueueUrl=world.queue_url, MessageBody="é\n<&>", MessageGroupId="g", **more)


def put(credentials, world, key="raw/a b/é"):
    return S3(credentials, world.name).put_object(
        Bucket=world.name,
        Key=key,
        Body=BODY,
        ContentType="text/plain; charset=utf-8",
        Metadata={"evidence": "ZQ=="},
        IfNoneMatch="*",
    )


def test_a_message_that_may_be_sent_arrives(user, world):
    answer = send(user("sqs:SendMessage"), world)

    [queued] = world.queued()
    assert (queued.message_id, queued.body) == (answer["MessageId"], "é\n<&>")


def test_a_secret_that_may_be_read_is_read(user, secret):
    answer = SecretsManager(user("secretsmanager:GetSecretValue")).get_secret_value(SecretId=secret)

    assert answer["SecretString"] == "whsec_é"


def test_an_object_that_may_be_stored_is_stored_with_all_that_belongs_to_it(user, world):
    put(user("s3:PutObject"), world)

    stored = world.clients.s3.get_object(Bucket=world.name, Key="raw/a b/é")
    assert stored["Body"].read() == BODY
    assert stored["ContentType"] == "text/plain; charset=utf-8"
    assert stored["Metadata"] == {"evidence": "ZQ=="}


def test_an_object_is_not_stored_over_another(user, world):
    credentials = user("s3:PutObject")
    put(credentials, world)

    assert code_of(lambda: put(credentials, world)) == "PreconditionFailed"
    assert len(world.objects()) == 1


def test_what_is_not_allowed_is_refused(user, world, secret):
    credentials = user()

    assert code_of(lambda: send(credentials, world)).startswith("AccessDenied")
    assert code_of(lambda: put(credentials, world)).startswith("AccessDenied")
    read = SecretsManager(credentials).get_secret_value
    assert code_of(lambda: read(SecretId=secret)).startswith("AccessDenied")
    assert (world.queued(), world.objects()) == ([], [])


def test_a_permission_for_one_service_is_none_for_another(user, world):
    assert code_of(lambda: send(user("s3:PutObject"), world)).startswith("AccessDenied")


def test_errors_have_the_codes_that_boto3_gives_them(user, world):
    credentials = user("sqs:SendMessage", "secretsmanager:GetSecretValue", "s3:PutObject")
    gone = f"{world.queue_url}-gone"
    calls = {
        "sqs": (Sqs(credentials).send_message, {"QueueUrl": gone, "MessageBody": "b"}),
        "secretsmanager": (SecretsManager(credentials).get_secret_value, {"SecretId": "gone"}),
        "s3": (
            S3(credentials, "gone-bucket").put_object,
            {
                **{"Bucket": "gone-bucket", "Key": "k", "Body": b"", "ContentType": "a/b"},
                **{"Metadata": {}, "IfNoneMatch": "*"},
            },
        ),
    }
    for service, (ours, arguments) in calls.items():
        with pytest.raises(ClientError) as theirs:
            getattr(getattr(world.clients, service), ours.__name__)(**arguments)
        assert code_of(lambda call=ours, given=arguments: call(**given)) == aws_code(theirs.value)
