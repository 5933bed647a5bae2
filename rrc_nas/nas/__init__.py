"""Non-access stratum: EPS mobility and session management (TS 24.301)."""
