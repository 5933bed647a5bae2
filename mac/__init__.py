"""Medium access control (TS 36.321)."""
