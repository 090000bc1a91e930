"""The people of the tests."""

from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from tests.city import City


class Person:
    """Somebody with a phone. After `sign_in` their requests carry an access token."""

    def __init__(self, city: "City", phone: str) -> None:
        self.city = city
        self.phone = phone
        self.http = city.browser()
        self.id = ""
        self.refresh_token = ""
        self.cookie = ""

    async def sign_in(self) -> None:
        """By one-time code."""
        await self.city.forget_limits()
        sent = await self.http.post("/v1/sign-in/challenges", json={"phone": self.phone})
        assert sent.status_code == 202, sent.text
        code = await self.city.last_code(self.phone)
        answer = {"challenge_id": sent.json()["challenge_id"], "code": code}
        opened = await self.http.post("/v1/sign-in/sessions", json=answer)
        assert opened.status_code == 201, opened.text
        body = opened.json()
        self.id, self.refresh_token = body["resident"]["id"], body["refresh_token"]
        self.cookie = self.http.cookies["banyan_session"]
        self.http.cookies.clear()
        self.http.headers["authorization"] = f"Bearer {body['access_token']}"

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        """GET."""
        return await self.http.get(path, **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        """POST."""
        return await self.http.post(path, **options)

    async def patch(self, path: str, **options: Any) -> httpx2.Response:
        """PATCH."""
        return await self.http.patch(path, **options)

    async def delete(self, path: str, **options: Any) -> httpx2.Response:
        """DELETE."""
        return await self.http.delete(path, **options)
