"""RRC and NAS: messages, and each protocol's two ends."""
