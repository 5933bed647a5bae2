"""Speed of kernels and channels: ``python -m benchmarks`` prints one table."""
