"""The checker of the fault programme: standard library only, nothing of the product; README.md is all that it knows."""
