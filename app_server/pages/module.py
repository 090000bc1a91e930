"""The pages as the host sees them."""

from app_server.kernel.modules import Module
from app_server.pages import desk_routes, routes

module = Module(name="pages", routes=[*routes.routes, *desk_routes.routes])
