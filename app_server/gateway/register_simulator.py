"""The demo's population register: knows a few people, and can misbehave (`register_error_rate`). Demo mode only."""

import random
from hmac import compare_digest

from starlette.responses import Response

from app_server.kernel.access import Anonymous, access
from app_server.kernel.routing import describe, post
from app_server.kernel.schemas import Schema, read, reply
from app_server.kernel.state import AppRequest

CHECKS = "/demo/register/checks"
PEOPLE = {  # citizen identification number → name; nobody real
    "350102199003072640": "林晓榕",
    "350102196205181331": "陈立",
    "350121200111120456": "吴敏",
}


class Asked(Schema):
    """Name and number that somebody claims."""

    name: str
    id_number: str


@access(Anonymous)
@describe(body=Asked)
async def check(request: AppRequest) -> Response:
    """The simulated register says whether it knows this name with this number."""
    settings = request.state["settings"]
    sent = request.headers.get("authorization", "")
    if not compare_digest(sent.encode(), f"Bearer {settings.register_secret}".encode()):
        return reply({"error": "unauthorized"}, status=401)
    if random.random() < settings.register_error_rate:
        return random.choice(
            [reply({}, status=500), reply({"result": "perhaps"}), reply({"error": "busy"}, status=503)]
        )
    asked = await read(request, Asked)
    known = PEOPLE.get(asked.id_number) == asked.name
    return reply({"result": "matched" if known else "not_matched"})


routes = [post(CHECKS, check)]
