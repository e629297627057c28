"""Dead letter queue to table, archive and alarm."""
