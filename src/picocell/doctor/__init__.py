"""What of a machine and of configurations would keep a network from running, and what to do about it."""
