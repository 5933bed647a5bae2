"""RLC and PDCP: both ends of each protocol, without I/O."""
