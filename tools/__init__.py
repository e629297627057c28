"""What the make targets call, a folder for each kind of work."""

from pathlib import Path

# The checkout.
ROOT = Path(__file__).resolve().parent.parent
