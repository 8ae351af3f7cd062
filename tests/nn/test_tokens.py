from __future__ import annotations

import copy
import gzip
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from kaoiro.core.errors import InputError, MissingExtra
from kaoiro.nn import tokens
from kaoiro.nn.text import TextTower
from kaoiro.nn.tokens import Tokenizer, cleaned

MERGES = '"bpe_simple_vocab_16e6.txt#version: 0.2\nh a\np p\nha pp\nhapp y</w>\nc a\nca t</w>\n'
"""Gives ha 512, pp 513, happ 514, happy 515, ca 516, cat 517, start 518, end 519."""
START, END = 518, 519
ENGLISH = [f"a photo of a {word} looking face." for word in ("angry", "happy, smiling", "sad, depressed", "surprised")]
JAPANESE = ["怒っている顔", "笑っている顔", "悲しんでいる顔", "驚いている顔", "苦笑いしている顔", "スマイルの顔"]


@pytest.fixture
def clip(tmp_path: Path) -> Tokenizer:
    path = tmp_path / "bpe_simple_vocab_16e6.txt.gz"
    path.write_bytes(gzip.compress(MERGES.encode()))
    return Tokenizer.load(path, context=12)


@pytest.fixture(scope="module")
def own() -> Tokenizer:
    return Tokenizer.learn([*ENGLISH, *JAPANESE] * 3, context=48)


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return what stands between start and end."""
    row = tokenizer.encode([text])[0].tolist()
    end = row.index(tokenizer.end)
    assert row[0] == tokenizer.start
    assert row[end + 1 :] == [0] * (tokenizer.context - end - 1)
    return row[1:end]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a", [320]),  # 256 letters within words, then 256 at their ends: 'a' is the 65th printable one
        ("happy cat", [515, 517]),
        ("A  HAPPY\n\tcat!", [320, 515, 517, 256]),
        ("hat", [512, 339]),
        ("happier", [514, 72, 68, 337]),
        ("2 23", [273, 273, 274]),  # digits stand alone
        ("cat's", [517, 6, 338]),
        ("cat,a", [517, 267, 320]),
        ("é", [127, 358]),
        ("顔", [165, 94, 498]),
    ],
)
def test_clips_own_ids_computed_by_hand(clip: Tokenizer, text: str, expected: list[int]) -> None:
    assert ids(clip, text) == expected


def test_a_row_of_clip(clip: Tokenizer) -> None:
    rows = clip.encode(["a happy cat", "cat"])
    assert rows.dtype == np.int64
    assert rows.tolist() == [[START, 320, 515, 517, END, 0, 0, 0, 0, 0, 0, 0], [START, 517, END, *[0] * 9]]
    assert (clip.vocabulary, clip.start, clip.end, clip.context) == (520, START, END, 12)


def test_merges_may_be_unpacked_and_the_context_is_that_of_clip(clip: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "merges.txt"
    path.write_text(MERGES)
    tokenizer = Tokenizer.load(path)
    assert tokenizer.context == 77
    assert tokenizer.encode(["a happy cat"])[0, :12].tolist() == clip.encode(["a happy cat"])[0].tolist()


def test_only_the_merges_of_the_vocabulary_count(tmp_path: Path) -> None:
    letters = [chr(k) for k in range(33, 127)]
    pairs = [f"{a} {b}" for a in letters for b in letters]  # 8,836
    pairs += [f"{a} {b}{c}" for a in letters for b in letters for c in letters][:60_000]
    path = tmp_path / "merges.txt"
    path.write_text("\n".join(["version", *pairs]))
    tokenizer = Tokenizer.load(path)
    assert (tokenizer.vocabulary, tokenizer.start, tokenizer.end) == (49408, 49406, 49407)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Two \t words\n", "two words"),
        ("“It’s”", '"it\'s"'),
        ("ＡＢＣ！　ｶﾀ", "abc! カタ"),
        ("ﬁne", "fine"),
        ("e\u0301", "é"),
        ("&amp;lt;b&gt;", "<b>"),
        ("苦笑、してる。", "苦笑、してる。"),
    ],
)
def test_cleaning(text: str, expected: str) -> None:
    assert cleaned(text) == expected


def test_texts_come_back_as_cleaned(clip: Tokenizer, own: Tokenizer) -> None:
    texts = [*ENGLISH, *JAPANESE, "unseen: Ünïcödé 😀", "ハローワールド 2 歳", "", "</w> <|endoftext|>"]
    assert own.decode(own.encode(texts)) == [cleaned(text) for text in texts]
    assert clip.decode(clip.encode(["A happy  cat", "顔"])) == ["a happy cat", "顔"]


def test_frequent_pieces_become_one_token_also_in_japanese(own: Tokenizer) -> None:
    assert len(ids(own, "a happy face")) == 3
    shared = set(ids(own, "怒っている顔")) & set(ids(own, "笑っている顔"))
    assert len(shared) == 2  # っている and 顔: nothing is joined where the script changes
    assert len(ids(own, "苦笑いしている顔")) == 3


def test_no_text_is_unknown(own: Tokenizer) -> None:
    texts = ["".join(map(chr, range(low, low + 8))) for low in (0x21, 0x600, 0x905, 0x4E00, 0xAC00, 0x1F600)]
    assert own.decode(own.encode(texts)) == texts


def test_learning_is_the_same_in_another_order_and_another_process(own: Tokenizer, tmp_path: Path) -> None:
    texts = [*ENGLISH, *JAPANESE] * 3
    assert Tokenizer.learn(texts[::-1], context=48).to_text() == own.to_text()
    program = (
        "import json, sys; from kaoiro.nn.tokens import Tokenizer;"
        "print(Tokenizer.learn(json.load(open(sys.argv[1])), context=48).to_text())"
    )
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    command = [sys.executable, "-c", program, str(tmp_path / "texts.json")]
    answer = subprocess.run(command, capture_output=True, check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    assert answer.stdout.decode().strip() == own.to_text()


def test_the_vocabulary_is_bounded_and_ends_with_the_end(own: Tokenizer) -> None:
    small = Tokenizer.learn(ENGLISH * 3, vocabulary=270)
    assert (small.vocabulary, small.start, small.end, small.context) == (270, 268, 269, 32)
    assert 270 < own.vocabulary < 2000
    assert own.encode([*ENGLISH, *JAPANESE]).max() == own.end


@pytest.mark.parametrize("kind", ["clip", "own"])
def test_a_saved_tokenizer_gives_the_same(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(kind)
    texts = ["a happy cat", "顔", "<|endoftext|>"] if kind == "clip" else [*ENGLISH, *JAPANESE, "<|endoftext|>"]
    tokenizer.save(tmp_path / "model" / "tokenizer.json")
    copies = [
        Tokenizer.load(tmp_path / "model" / "tokenizer.json"),
        Tokenizer.from_text(tokenizer.to_text()),
        copy.deepcopy(tokenizer),
        pickle.loads(pickle.dumps(tokenizer)),
    ]
    tokenizer.context = other = max(tokenizer.context, 30)
    for reopened in copies:
        reopened.context = other
        assert reopened.encode(texts).tolist() == tokenizer.encode(texts).tolist()
        assert reopened.to_text() == tokenizer.to_text()
    assert Tokenizer.load(tmp_path / "model" / "tokenizer.json", context=20).context == 20


@pytest.mark.parametrize("kind", ["clip", "own"])
def test_other_programs_read_a_saved_tokenizer_to_the_same_ids(kind: str, request: pytest.FixtureRequest) -> None:
    from tokenizers import Tokenizer as Engine

    tokenizer: Tokenizer = request.getfixturevalue(kind)
    engine = Engine.from_str(tokenizer.to_text())
    for text in ("A  Happy cat\n", "顔"):
        assert engine.encode(text).ids == tokenizer.encode([text])[0].tolist()


def test_text_never_becomes_the_start_or_the_end(clip: Tokenizer, own: Tokenizer) -> None:
    for tokenizer in (clip, own):
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.context = 77
        assert not {tokenizer.start, tokenizer.end} & set(ids(tokenizer, "a <|startoftext|> b <|endoftext|> c"))


def test_a_text_that_is_too_long_is_refused_or_cut_before_its_end(clip: Tokenizer) -> None:
    assert len(ids(clip, "cat " * 10)) == 10
    with pytest.raises(InputError, match="a text of 13 tokens, at most 12 fit; shorten it: 'cat cat"):
        clip.encode(["a", "cat " * 11])
    assert clip.encode(["cat " * 11], cut=True)[0].tolist() == [START, *[517] * 10, END]


def test_one_text_alone_is_a_mistake(clip: Tokenizer) -> None:
    with pytest.raises(TypeError, match="list of texts"):
        clip.encode("cat")


def test_a_text_that_is_no_unicode_is_refused(own: Tokenizer) -> None:
    with pytest.raises(InputError, match="no Unicode"):
        own.encode(["half of a pair: \ud83d"])


def test_a_tower_reads_the_rows(own: Tokenizer) -> None:
    tower = TextTower(own.vocabulary, width=8, layers=1, heads=1, context=own.context, embed=4)
    assert tower(torch.from_numpy(own.encode(JAPANESE))).shape == (6, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither a tokenizer.json nor a list of merges"),
        (b"version\n", "neither a tokenizer.json nor a list of merges"),
        (b"\x00\xff\xfe", "neither a tokenizer.json nor a list of merges"),
        (b"version\nh a\nthree of them\n", "line 3: expected were two parts of a token, found 'three of them'"),
        (b"version\nh a\n\nc a\n", "line 3: expected were two parts of a token, found ''"),
        (b"version\nha pp\n", "line 2: 'ha pp' joins unknown tokens, or a second time"),
        (b"version\nh a\nh a\n", "line 3: 'h a' joins unknown tokens, or a second time"),
        (gzip.compress(MERGES.encode(), mtime=0)[:-20], "cannot read"),
        (b"\x1f\x8bnothing packed", "cannot read"),
        (b"{", "no tokenizer.json, or damaged"),
        (b'{"version": "1.0"}', "no tokenizer.json, or damaged"),
        (b'{"truncation": {"max_length": "x"}}', "no tokenizer.json, or damaged"),
    ],
)
def test_bad_files_are_refused_in_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        Tokenizer.load(path)
    assert str(path) in str(caught.value) and message in str(caught.value) and "\n" not in str(caught.value)


def changed(tokenizer: Tokenizer, **change: object) -> str:
    return json.dumps(json.loads(tokenizer.to_text()) | change)


def test_tokenizers_that_no_tower_could_read_are_refused(clip: Tokenizer) -> None:
    added = json.loads(clip.to_text())["added_tokens"]
    none = changed(clip, added_tokens=[], post_processor=None)
    with pytest.raises(InputError, match=r"no token <\|startoftext\|>"):
        Tokenizer.from_text(none)
    more = [*added, added[0] | {"id": 520, "content": "<pad>"}]
    with pytest.raises(InputError, match=r"<\|endoftext\|> has the id 519 of 521, expected was the highest"):
        Tokenizer.from_text(changed(clip, added_tokens=more))
    with pytest.raises(InputError, match="context must be between 2 and 4096, not 1000000000000"):
        Tokenizer.from_text(clip.to_text().replace('"max_length":12', '"max_length":1000000000000'))


def test_files_that_unpack_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_LARGEST_FILE", 1000)
    path = tmp_path / "merges.gz"
    path.write_bytes(gzip.compress(bytes(2000)))
    with pytest.raises(InputError, match="larger than any tokenizer"):
        Tokenizer.load(path)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match="cannot read"):
            Tokenizer.load(path)


def test_a_vocabulary_without_room_or_no_texts_are_refused() -> None:
    with pytest.raises(InputError, match="vocabulary must be 258 or more, not 257"):
        Tokenizer.learn(ENGLISH, vocabulary=257)
    for texts in ([], ["", "  "]):
        with pytest.raises(InputError, match="no texts to learn a tokenizer from"):
            Tokenizer.learn(texts)


def test_without_the_library_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtra, match=r'reading texts needs the extra \[train\]: pip install "kaoiro\[train\]"'):
        Tokenizer.learn(ENGLISH)


def test_tokens_need_no_pytorch() -> None:
    program = "import sys, kaoiro.nn.tokens; print('torch' in sys.modules, 'tokenizers' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert answer.stdout.split() == [b"False", b"False"]
