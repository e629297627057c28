"""Set-up and the functions' bundles."""
