"""Where samples come from and go: radios, recordings, the virtual air. It knows nothing of LTE or NR."""
