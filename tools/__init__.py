"""What the make targets call: set-up, bundles, a local AWS, the demo, generated documents."""
