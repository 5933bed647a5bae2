"""Radio resource control (TS 36.331)."""
