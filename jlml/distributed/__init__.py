"""Training of one run in several processes."""
