"""picocell: a software-defined-radio LTE/5G network in Python with native kernels."""

__version__ = "0.1.0"
