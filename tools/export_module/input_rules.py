"""What must hold between inputs."""

import re
from dataclasses import dataclass

from modules.settings.concurrency import MAX_MAPPING_CONCURRENCY, UNRESERVED
from modules.settings.model import Settings
from tools.export_module.hcl import expression
from tools.export_module.paths import value_at


@dataclass(frozen=True, kw_only=True)
class RuleBetweenInputs:
    """What must hold between inputs; `Settings` checks the same of settings, and a test compares the two.

    Attributes
    ----------
    of : str
        The variable that is refused.
    condition : str
        Expression over variables; ``<path>`` stands for a setting that is fixed in the module.
    refusal : str
        What the caller is told.
    """

    of: str
    condition: str
    refusal: str

    def block(self, settings: Settings) -> dict[str, str]:
        """Return the rule as a variable's validation in the module of settings."""
        condition = re.sub(r"<([\w.]+)>", lambda fixed: str(value_at(settings, fixed[1])), self.condition)
        return {"condition": expression(condition), "error_message": f"{self.of}: {self.refusal}"}


RULES_BETWEEN_INPUTS = (
    RuleBetweenInputs(
        of="queue_visibility_timeout",
        condition="var.queue_visibility_timeout >= 6 * var.functions_timeout + <queue.batch_window>",
        refusal="less than six times functions_timeout and the batch window on top, so that a message would be "
        "received again while it is being processed",
    ),
    RuleBetweenInputs(
        of="queue_retention",
        condition="var.queue_retention > var.queue_max_receive_count * var.queue_visibility_timeout",
        refusal="no longer than queue_max_receive_count times queue_visibility_timeout, so that a message would expire "
        "before its last receive, and be lost",
    ),
    RuleBetweenInputs(
        of="functions_account_concurrency",
        condition="local.functions_ingestion_reserved_concurrency + local.functions_processing_reserved_concurrency "
        f"<= var.functions_account_concurrency - {UNRESERVED}",
        refusal="too little for what ingestion and processing reserve, since Lambda keeps "
        f"{UNRESERVED} for functions without a reservation; have the account's limit raised and say so here, or lower "
        "api_throttle_rate or the budgets",
    ),
    RuleBetweenInputs(
        of="functions_processing_budget",
        condition="var.functions_processing_reserved_concurrency != null || "
        f"var.api_throttle_rate * var.functions_processing_budget <= {MAX_MAPPING_CONCURRENCY * 1_000}",
        refusal=f"asks for more than the {MAX_MAPPING_CONCURRENCY:,} executions that an event source mapping uses; "
        "lower it, or api_throttle_rate",
    ),
)
# With `api.ingest` `direct` ingestion has an event source mapping too.
RULES_OF_DIRECT = (
    RuleBetweenInputs(
        of="functions_ingestion_budget",
        condition="var.functions_ingestion_reserved_concurrency != null || "
        f"var.api_throttle_rate * var.functions_ingestion_budget <= {MAX_MAPPING_CONCURRENCY * 1_000}",
        refusal=f"asks for more than the {MAX_MAPPING_CONCURRENCY:,} executions that an event source mapping uses; "
        "lower it, or api_throttle_rate",
    ),
)
