"""GitHub."""

from lambdas.inbound.identity import IdentityRule, WithoutId
from lambdas.inbound.providers.documents import JsonOrForm
from lambdas.inbound.providers.entry import Provider
from lambdas.inbound.providers.fields import HeaderField, JoinedFields, JsonField
from lambdas.inbound.providers.selecting_fields import FieldWhere
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

GITHUB = Provider(
    name="github",
    title="GitHub",
    scheme=HmacHeaderScheme(family="github", header="X-Hub-Signature-256", prefix_required=True),
    # GitHub's settings page chooses application/x-www-form-urlencoded unless one changes it.
    # https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks
    body_format=JsonOrForm(field="payload"),
    identity=IdentityRule(
        without_id=WithoutId(
            kind=(HeaderField("X-GitHub-Event"),),
            # The time of the change, or of what happens once. A purchase has only the day on which its plan changes.
            dated_by=(
                JsonField("pull_request.updated_at"),
                JsonField("issue.updated_at"),
                FieldWhere("action", "created", JsonField("sponsorship.created_at")),
            ),
            # Not signed. It belongs to the event: a redelivery has the same one.
            delivery=(HeaderField("X-GitHub-Delivery"),),
        ),
        told="the digest of the body, the type of the event in `X-GitHub-Event` and, unless the body says when an "
        "issue or pull request was changed or a sponsorship created, `X-GitHub-Delivery`; GitHub signs "
        "neither header",
        sources=(
            "https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers",
            "https://docs.github.com/en/rest/repos/webhooks#get-a-delivery-for-a-repository-webhook",
        ),
    ),
    # X-GitHub-Event is not signed: with a signed body, somebody could send another type.
    event_type=(JoinedFields((HeaderField("X-GitHub-Event"), JsonField("action"))),),
    transaction_id=(
        JsonField("pull_request.node_id"),
        JsonField("issue.node_id"),
        JsonField("sponsorship.node_id"),
        JsonField("marketplace_purchase.account.node_id"),
    ),
    account=(JsonField("sponsorship.sponsorable.login"),),
    transaction="the sponsorship, purchase, pull request or issue",
    key_doc="the webhook's secret, as entered on GitHub",
    exposure="send it again, which ends as a duplicate; send it as another type, as an event of its own",
    sends_api_key=False,
    retries="never by itself; a failed delivery can be redelivered by hand or over the API for three days",
    answer_within=10,
    sources=(
        "https://docs.github.com/en/webhooks/webhook-events-and-payloads",
        "https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries",
    ),
)
