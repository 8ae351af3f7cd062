from __future__ import annotations

import argparse
import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import kaoiro
from kaoiro.cli import models
from kaoiro.cli.main import build_parser, main, reader_left
from kaoiro.core.errors import InputError

COMMANDS = ("analyze", "evaluate", "train", "models", "demo")


def test_it_tells_its_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"kaoiro {kaoiro.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    said = capsys.readouterr().out
    assert caught.value.code == 0
    assert said.startswith(f"usage: kaoiro {command}")


def test_help_names_every_command_and_what_cannot_be_told(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)
    assert "not what a person feels" in said


@pytest.mark.parametrize("argv", [[], ["nosuch"], ["models", "--nosuch"], ["models", "a", "b"]])
def test_what_is_no_command_is_refused_in_one_line(capsys, argv):
    with pytest.raises(SystemExit) as caught:
        main(argv)
    said = capsys.readouterr()
    assert (caught.value.code, said.out) == (2, "")
    assert said.err.startswith("kaoiro: ") and said.err.count("\n") == 1
    assert said.err.endswith(" --help)\n")


def raising(error: BaseException):
    def run(arguments: argparse.Namespace) -> int:
        raise error

    return run


def test_an_error_of_ours_becomes_one_line(capsys, monkeypatch):
    monkeypatch.setattr(models, "run", raising(InputError("a.jpg: first\nsecond   third")))
    assert main(["models"]) == 2
    assert capsys.readouterr().err == "kaoiro: a.jpg: first second third\n"


def test_an_interruption_becomes_one_line(capsys, monkeypatch):
    monkeypatch.setattr(models, "run", raising(KeyboardInterrupt()))
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "kaoiro: interrupted\n"


def test_a_fault_of_ours_is_not_hidden(monkeypatch):
    monkeypatch.setattr(models, "run", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["models"])


def test_an_error_of_the_system_becomes_one_line_that_names_the_place(capsys, monkeypatch):
    monkeypatch.setattr(models, "run", raising(OSError(errno.ENOSPC, "No space left on device", "out/a.csv")))
    assert main(["models"]) == 2
    assert capsys.readouterr().err == "kaoiro: models: out/a.csv: No space left on device\n"
    monkeypatch.setattr(models, "run", raising(OSError("strange\nthing")))
    assert main(["models"]) == 2
    assert capsys.readouterr().err == "kaoiro: models: strange thing\n"


@pytest.mark.parametrize(
    ("error", "platform", "left"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "linux", True),
        (OSError(errno.EINVAL, "Invalid argument"), "win32", True),
        (OSError(errno.EINVAL, "Invalid argument"), "linux", False),
        (OSError(errno.EINVAL, "Invalid argument", "a?.csv"), "win32", False),
        (OSError(errno.ENOSPC, "No space left on device"), "win32", False),
    ],
)
def test_a_reader_who_left_is_told_apart_from_other_errors(error, platform, left):
    assert reader_left(error, platform) is left


def test_training_without_its_extra_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning", None)
    assert main(["train", "residual_attention", "tiny"]) == 2
    assert capsys.readouterr().err == 'kaoiro: kaoiro train needs the extra [train]: pip install "kaoiro[train]"\n'


def test_only_training_takes_options_that_it_does_not_know():
    parser = build_parser()
    _, rest = parser.parse_known_args(["train", "family", "recipe", "--run.epochs", "3"])
    assert rest == ["--run.epochs", "3"]


def in_python(script: str, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *argv]
    variables = {**os.environ, "PYTHONUTF8": "1", **environment}
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=variables)


def test_using_needs_no_pytorch(small_photo: Path, tmp_path: Path) -> None:
    script = """
        import sys
        learning = ("torch", "lightning", "onnx", "tyro", "safetensors", "sklearn", "scipy", "matplotlib", "cv2")
        sys.modules |= dict.fromkeys(learning)
        from kaoiro.cli.main import main
        sys.exit(main(sys.argv[1:]))
    """
    done = in_python(script, "analyze", str(small_photo), "--out", str(tmp_path / "out"), "--overlay", "--plot")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert in_python(script, "models").returncode == 0


def test_the_package_is_imported_without_what_it_may_never_need() -> None:
    heavy = "numpy", "pandas", "PIL", "av", "onnxruntime", "pydantic"
    done = in_python(f"import sys, kaoiro; print([name for name in {heavy} if name in sys.modules])")
    assert done.stdout.strip() == "[]"


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kaoiro", "models", "nosuch"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kaoiro: no model 'nosuch'")


def test_a_closed_pipe_is_no_error(small_photo: Path) -> None:
    script = """
        import os, sys
        from kaoiro.cli.main import main
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
        sys.exit(main(sys.argv[1:]))
    """
    done = in_python(script, "models", "--json")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_piped_output_is_utf_8_whatever_the_system_prefers(small_photo: Path, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "写真.jpg"
    small_photo.rename(path)
    script = "import sys; from kaoiro.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = in_python(script, "analyze", str(path), PYTHONUTF8="0", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(path) in done.stdout


def test_names_that_are_no_text_are_escaped(small_photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "\udcff.jpg"  # the byte 255 alone, on systems whose names are bytes
    try:
        small_photo.rename(path)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    script = "import sys; from kaoiro.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = in_python(script, "analyze", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\udcff.jpg" in done.stdout
