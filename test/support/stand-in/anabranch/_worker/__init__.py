"""Run as ``python -m anabranch._worker``."""
