"""What the make targets call, a folder for each kind of work."""
