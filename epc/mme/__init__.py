"""The mobility management entity."""
