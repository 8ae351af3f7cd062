"""`kaoiro words`: the glossary of words that `kaoiro analyze --classes` takes, with how far to trust each.

With `--clip` it compiles words of any kind, for those who have weights of CLIP.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from pathlib import Path
from typing import Any

from kaoiro.core.errors import InputError, MissingExtra

TEXT = "words of the glossary on rendered people whom the model does not know: area under the curve, calibration"
_GLOSSARY = "entries of your own beside those that ship"


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "words", help="words for 'analyze --classes': what they stand for, how far to trust them", description=__doc__
    )
    text = "one word, complete; in English or Japanese. With --clip: words of any kind, in English"
    parser.add_argument("name", nargs="*", metavar="WORD", help=text)
    text = "weights of CLIP: compile the words with them into a model folder for 'analyze --clip' (needs [train])"
    parser.add_argument("--clip", metavar="FILE", help=text)
    parser.add_argument("--merges", metavar="FILE", help="tokenizer file that belongs to them")
    parser.add_argument("--out", metavar="FOLDER", help="where the compiled words go")
    parser.add_argument("--language", choices=("en", "ja"), help="only what words are called in it (default: both)")
    parser.add_argument("--glossary", metavar="FILE", help=_GLOSSARY)
    parser.add_argument("--model", metavar="NAME|FOLDER", help="default: the default model")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.core import modelfile
    from kaoiro.inference.words.asked import CAUTION, opened

    if arguments.clip or arguments.merges or arguments.out:
        return _compile(arguments)
    if len(arguments.name) > 1:
        raise InputError(f"one word at a time, not {', '.join(arguments.name)}; quote a word that has blanks")
    glossary, model = opened(arguments.glossary), modelfile.load(arguments.model)
    one = _found(arguments.name[0], glossary) if arguments.name else None
    called = glossary.called(arguments.language) if one is None else [(one, one.en + one.ja)]
    rows = [_row(entry, names, model) for entry, names in called]
    if arguments.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    for row in rows:
        print("\n".join([_line(row)] if one is None else _complete(row)))
    print(f"{CAUTION}; files of your own: --glossary FILE")
    return 0


def _compile(arguments: argparse.Namespace) -> int:
    """Write a folder of words that are told by their texts."""
    from kaoiro.inference.words.asked import split

    if not (arguments.clip and arguments.merges and arguments.out):
        raise InputError("--clip, --merges and --out belong together: weights, their tokenizer file, and a new folder")
    flags = {flag: getattr(arguments, flag) for flag in ("language", "glossary", "model", "json")}
    beside = ", ".join(f"--{flag}" for flag, value in flags.items() if value)
    if beside:
        raise InputError(f"{beside}: of no use beside --clip, which compiles words; leave it out")
    words = list(dict.fromkeys(word for given in arguments.name for word in split(given)))
    if not words:
        raise InputError("name the words to compile, such as: kaoiro words relieved 'lost in thought' --clip ...")
    columns = _columns(words)  # refused before minutes are spent
    if Path(arguments.out).exists() and (not Path(arguments.out).is_dir() or any(Path(arguments.out).iterdir())):
        raise InputError(f"--out {arguments.out} is there already; name a new folder")
    try:
        from kaoiro.training.open_words import compile_words
    except ImportError as error:
        raise MissingExtra("words of CLIP", "train") from error
    compile_words(words, arguments.clip, arguments.merges, arguments.out)
    print(
        f"kaoiro: {arguments.out}: {', '.join(columns)}; now: kaoiro analyze ... --classes ... --clip {arguments.out}"
    )
    return 0


def _columns(words: list[str]) -> list[str]:
    """Return the columns of words to compile, without `word_`.

    Raises:
        InputError: a word that the glossary tells, for its score would never be that of the text; one that is not
            English; one that cannot be a column, or two that would be the same.
    """
    from kaoiro.core import modelfile
    from kaoiro.inference.words.asked import opened, refusal
    from kaoiro.inference.words.naming import column_name

    glossary, model = opened(None), modelfile.load(None)
    found: dict[str, str] = {}
    for word in words:
        entry = glossary.find(word)
        if entry is not None and not refusal(entry, model):
            raise InputError(f"'{word}' is told by the glossary; leave it out")
        if not all("LATIN" in unicodedata.name(letter, "") for letter in word if letter.isalpha()):
            raise InputError(f"'{word}': CLIP learned English; say it in English")
        column = column_name(word)
        if column in found:
            raise InputError(f"'{found[column]}' and '{word}' would have the same column, word_{column}; name one")
        found[column] = word
    return list(found)


def _found(word: str, glossary: Any) -> Any:
    from kaoiro.inference.words.asked import unknown

    entry = glossary.find(word)
    if entry is None:
        raise InputError(unknown(word, glossary))
    return entry


def _row(entry: Any, names: tuple[str, ...], model: Any) -> dict[str, Any]:
    """Return what is known of an entry, for people and for programs."""
    from kaoiro.inference.words.listed import about

    return about(entry, model) | {"names": list(names)}


def _line(row: dict[str, Any]) -> str:
    level = "refused" if row["refused"] else row["reliability"]["level"]
    return f"{row['name']:<19} {level:<10} {row['refused'] or row['stands_for']}  [{', '.join(row['names'])}]"


def _complete(row: dict[str, Any]) -> list[str]:
    lines = [f"{row['name']}: {', '.join(row['names'])}", f"  stands for   {row['stands_for'] or '–'}"]
    if row["refused"]:
        lines += [f"  refused      {row['refused']}"]
        lines += [f"  near it      {', '.join(row['instead'])}"] if row["instead"] else []
    else:
        lines += [f"  column       {row['column']}", f"  reliability  {row['reliability_text']}"]
    return [*lines, f"  source       {row['source'] or '–'}"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `kaoiro evaluate words`."""
    text = "rendered sets, such as syn-mt and syn-id: the people of their test splits"
    parser.add_argument("--set", nargs="+", required=True, metavar="DIR", help=text)
    text = "a syn-acts set: closed eyes, winks, yawns, actions of one side, which the others lack"
    parser.add_argument("--acts", metavar="DIR", help=text)
    parser.add_argument("--london", metavar="DIR", help="the London set: smiling against neutral portraits")
    parser.add_argument("--generated", metavar="DIR", help="DiffusionFER: annotated valence and arousal")
    parser.add_argument("--fer2013", metavar="DIR", help="official files: words of acts on photographs from the web")
    parser.add_argument("--glossary", metavar="FILE", help=_GLOSSARY)
    parser.add_argument("--write", action="store_true", help="keep the reliabilities beside the glossary that ships")
    text = "compare rules that make the scores, by the people of 'val' instead"
    parser.add_argument("--choose", action="store_true", help=text)


def measure(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure, and write the results where --results and --write ask for them.

    Raises:
        InputError: --write beside entries that do not ship, or beside --choose.
    """
    from kaoiro.evaluation import word_rules, words
    from kaoiro.inference.words.asked import opened

    if arguments.write and (arguments.glossary or arguments.choose):
        raise InputError("--write is for figures of the glossary that ships; leave out --glossary and --choose")
    glossary = opened(arguments.glossary)
    if arguments.choose:
        arguments.what += "-choice"  # the name of its results
        return word_rules.choose(model, glossary, arguments.set, arguments.threads)
    others = arguments.london, arguments.generated
    further = {"threads": arguments.threads, "acts": arguments.acts, "web": arguments.fer2013}
    figures = words.measure(model, glossary, arguments.set, *others, **further)
    if arguments.write:
        _keep(model, figures)
    if arguments.results:
        words.write(Path(arguments.results), figures)
        arguments.results = None  # its page is its own
    return figures


def _keep(model: Any, figures: dict[str, Any]) -> None:
    import datetime
    from importlib.resources import as_file, files

    from kaoiro.evaluation import words
    from kaoiro.inference.words import reliability

    known, about = words.reliabilities(figures), {"name": model.name, "digest": model.digest}
    with as_file(files("kaoiro.inference.words")) as folder:
        today = datetime.date.today().isoformat()
        reliability.write(Path(folder) / reliability.FILE, about, today, figures["sets"], known)
