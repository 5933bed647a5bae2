"""The eNB: wires the layers together and owns its sockets, threads, clock and files."""
