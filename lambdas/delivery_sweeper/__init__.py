"""The sweeper of delivery."""
