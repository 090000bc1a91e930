"""The personal space as the host sees it."""

from app_server.kernel.modules import Module
from personal_space.routes import routes

module = Module(name="personal_space", routes=routes)
