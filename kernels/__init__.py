"""Native kernels: arrays in, arrays out, without the GIL. They know nothing of cells, grants or channels."""
