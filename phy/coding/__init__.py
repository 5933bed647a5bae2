"""Channel coding of both standards, over the native kernels."""
