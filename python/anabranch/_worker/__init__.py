"""A worker process by its life: start, hello, open, run, stop. Started by the host as ``python -m anabranch._worker``.

It holds nothing between calls but modules, resources and parameters, so the host may end it at any moment.
"""
