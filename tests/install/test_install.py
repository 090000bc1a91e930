"""The installer: what pip says in many lines is told in one sentence with the remedy."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).resolve().parents[2] / ".ci" / "install.py"


@pytest.fixture
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", PATH)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            (
                "ERROR: Could not find a version that satisfies the requirement cbor2==6.2.1 (from versions: none)\n"
                "ERROR: No matching distribution found for cbor2==6.2.1"
            ),
            "no ready-made cbor2 for this platform",
        ),
        (
            (
                "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'\n"
                "ERROR: No matching distribution found for aiohttp==3.14.5"
            ),
            "check the network",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the locked one"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("Error: [Errno 13] Permission denied: '/srv/banyan/.venv'", "clone to a folder of your own"),
    ],
)
def test_a_known_failure_is_one_sentence_with_the_remedy(install: ModuleType, said: str, told: str) -> None:
    sentence = install.explain(said)
    assert told in sentence
    assert "\n" not in sentence


def test_an_unknown_failure_is_told_in_its_own_words(install: ModuleType) -> None:
    said = "Collecting x\nERROR: the moon is in the way\nnote: this is not a problem with pip\nhint: see above"
    assert install.explain(said) == ""
    assert install.last_line(said) == "ERROR: the moon is in the way"


def test_an_old_python_is_told_so(install: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.sys, "version_info", (3, 9, 18))
    with pytest.raises(install.Refusal, match=r"needs Python 3\.11 or newer.*PYTHON="):
        install.main(dev=False)


def test_the_installer_can_be_read_by_an_old_python() -> None:
    import ast

    ast.parse(PATH.read_text(), feature_version=(3, 7))
