"""Main queue to archive, table and bus."""
