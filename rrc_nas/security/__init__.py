"""Security of the access stratum and of NAS: algorithms, key derivation, authentication (TS 33.401, TS 33.102)."""
