"""What a user would otherwise build: the same job as ingestion's, done in the usual ways."""
