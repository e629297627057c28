"""All guards in one table."""

from modules.guards import (
    authorizers,
    functions,
    names_and_tags,
    policies,
    queues,
    routes,
    schedules,
    storage,
    variables,
)
from modules.guards.guard import Guard

GUARDS: tuple[Guard, ...] = (
    *queues.GUARDS,
    *functions.GUARDS,
    *variables.GUARDS,
    *routes.GUARDS,
    *authorizers.GUARDS,
    *policies.GUARDS,
    *schedules.GUARDS,
    *storage.GUARDS,
    *names_and_tags.GUARDS,
)
