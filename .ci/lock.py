"""Write both locks anew: every wheel by its hash, no address of any index. `make lock` runs it in `.venv`."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-annotate"]


def main() -> None:
    """The run-time lock first; the one for tests and checks holds the same versions and more."""
    descriptions = [
        ROOT / "pyproject.toml",
        ROOT / "sdk/pyproject.toml",
        *sorted(ROOT.glob("miniapps/*/pyproject.toml")),
    ]
    needed, for_tests = [], []
    for path in descriptions:
        description = tomllib.loads(path.read_text())
        groups = description.get("dependency-groups", {})
        needed += [*description["project"]["dependencies"], *groups.get("build", [])]
        for_tests += groups.get("dev", [])
    needed = [requirement for requirement in needed if not requirement.startswith("banyan-sdk")]
    compile_lock("requirements.lock", needed)
    compile_lock("requirements-dev.lock", needed + for_tests, "--constraints", "requirements.lock")


def compile_lock(output: str, requirements: list[str], *options: str) -> None:
    """Resolve for every platform and every Python from 3.11 on."""
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-", "--quiet", *OPTIONS, *options]
    command += ["--custom-compile-command", "make lock", "--upgrade", "--output-file", output]
    subprocess.run(command, input="\n".join(requirements).encode(), cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
