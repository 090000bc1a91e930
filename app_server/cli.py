"""`banyan`: every way to run Banyan and to look after it. What a command needs is imported when it is called."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="banyan",
    help="The backend of a city super-app.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys_app = typer.Typer(help="The key ring: sealing keys, signing keys, the gateway's key.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
client_app = typer.Typer(help="The clients that providers registered.", no_args_is_help=True)
app.add_typer(client_app, name="client")
jobs_app = typer.Typer(help="What workers do later, and what they gave up.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")


def main() -> None:
    """Run the command line; a known problem is one sentence on standard error and exit code 1."""
    from app_server.embedded.listening import PortTaken
    from app_server.embedded.programs import EngineError
    from app_server.kernel.key_file import KeyFileError
    from app_server.kernel.settings import SettingsError

    try:
        app()
    except (SettingsError, KeyFileError, EngineError, PortTaken) as refusal:
        sys.exit(str(refusal))
    except OSError as error:
        sys.exit(_about_system(error))
    except Exception as error:
        if not type(error).__module__.startswith("asyncpg"):
            raise
        sys.exit(f"PostgreSQL says: {error}. `banyan doctor` tells what to do.")


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Where the city answers.", min=1, max=65535)] = 8000,
    data: Annotated[Path, typer.Option(help="Where it keeps its data and logs.")] = Path("data"),
    reset: Annotated[bool, typer.Option("--reset", help="Begin anew: forget what the demo kept there.")] = False,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """A whole city on this machine: engines, web, worker and the bundled mini-apps. Ctrl-C stops all of it."""
    from app_server.demo import run

    raise typer.Exit(run(data, host=host, port=port, reset=reset))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on; BANYAN_HOST unless given.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; BANYAN_PORT unless given.", min=1, max=65535)] = None,
) -> None:
    """The web process. Run as many as there are cores, each on its own port, behind a proxy."""
    from app_server.kernel.settings import Settings
    from app_server.serving import serve as answer

    settings = Settings.from_env()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    raise typer.Exit(0 if answer(settings.model_copy(update=given)) else 1)


@app.command()
def work() -> None:
    """The worker process: delivers facts, runs jobs, keeps the clock. Run at least one."""
    from app_server import worker

    worker.run()


@app.command()
def migrate() -> None:
    """Make the key file if there is none, and bring the tables up to date. Safe to run from many places at once."""
    import asyncio

    from app_server import database
    from app_server.kernel.clock import system_clock
    from app_server.kernel.crypto import KeyRing
    from app_server.kernel.settings import Settings

    settings = Settings.from_env()
    if KeyRing.create(settings.key_file, system_clock()):
        typer.echo(f"New key file {settings.key_file}: back it up, without it nothing sealed can be read.")
    asyncio.run(database.migrate(settings, typer.echo))
    typer.echo("The tables are up to date.")


@app.command()
def migration(
    name: Annotated[str, typer.Argument(help="What it changes, in a few words with underscores.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Only tell whether the models need one.")] = False,
) -> None:
    """Write a migration for each package whose models have changed. Needs no database."""
    import asyncio

    from app_server import database

    settings = _settings_without_engines()
    if check:
        missing = asyncio.run(database.missing_migrations(settings))
        if missing:
            sys.exit(
                f"The models have changed without a migration ({', '.join(missing)}): run `make migration name=…`."
            )
        typer.echo("The migrations are up to date with the models.")
    elif not name:
        sys.exit("Say what the migration changes: `make migration name=add_opening_hours`.")
    else:
        paths = asyncio.run(database.write_migrations(settings, name))
        typer.echo("\n".join(map(str, paths)) or "No model has changed.")


@app.command()
def seed(
    endpoint: Annotated[
        list[str] | None, typer.Option(help="Where a bundled mini-app listens: library=http://host:port.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Where the mini-apps keep their keys.")] = Path("data"),
    operator: Annotated[str, typer.Option(help="Only make this number an operator: the first of a real city.")] = "",
) -> None:
    """Install the demo city: districts, people with roles, the bundled mini-apps, a reader. Safe to repeat."""
    import asyncio

    from app_server.kernel.settings import Settings
    from app_server.seed import first_operator
    from app_server.seed import seed as plant

    settings = Settings.from_env()
    if operator:
        typer.echo(asyncio.run(first_operator(settings, operator)))
        return
    endpoints = dict(text.split("=", 1) for text in endpoint or [] if "=" in text)
    planted = asyncio.run(plant(settings, endpoints, data))
    typer.echo(f"The reader's enrolment code is {planted.enrolment_code}.")


@app.command()
def lock(
    number: Annotated[str, typer.Argument(help="The resident's mobile number.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit.")],
) -> None:
    """Lock a resident's account: every session of it ends, and nobody signs in to it."""
    import asyncio

    from app_server.kernel.settings import Settings
    from app_server.locking import change_lock

    typer.echo(asyncio.run(change_lock(Settings.from_env(), number, lock=True, reason=reason)))


@app.command()
def unlock(
    number: Annotated[str, typer.Argument(help="The resident's mobile number.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit.")],
) -> None:
    """Open a locked account again; its owner signs in anew."""
    import asyncio

    from app_server.kernel.settings import Settings
    from app_server.locking import change_lock

    typer.echo(asyncio.run(change_lock(Settings.from_env(), number, lock=False, reason=reason)))


@app.command()
def doctor(
    data: Annotated[Path | None, typer.Option(help="Look at the demo that keeps its data there.")] = None,
) -> None:
    """Check engines, keys, migrations, clock, port and carrier, and say what to do. Exit code 1 when one fails."""
    from app_server.doctor import run

    raise typer.Exit(run(data))


@app.command()
def openapi(
    check: Annotated[bool, typer.Option("--check", help="Only tell whether docs/openapi.json is up to date.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write docs/openapi.json anew.")] = False,
) -> None:
    """Print the API's description (OpenAPI 3.1)."""
    import json

    from app_server import wiring
    from app_server.openapi import document

    text = json.dumps(document(wiring.routes(_settings_without_engines())), indent=1, ensure_ascii=False) + "\n"
    committed = Path("docs/openapi.json")
    if write:
        committed.write_text(text)
    elif check:
        if not committed.exists() or committed.read_text() != text:
            sys.exit("docs/openapi.json is not what the program says: run `make docs` and commit it.")
        typer.echo("docs/openapi.json is up to date.")
    else:
        typer.echo(text, nl=False)


@app.command()
def problems() -> None:
    """Every problem the API answers with: its code, its HTTP status, its title."""
    from app_server.kernel.problems import Problem

    _load_everything()
    found: list[type[Problem]] = sorted(_subclasses(Problem), key=_code_of)
    for problem in found:
        typer.echo(f"{problem.status} {problem.code:<32} {problem.title()}")


@keys_app.command("list")
def keys_list() -> None:
    """The signing and sealing keys by id, age and state. Secrets are never printed."""
    from app_server.kernel.clock import system_clock
    from app_server.kernel.key_file import KeyFile
    from app_server.kernel.settings import Settings
    from app_server.keys import lines

    typer.echo("\n".join(lines(KeyFile.read(Settings.from_env().key_file), system_clock())))


@keys_app.command("rotate")
def keys_rotate() -> None:
    """Add a signing key and a sealing key: known to every process at once, used later. Nothing is restarted."""
    import asyncio

    from app_server.kernel.settings import Settings
    from app_server.keys import rotate_by_hand

    typer.echo(asyncio.run(rotate_by_hand(Settings.from_env())))


@keys_app.command("reseal")
def keys_reseal() -> None:
    """Let the workers seal anew what older sealing keys have sealed. Safe to repeat, and beside everything else."""
    import asyncio

    from app_server.kernel.settings import Settings
    from app_server.keys import reseal_all

    typer.echo(asyncio.run(reseal_all(Settings.from_env())))


@keys_app.command("drop")
def keys_drop(
    key_id: Annotated[str, typer.Argument(help="The old sealing key, as `banyan keys list` names it.")],
) -> None:
    """Take an old sealing key out of the key file; refused while any value needs it."""
    import asyncio

    from app_server.kernel.settings import Settings
    from app_server.keys import drop

    typer.echo(asyncio.run(drop(Settings.from_env(), key_id)))


@client_app.command("close")
def client_close(
    client_id: Annotated[str, typer.Argument(help="The client's id, as its links to /authorize have it.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit.")],
) -> None:
    """Close a provider's client, in every process within seconds: nobody signs in with it, and its tokens die."""
    import asyncio

    from app_server.client_acts import close_client
    from app_server.kernel.settings import Settings

    typer.echo(asyncio.run(close_client(Settings.from_env(), client_id, reason=reason)))


@client_app.command("secret")
def client_secret(
    client_id: Annotated[str, typer.Argument(help="The client's id, as its links to /authorize have it.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit.")],
) -> None:
    """Let a provider's client prove itself by a secret (client_secret_basic), shown once; the one before stays good."""
    import asyncio

    from app_server.client_acts import give_client_secret
    from app_server.kernel.settings import Settings

    typer.echo(asyncio.run(give_client_secret(Settings.from_env(), client_id, reason=reason)))


@jobs_app.command("dead")
def jobs_dead() -> None:
    """The kinds of jobs that were given up: how many, when the last one was, and why."""
    import asyncio

    from app_server.kernel.settings import Settings
    from app_server.trying_again import list_dead

    typer.echo(asyncio.run(list_dead(Settings.from_env())))


@jobs_app.command("again")
def jobs_again(
    name: Annotated[str, typer.Argument(help="The kind of job, as `banyan jobs dead` names it.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit.")],
) -> None:
    """Let the jobs of a kind that were given up begin anew: what made them fail is mended."""
    import asyncio

    from app_server.kernel.settings import Settings
    from app_server.trying_again import revive

    typer.echo(asyncio.run(revive(Settings.from_env(), name, reason=reason)))


def _settings_without_engines() -> Any:
    """Settings for what looks at the code only: no engine is asked."""
    from app_server.kernel.settings import Settings

    return Settings(
        database_url="postgresql://nobody@localhost/none", redis_url="redis://localhost", key_file=Path("none")
    )


def _load_everything() -> None:
    import importlib

    importlib.import_module("app_server.wiring")


def _subclasses(kind: type[Any]) -> list[Any]:
    found: list[Any] = []
    for each in kind.__subclasses__():
        if "code" in vars(each):
            found.append(each)
        found.extend(_subclasses(each))
    return found


def _code_of(problem: Any) -> str:
    return str(problem.code)


def _about_system(error: OSError) -> str:
    no_socket = isinstance(error, FileNotFoundError | PermissionError) and error.filename is None  # says asyncpg
    if isinstance(error, ConnectionError) or no_socket:
        return f"An engine does not answer ({error.strerror or error}): `banyan doctor` tells which, and what to do."
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}. Check that it is there and that this user may use it."


if __name__ == "__main__":
    main()
