"""The audit log of the inbound stack."""

from typing import Any

from lambdas.inbound.record_items import AUDIT, PARTITION_KEY, SORT_KEY
from lambdas.shared.audit import AuditLog


def audit_log(dynamodb: Any, table: str) -> AuditLog:
    """Return the log, which is in the table of records."""
    return AuditLog(dynamodb, table, partition=(PARTITION_KEY, AUDIT), sort=SORT_KEY)
