"""The command line completes itself in a shell."""

import subprocess
import sys
from pathlib import Path

import pytest

COMPLETE = """
source "$1"
COMP_WORDS=(ipymultichat "${@:2}")
COMP_CWORD=$(($# - 1))
_shtab_ipymultichat
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    command = [sys.executable, "-m", "ipymultichat", "--completion", "bash"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    path = tmp_path_factory.mktemp("completion") / "ipymultichat.bash"
    path.write_text(made.stdout)
    return path


@pytest.mark.parametrize(
    ("words", "completed"), [(["se"], {"serve"}), (["ask", "--to"], {"--token", "--token-file"}), (["nonsense"], {""})]
)
def test_bash_completes_commands_and_their_options(script: Path, words: list[str], completed: set[str]) -> None:
    ran = subprocess.run(["bash", "-c", COMPLETE, "bash", script, *words], capture_output=True, text=True, check=True)
    assert set(ran.stdout.splitlines()) == completed


def test_without_its_package_the_completion_names_it() -> None:
    hidden = "import sys; sys.modules['shtab'] = None; from ipymultichat.cli import main; main(['--completion', 'zsh'])"
    ran = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert 'pip install "ipymultichat[completion]"' in ran.stderr
