"""What the functions of this repository call, observed by running them against a counting endpoint."""

from tools.cost.observed.functions import Observer
from tools.cost.observed.usage import Usage

__all__ = ["Observer", "Usage"]
