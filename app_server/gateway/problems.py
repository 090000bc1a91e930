"""What the gateway refuses, and what it says when a mini-app does not answer."""

from app_server.kernel.problems import Problem


class MiniAppSuspended(Problem):
    """This service is paused by the city for now. Your cards and data are safe; please come back later."""

    code = "miniapp_suspended"
    status = 503


class MiniAppUnavailable(Problem):
    """This service does not answer at the moment. It is not your phone; please try again in a little while."""

    code = "miniapp_unavailable"
    status = 503


class MiniAppBusy(Problem):
    """Very many people are using this service right now. Please try again in a moment."""

    code = "miniapp_busy"
    status = 503


class MiniAppTooSlow(Problem):
    """This service took too long to answer. Please try again in a little while."""

    code = "miniapp_too_slow"
    status = 504


class MiniAppBrokenAnswer(Problem):
    """This service sent an answer that could not be passed on. Its provider can see why in the portal."""

    code = "miniapp_broken_answer"
    status = 502


class RequestNotPassedOn(Problem):
    """The request has a form that is not passed on to services. The detail says which part."""

    code = "request_not_passed_on"
    status = 400


class WebSocketNotOffered(Problem):
    """WebSockets to services are not offered yet. Ask over HTTP instead."""

    code = "websocket_not_offered"
    status = 501
