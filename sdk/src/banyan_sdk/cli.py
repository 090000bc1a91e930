"""`banyan-app`: begin a mini-app, check it as a reviewer does, run it in a small city of its own."""

import argparse
import importlib
import importlib.util
import json
import os
import re
import socket
import sys
from importlib.resources import files
from pathlib import Path

import uvicorn

from banyan_sdk import speech
from banyan_sdk.app import MiniApp
from banyan_sdk.keys import AppKey
from banyan_sdk.manifest import Finding, ManifestRefused, Severity, check
from banyan_sdk.pages import lint
from banyan_sdk.surroundings import NotConfigured

KEY_FILE = "key.jwk"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="banyan-app", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="new | check | run")
    new = verbs.add_parser("new", help="write a working mini-app into a new folder")
    new.add_argument("app_id", help="its name in addresses, such as tea-house")
    new.set_defaults(run=lambda given: begin(given.app_id))
    checked = verbs.add_parser("check", help="everything to mend in the manifest and the pages")
    checked.add_argument("folder", nargs="?", default=".", type=Path)
    checked.set_defaults(run=lambda given: review(given.folder))
    run = verbs.add_parser("run", help="open it in a phone frame, or serve the platform of the environment")
    run.add_argument("what", nargs="?", default=".", help="a folder with app.py, or module:function that makes the app")
    run.add_argument("--port", type=int, default=8700)
    run.set_defaults(run=lambda given: serve(given.what, given.port))
    given = parser.parse_args(arguments)
    given.run(given)


def begin(app_id: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,28}[a-z0-9]", app_id):
        sys.exit(speech.NEW_BAD_NAME.format(name=app_id))
    folder = Path(app_id)
    if folder.exists():
        sys.exit(speech.NEW_EXISTS.format(path=folder))
    folder.mkdir()
    for source in files("banyan_sdk").joinpath("template").iterdir():
        if not source.is_file():  # pip compiles what it installs
            continue
        name = ".gitignore" if source.name == "gitignore" else source.name
        (folder / name).write_text(source.read_text(encoding="utf-8").replace("hello-city", app_id), encoding="utf-8")
    AppKey.generate().save(folder / KEY_FILE)
    print(speech.NEW_DONE.format(path=folder, key=KEY_FILE))


def review(folder: Path) -> None:
    """Prints every finding; the process ends with 1 if one of them is an error."""
    findings: list[Finding] = []
    try:
        findings += check(json.loads((folder / "miniapp.json").read_bytes()))
    except OSError as failed:
        sys.exit(speech.MANIFEST_MISSING.format(path=folder / "miniapp.json", reason=failed.strerror))
    except ValueError as failed:
        sys.exit(speech.MANIFEST_BROKEN.format(path=folder / "miniapp.json", reason=failed))
    for pages in (folder / "pages", *folder.glob("src/*/pages")):
        findings += lint(pages) if pages.is_dir() else []
    for one in findings:
        print(f"{one.severity:7} {one.pointer or '/'}  {one.message} {one.mend}  [{one.rule}]")
    errors = sum(one.severity is Severity.ERROR for one in findings)
    count = speech.CHECK_COUNT.format(errors=errors, warnings=len(findings) - errors)
    print(count if findings else speech.CHECK_CLEAN)
    if errors:
        sys.exit(1)


def serve(what: str, port: int) -> None:
    module, _, name = what.partition(":")
    folder = Path() if name else Path(what)
    try:
        app = _made_by(module, name) if name else _of_folder(folder)
    except (ManifestRefused, NotConfigured) as refused:
        sys.exit(str(refused))
    if not isinstance(app, MiniApp):
        sys.exit(speech.RUN_NO_APP.format(path=what if name else folder / "app.py"))
    if os.environ.get("BANYAN_PLATFORM_URL"):
        app.run()
        return
    from banyan_sdk.dev.city import DevCity

    key_file = folder / KEY_FILE
    key = AppKey.load(key_file) if key_file.exists() else AppKey.generate()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(speech.PORT_TAKEN.format(port=port))
    address = f"http://localhost:{port}"
    city = DevCity(app, base_url=address, data=folder / "data", key=key)
    print(speech.RUN_READY.format(address=address, app_id=app.manifest.app_id), flush=True)
    uvicorn.run(city, host="127.0.0.1", port=port, access_log=False, log_level="warning", timeout_graceful_shutdown=2)


def _made_by(module: str, name: str) -> object:
    found: object = getattr(importlib.import_module(module), name, None)
    return found() if callable(found) and not isinstance(found, MiniApp) else found


def _of_folder(folder: Path) -> object:
    """The `app` of the folder's app.py; its imports and files are found from there."""
    source = folder / "app.py"
    if not source.exists():
        return None
    here = Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder.resolve()))
    try:
        spec = importlib.util.spec_from_file_location("app", source.name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        os.chdir(here)
    return getattr(module, "app", None)
