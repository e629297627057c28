"""GitHub."""

from lambdas.inbound.providers.documents import JsonOrForm
from lambdas.inbound.providers.entry import Provider
from lambdas.inbound.providers.fields import BodyDigest, HeaderField, JoinedFields, JsonField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

GITHUB = Provider(
    name="github",
    title="GitHub",
    scheme=HmacHeaderScheme(family="github", header="X-Hub-Signature-256", prefix_required=True),
    # GitHub's settings page chooses application/x-www-form-urlencoded unless one changes it.
    # https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks
    body_format=JsonOrForm(field="payload"),
    # X-GitHub-Delivery is not signed, so it cannot be the identity.
    event_id=(BodyDigest(),),
    # X-GitHub-Event is not signed either: with a signed body, somebody could send another type, if it arrives before
    # GitHub's delivery; after that it is a duplicate.
    event_type=(JoinedFields((HeaderField("X-GitHub-Event"), JsonField("action"))),),
    transaction_id=(
        JsonField("pull_request.node_id"),
        JsonField("issue.node_id"),
        JsonField("sponsorship.node_id"),
        JsonField("marketplace_purchase.account.node_id"),
    ),
    transaction="the sponsorship, purchase, pull request or issue",
    key_doc="the webhook's secret, as entered on GitHub",
    exposure=(
        "send it again, which ends as a duplicate; before GitHub's own delivery has come, send it as another type, once"
    ),
    sends_api_key=False,
    retries="never by itself; a failed delivery can be redelivered by hand or over the API for three days",
    answer_within=10,
    sources=(
        "https://docs.github.com/en/webhooks/webhook-events-and-payloads",
        "https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries",
    ),
)
