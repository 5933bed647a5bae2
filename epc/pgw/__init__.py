"""Packet data network gateway: addresses, bearers, and the way to the Internet (SGi)."""
