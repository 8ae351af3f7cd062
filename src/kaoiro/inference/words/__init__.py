"""Words of the user's own: a glossary that says which facial actions they stand for, scores, and how far to trust them.

A word says how a face looks, never what somebody feels. Legend: N faces.
"""
