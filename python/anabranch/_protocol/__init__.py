"""The protocol between host and worker, version 1: the bytes of ``src/transport/README.md``, mirrored."""
