"""Link and system simulators over the same layers."""
