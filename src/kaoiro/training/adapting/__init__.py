"""Adapt a model to a few pictures of one's own, and say honestly what that is worth."""
