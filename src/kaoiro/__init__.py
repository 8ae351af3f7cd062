"""kaoiro measures facial expression in photos, videos and archives of videos.

>>> import kaoiro
>>> analyzer = kaoiro.Analyzer()
>>> faces = analyzer.image("photo.jpg")
>>> for record in analyzer.video("talk.mp4"): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kaoiro.core.errors import KaoiroError
    from kaoiro.core.types import Box, Record
    from kaoiro.inference.analyzer import Analyzer
    from kaoiro.inference.comparison.making import compare
    from kaoiro.inference.embedding import embed
    from kaoiro.inference.exchange import Exchanger
    from kaoiro.inference.neighbours import similar
    from kaoiro.inference.report.making import report
    from kaoiro.training.adapting.making import adapt

__version__ = "0.1.0"
__all__ = [
    "Analyzer",
    "Box",
    "Exchanger",
    "KaoiroError",
    "Record",
    "__version__",
    "adapt",
    "compare",
    "embed",
    "report",
    "similar",
]

_PLACES = {
    "Analyzer": "kaoiro.inference.analyzer",
    "Box": "kaoiro.core.types",
    "Exchanger": "kaoiro.inference.exchange",
    "KaoiroError": "kaoiro.core.errors",
    "Record": "kaoiro.core.types",
    "adapt": "kaoiro.training.adapting.making",
    "compare": "kaoiro.inference.comparison.making",
    "embed": "kaoiro.inference.embedding",
    "report": "kaoiro.inference.report.making",
    "similar": "kaoiro.inference.neighbours",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that `import kaoiro` is instant."""
    if name not in _PLACES:
        raise AttributeError(f"module 'kaoiro' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
