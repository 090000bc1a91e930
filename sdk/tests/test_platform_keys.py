"""The platform's keys, as a mini-app learns them."""

import asyncio

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from banyan_sdk import jose
from banyan_sdk.client import PlatformKeys


async def test_everybody_who_comes_in_the_first_moment_waits_for_the_same_look() -> None:
    jwks = {"keys": [jose.public_jwk(Ed25519PrivateKey.generate().public_key(), "city-1")]}
    looks = 0

    async def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.01)
        return httpx2.Response(200, json=jwks)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://city.test") as http:
        keys = PlatformKeys(http)
        assert await asyncio.gather(*(keys.look_again() for _ in range(10))) == [True] * 10
        assert looks == 1
        assert keys.signing("city-1") is not None
        assert not await keys.look_again()  # a stranger's key does not make everybody ask again and again
        assert looks == 1
