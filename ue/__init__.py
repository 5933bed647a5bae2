"""The UE and the tools that listen as one: scan and monitor."""
