"""The infrastructure: constructs, the two stacks, their settings, and the guards that check what they synthesize."""
