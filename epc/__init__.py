"""The core network: MME, HSS, SGW, PGW."""
