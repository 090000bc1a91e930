"""Providers of clients."""

import pytest

from app_server.identity import service as identity
from app_server.registry.service import found_organisation
from tests.actors import Person
from tests.authorization.relying_parties import registered
from tests.city import City


@pytest.fixture
async def provider(city: City) -> Person:
    """Somebody who publishes for the clinic."""
    return await provider_of(city, "Fuzhou Clinic", "+8613800000003")


async def provider_of(city: City, organisation: str, phone: str) -> Person:
    organisation_id = await found_organisation(organisation)
    await identity.register_person(
        phone, name="吴敏", roles=["provider"], organisation_id=organisation_id, keys=city.state["keys"]
    )
    person = Person(city, phone)
    await person.sign_in()
    return person


@pytest.fixture
async def clinic(provider: Person) -> str:
    """The clinic's client id."""
    return await registered(provider)


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person()
