"""Calls of ``async def`` transforms to services: how many at once, how long, how often, and when not at all."""
