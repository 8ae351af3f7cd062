"""Texts as rows of token ids: byte pairs, either the published ones of CLIP or learned from one's own texts.

Source:  byte pairs after Sennrich, Haddow & Birch, "Neural Machine Translation of Rare Words with Subword Units", ACL
         2016, algorithm 1; over bytes, so that no text is unknown, after Radford et al., 2019, 2.2; start and end as
         in Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, 2.4.
Changed: of the cleaning that CLIP's authors leave to a repair library, what concerns texts typed by people is done
         here: width of letters, curly quotation marks, ligatures. Text never becomes the start or the end.

The end has the highest id, and rows are filled up with 0, which `nn.text.TextTower` never reads. No PyTorch here.
"""

from __future__ import annotations

import gzip
import html
import json
import os
import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from kaoiro.core.checks import at_least, require
from kaoiro.core.errors import InputError, MissingExtra
from kaoiro.core.files import write_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Engine

START, END = "<|startoftext|>", "<|endoftext|>"
CLIP_VOCABULARY, CLIP_CONTEXT = 49408, 77
_LARGEST_FILE, _LONGEST = 64 << 20, 4096
_BYTES = 256
_WORD_END = "</w>"
_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
_JAPANESE = r"\p{Han}\p{Hiragana}\p{Katakana}ー"
_WORDS = (
    r" ?\p{Han}+| ?\p{Hiragana}+| ?[\p{Katakana}ー]+"
    rf"| ?(?:(?![{_JAPANESE}])[\p{{L}}\p{{M}}])+| ?\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+"
)
"""Pieces across which nothing is joined; Japanese, which has no spaces, is cut where the script changes."""
_QUOTES = dict.fromkeys(map(ord, "‘’‚‛ʼ"), "'") | dict.fromkeys(map(ord, "“”„‟"), '"')
_FORMS = {
    code: unicodedata.normalize("NFKC", chr(code))
    for code in (0x3000, *range(0xFB00, 0xFB07), *range(0xFF01, 0xFFDD))
    if unicodedata.category(chr(code)) != "Cn"
}
"""Full-width and half-width forms and Latin ligatures, as the usual letters."""


class Tokenizer:
    """Texts to token ids and back.

    Attributes:
        context: length of a row, start and end included.

    Args:
        engine: of the library tokenizers, with `START` and `END` among its tokens.
        context: length of a row.

    Raises:
        InputError: the engine has no start or end, or the end has not the highest id.
    """

    def __init__(self, engine: Engine, context: int) -> None:
        require(2 <= context <= _LONGEST, "context", f"between 2 and {_LONGEST}", context)
        start, end = engine.token_to_id(START), engine.token_to_id(END)
        if start is None or end is None:
            raise InputError(f"the tokenizer has no token {START if start is None else END}")
        if end != engine.get_vocab_size() - 1:
            raise InputError(f"{END} has the id {end} of {engine.get_vocab_size()}, expected was the highest")
        engine.no_truncation()
        engine.no_padding()
        engine.encode_special_tokens = True
        self._engine, self.start, self.end, self.context = engine, start, end, context

    @property
    def vocabulary(self) -> int:
        """Number of ids: what a text tower needs to know."""
        return self.end + 1

    def encode(self, texts: Sequence[str], cut: bool = False) -> np.ndarray:
        """Return the ids of texts, each between start and end, filled up with 0.

        Args:
            texts: N of them; capitals and the kind of white space do not matter.
            cut: shorten texts that are too long, keeping the end, instead of refusing them.

        Returns:
            (N, context) int64.

        Raises:
            InputError: a text is too long, or no Unicode.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of texts, not one")
        rows = np.zeros((len(texts), self.context), np.int64)
        for row, text in zip(rows, texts, strict=True):
            ids = self._ids(text)
            if len(ids) > self.context - 2 and not cut:
                shown = text if len(text) <= 60 else f"{text[:60]}…"
                raise InputError(f"a text of {len(ids) + 2} tokens, at most {self.context} fit; shorten it: '{shown}'")
            ids = [self.start, *ids[: self.context - 2], self.end]
            row[: len(ids)] = ids
        return rows

    def _ids(self, text: str) -> list[int]:
        return self._engine.encode(cleaned(text), add_special_tokens=False).ids

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by the text of a tokenizer.json; the library's own way forgets settings."""
        return Tokenizer.from_text, (self.to_text(),)

    def decode(self, rows: np.ndarray) -> list[str]:
        """Return the texts of rows (N, T), as cleaned: without what follows the end."""
        return [self._text(row.tolist()) for row in rows]

    def _text(self, ids: list[int]) -> str:
        until = ids.index(self.end) if self.end in ids else len(ids)
        text = self._engine.decode([number for number in ids[:until] if number != self.start])
        suffix = getattr(self._engine.model, "end_of_word_suffix", None)
        return (text.replace(suffix, " ") if suffix else text).strip()

    @classmethod
    def learn(cls, texts: Iterable[str], vocabulary: int = 2000, context: int = 32) -> Tokenizer:
        """Return a tokenizer of the byte pairs that are most frequent in `texts`, whatever their order.

        Args:
            texts: any languages.
            vocabulary: number of ids at most: 256 bytes, start, end and the joined pairs.
            context: length of a row.

        Raises:
            InputError: there are no texts, or the vocabulary has no room for the bytes.
        """
        at_least("vocabulary", _BYTES + 2, vocabulary)
        texts = [cleaned(text) for text in texts]
        if not any(texts):
            raise InputError("there are no texts to learn a tokenizer from")
        library = _library()
        engine = library.Tokenizer(library.models.BPE())
        engine.normalizer = library.normalizers.Sequence([*_usual(library), library.normalizers.Prepend(" ")])
        _split(engine, library, _WORDS, "isolated")
        trainer = library.trainers.BpeTrainer(
            vocab_size=vocabulary - 2,
            min_frequency=2,
            initial_alphabet=_alphabet(),
            show_progress=False,
        )
        engine.train_from_iterator(texts, trainer)
        return cls(_ended(engine, library), context)

    @classmethod
    def load(cls, path: str | Path, context: int | None = None) -> Tokenizer:
        """Return the tokenizer of a file.

        Args:
            path: tokenizer.json, as written here or published with CLIP; or CLIP's list of merges
                (`bpe_simple_vocab_16e6.txt.gz`, `merges.txt`).
            context: length of a row (default: what the file says, else that of CLIP).

        Raises:
            InputError: the file cannot be read, or is none of these.
        """
        text = _read(Path(path))
        try:
            return cls.from_text(text, context) if text.lstrip().startswith("{") else cls._of_merges(text, context)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    @classmethod
    def from_text(cls, text: str, context: int | None = None) -> Tokenizer:
        """Return the tokenizer of the text of a tokenizer.json.

        Raises:
            InputError: it is none, or has no start or end.
        """
        library = _library()
        try:
            content = json.loads(text)
            engine = library.Tokenizer.from_str(text)
        except Exception as error:  # the library raises plain exceptions
            raise InputError(f"no tokenizer.json, or damaged: {str(error).splitlines()[0][:200]}") from error
        longest = (content.get("truncation") or {}).get("max_length", CLIP_CONTEXT)
        return cls(engine, longest if context is None else context)

    @classmethod
    def _of_merges(cls, text: str, context: int | None) -> Tokenizer:
        """Return the tokenizer of CLIP's list of merges, of which the first 48,894 count."""
        merges = _merges(text)
        alphabet = _alphabet()
        names = [*alphabet, *(letter + _WORD_END for letter in alphabet)]
        ids = {name: number for number, name in enumerate(names)}
        for line, (left, right) in enumerate(merges, start=2):
            if left not in ids or right not in ids or left + right in ids:
                raise InputError(f"line {line}: '{left} {right}' joins unknown tokens, or a second time")
            ids[left + right] = len(ids)
        library = _library()
        model = library.models.BPE(vocab=ids, merges=merges, end_of_word_suffix=_WORD_END)
        engine = library.Tokenizer(model)
        engine.normalizer = library.normalizers.Sequence(_usual(library))
        _split(engine, library, _CLIP_WORDS, "removed")
        return cls(_ended(engine, library), CLIP_CONTEXT if context is None else context)

    def to_text(self) -> str:
        """Return the text of a tokenizer.json, which other programs read to the same ids."""
        self._engine.enable_truncation(self.context)
        self._engine.enable_padding(pad_id=0, pad_token=self._engine.id_to_token(0), length=self.context)
        text = self._engine.to_str(pretty=False)
        self._engine.no_truncation()
        self._engine.no_padding()
        return text

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json.

        Raises:
            OutputError: the place cannot be written.
        """
        write_text(path, self.to_text())


def cleaned(text: str) -> str:
    """Return a text as it is encoded: usual letters, lower case, single spaces, HTML entities resolved.

    Raises:
        InputError: the text is no Unicode.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"a text that is no Unicode: {text!r}") from error
    text = html.unescape(html.unescape(text)).translate(_FORMS).translate(_QUOTES)
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip().lower()


def _library() -> ModuleType:
    """Return the library tokenizers, quiet about processes that are forked later."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtra("reading texts", "train") from error
    return tokenizers


def _alphabet() -> list[str]:
    """Return the letters that stand for the 256 bytes, in CLIP's order: printable ones as they are, then the others."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [*map(chr, printable), *(chr(_BYTES + k) for k in range(_BYTES - len(printable)))]


def _usual(library: Any) -> list[Any]:
    """Return the part of the cleaning that a tokenizer.json can say, for other programs."""
    tools = library.normalizers
    return [tools.NFC(), tools.Replace(library.Regex(r"\s+"), " "), tools.Strip(), tools.Lowercase()]


def _split(engine: Any, library: Any, pattern: str, behavior: str) -> None:
    tools = library.pre_tokenizers
    pieces = tools.Split(library.Regex(pattern), behavior, invert=behavior == "removed")
    engine.pre_tokenizer = tools.Sequence([pieces, tools.ByteLevel(add_prefix_space=False, use_regex=False)])
    engine.decoder = library.decoders.ByteLevel()


def _ended(engine: Any, library: Any) -> Any:
    """Add start and end behind all other ids."""
    engine.add_special_tokens([START, END])
    ends = [(name, engine.token_to_id(name)) for name in (START, END)]
    engine.post_processor = library.processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return engine


def _merges(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a list of merges, whose first line is a heading."""
    lines = text.rstrip("\n").split("\n")[1 : 1 + CLIP_VOCABULARY - 2 * _BYTES - 2]
    pairs = [tuple(line.split()) for line in lines]
    for line, pair in enumerate(pairs, start=2):
        if len(pair) != 2:
            raise InputError(f"line {line}: expected were two parts of a token, found '{lines[line - 2][:60]}'")
    if not pairs:
        raise InputError("neither a tokenizer.json nor a list of merges")
    return pairs  # type: ignore[return-value]


def _read(path: Path) -> str:
    """Return the text of a file, unpacked if it is packed.

    Raises:
        InputError: the file cannot be read, is damaged, too large or no text.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > _LARGEST_FILE:
        raise InputError(f"{path}: larger than any tokenizer")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: neither a tokenizer.json nor a list of merges") from error
