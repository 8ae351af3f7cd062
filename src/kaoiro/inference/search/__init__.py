"""Find the faces that look as words say, or like another face.

Legend: N faces, E numbers of the model's embedding, S columns of scores. A word says how a face looks, never what
somebody feels.
"""

from kaoiro.inference.search.hits import Hit
from kaoiro.inference.search.index import Index
from kaoiro.inference.search.query import Query, parse
from kaoiro.inference.search.recorded import Records

__all__ = ["Hit", "Index", "Query", "Records", "parse"]
