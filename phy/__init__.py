"""Physical layer: bits to resource grid to samples and back. It does not know who scheduled it, nor why."""
