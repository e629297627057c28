"""All rules that run at synth, and those that run on a plan as well, in one table."""

from modules.rules import (
    authorizers,
    functions,
    names_and_tags,
    policies,
    queues,
    routes,
    storage,
    variables,
)
from modules.rules.rule import collect

MODULES = (queues, functions, variables, routes, authorizers, policies, storage, names_and_tags)
RULES = collect(MODULES)
