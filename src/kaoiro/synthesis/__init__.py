"""The FACS world: rendered faces of which everything is known."""
