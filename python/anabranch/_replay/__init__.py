"""Replay: a captured call run again here and now, to look at it, to step through it, or to make a test of it."""
