"""One pricing rule for each type of resource that costs, and the reason why each other type is free."""

from tools.estimate.cost.rules import api_gateway, events, functions, monitoring, network, queues, storage
from tools.estimate.cost.rules.free import FREE
from tools.estimate.cost.rules.rule import Line, NoPriceError, Paid, PricingRule, lines_of

RULES: dict[str, PricingRule] = {
    **api_gateway.RULES,
    **events.RULES,
    **functions.RULES,
    **monitoring.RULES,
    **network.RULES,
    **queues.RULES,
    **storage.RULES,
}

__all__ = ["FREE", "RULES", "Line", "NoPriceError", "Paid", "PricingRule", "lines_of"]
