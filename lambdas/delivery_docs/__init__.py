"""The public part of the delivery API: its document, pages that show it, and the keys that verify signatures."""
