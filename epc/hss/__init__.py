"""Home subscriber server: subscribers and their authentication vectors over S6a."""
