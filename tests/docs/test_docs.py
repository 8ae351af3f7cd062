import re
from pathlib import Path

import pytest
from PIL import Image

from kaoiro.core.labels import EXPRESSION
from kaoiro.core.types import COLUMNS
from kaoiro.data.datasets import drawn
from kaoiro.evaluation import reference
from kaoiro.inference.words import glossary

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])


def test_the_record_reference_is_what_the_code_says() -> None:
    page = (ROOT / "docs/reference/records.md").read_text(encoding="utf-8")
    assert page == reference.markdown(), "run python -m kaoiro.evaluation.reference docs/reference/records.md"
    assert all(f"`{column.name}`" in page for column in COLUMNS)


def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Path) -> None:
    page = (ROOT / "docs/tutorials/first-steps.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    assert astronaut.is_file()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "first-steps.md", "exec"), {"__name__": "tutorial"})
    assert (tmp_path / "clip.parquet").stat().st_size > 0
    assert (tmp_path / "clip.png").stat().st_size > 0


def test_the_guide_to_long_recordings_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Path) -> None:
    page = (ROOT / "docs/how-to/long-recordings.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    assert astronaut.is_file()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "long-recordings.md", "exec"), {"__name__": "guide"})
    assert (tmp_path / "talk.html").stat().st_size > 0
    assert len(list((tmp_path / "tables").iterdir())) == 5


def test_the_guide_to_comparing_recordings_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Path
) -> None:
    page = (ROOT / "docs/how-to/compare-recordings.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    assert astronaut.is_file()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "compare-recordings.md", "exec"), {"__name__": "guide"})
    assert (tmp_path / "compare.html").stat().st_size > 0
    assert len(list((tmp_path / "tables").iterdir())) == 6


def test_the_guide_to_adapting_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/how-to/adapt.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    made = drawn.faces(64, seed=7)
    for number, (pixels, label) in enumerate(zip(made.pixels, made.labels[EXPRESSION], strict=True)):
        path = tmp_path / "faces" / drawn.VOCABULARY.labels[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="nobody is named"):
        exec(compile(code, "adapt.md", "exec"), {"__name__": "guide"})
    assert (tmp_path / "my-model" / "model.json").is_file()


def test_the_guide_to_words_runs(capsys: pytest.CaptureFixture[str], astronaut: Path) -> None:
    page = (ROOT / "docs/how-to/words.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    assert astronaut.is_file()
    names: dict[str, object] = {"__name__": "guide"}
    exec(compile(code, "words.md", "exec"), names)
    assert "never what somebody feels" in capsys.readouterr().out
    assert "word_eyes_wide" in names["table"]  # pyright: ignore[reportOperatorIssue]


def test_the_guide_to_searching_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], astronaut: Path
) -> None:
    page = (ROOT / "docs/how-to/search.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    assert astronaut.is_file()
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "guide"}
    exec(compile(code, "search.md", "exec"), names)
    assert "never what somebody feels" in capsys.readouterr().out
    assert [hit.score for hit in names["near"]] == pytest.approx([1], abs=1e-3)  # pyright: ignore


def test_the_guide_to_auditing_groups_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], astronaut: Path
) -> None:
    page = (ROOT / "docs/how-to/audit-groups.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    assert astronaut.is_file()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "audit-groups.md", "exec"), {"__name__": "guide"})
    assert "24 pictures of 24 people" in capsys.readouterr().out
    assert (tmp_path / "groups.png").stat().st_size > 0


def test_the_glossary_of_the_guide_to_words_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/words.md").read_text(encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text("\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)), encoding="utf-8")
    found = glossary.read(file).find("大喜び")
    assert found is not None and found.name == "delighted"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
