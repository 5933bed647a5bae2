"""What the outside sees: capture files, metrics, tables."""
