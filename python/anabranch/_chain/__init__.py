"""A chain: transforms called one after the other over the rows of one batch and the state of their keys.

It knows columns and user functions, and neither sockets nor processes: worker and test kit run the same chain.
"""
