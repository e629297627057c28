"""What the functions call, observed by running them against a local AWS and counting their calls."""
