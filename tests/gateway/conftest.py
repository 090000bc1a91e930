"""Gateway tests run on asyncio."""

import pytest


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops: uvicorn brings uvloop where it can, and their transports differ."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}
