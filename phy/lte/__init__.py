"""The LTE physical layer (TS 36.211, 36.212, 36.213): one file a channel, transmit and receive side by side."""
