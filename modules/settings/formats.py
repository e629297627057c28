"""What AWS and Terraform take for a name, an address or a number: one rule for settings and arguments alike."""

from modules.settings.validation import SettingRule

TEXT = SettingRule(pattern=r"(?s).*\S.*", words="a text that is not empty")
ANY_TEXT = SettingRule()
ENVIRONMENT = SettingRule(
    pattern=r"[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?", words="1 to 16 lower-case letters, digits and inner hyphens"
)
# A provider's deployed name, and a subscriber's.
DEPLOYED = SettingRule(
    pattern=r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", words="1 to 32 lower-case letters, digits and inner hyphens"
)
REGION = SettingRule(pattern=r"[a-z]{2}(-[a-z]+)+-[0-9]", words="the name of an AWS region")
ACCOUNT_ID = SettingRule(pattern="[0-9]{12}", words="the 12 digits of an account")
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION = SettingRule(
    unit="days",
    choices=(
        *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
        *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
    ),
)
QUARANTINE_DAYS = SettingRule(unit="days", low=1, high=90)
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MEMORY = SettingRule(unit="MB", low=128, high=10_240)
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
RECEIVES = SettingRule(unit="receives", low=1, high=1_000)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
_ARN = r"arn:[^:\s]+:[^:\s]+:[^:\s]*:[^:\s]*:\S+"
ARN = SettingRule(pattern=_ARN, words="an ARN")
RESOURCE = SettingRule(pattern=rf"\*|{_ARN}", words="*, or an ARN")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
ACTION = SettingRule(pattern=r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+", words="a service and its action, as in s3:GetObject")
CERTIFICATE_ARN = SettingRule(
    pattern=r"arn:[a-z0-9-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+",
    words="the ARN of a certificate in AWS Certificate Manager",
)
# Terraform's backend takes no other role, and no other form of a key.
# https://developer.hashicorp.com/terraform/language/backend/s3
ROLE_ARN = SettingRule(
    pattern=r"arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\x21-\x7e]+", words="the ARN of a role, arn:aws:iam::...:role/..."
)
_KEY_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}"
_ALIAS = "alias/[A-Za-z0-9/_-]+"
KMS_KEY = SettingRule(
    pattern=rf"arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{{12}}:(key/({_KEY_ID})|{_ALIAS})|{_KEY_ID}|{_ALIAS}",
    words="the ARN of a key in KMS or of its alias, its id, or alias/...",
)
# S3 takes 1,024 bytes, of which the delivery stack and the lock add some.
STATE_KEY = SettingRule(
    pattern=r"(?=.*\S)(?!/).{1,1000}(?<!/)", words="1 to 1,000 characters, of which neither the first nor the last is /"
)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = SettingRule(
    pattern=r"(?!xn--|sthree-|amzn-s3-demo-|([0-9]+\.){3}[0-9]+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    words="the name of a bucket: 3 to 63 lower-case letters, digits, inner hyphens and single dots",
)
EVENT_BUS = SettingRule(pattern=r"[A-Za-z0-9_./-]{1,256}", words="the name of an event bus of this account and region")
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
QUEUE = SettingRule(
    pattern=r"(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?",
    words="1 to 80 letters, digits, hyphens and underscores, .fifo at the end included",
)
# https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html
HEADER = SettingRule(pattern="[A-Za-z0-9._$-]+", words="the name of a header")
HOST = SettingRule(
    pattern=r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", words="a host name in lower case"
)
