"""A worker process by its life: start, hello, open, run, stop.

The host starts ``python -m anabranch._worker``, or has workers forked of one that it started with ``fork-server``
behind it. A worker holds nothing between calls but modules, resources and parameters, so the host may end it at any
moment.
"""
