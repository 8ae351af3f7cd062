"""Model families: one folder each, and a folder is all it takes to be found."""
