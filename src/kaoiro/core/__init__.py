"""The nouns every other part stands on: vocabularies, specifications, records, model folders."""
