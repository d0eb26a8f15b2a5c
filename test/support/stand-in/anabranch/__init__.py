"""A stand-in for the package: the bytes of the protocol and nothing else, for tests of the host's side of a process."""
