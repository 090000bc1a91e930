"""Refusals of this package."""

from app_server.kernel.problems import Problem


class UnknownTemplate(Problem):
    """Your manifest has no notice of that name. Use the id of one that is published."""

    code = "unknown_template"
    status = 422


class NoticeDataIncomplete(Problem):
    """The data does not fit the placeholders of the template. Send a value for each, and no other."""

    code = "notice_data_incomplete"
    status = 422


class CallbackNotSigned(Problem):
    """The signature of this callback is not the carrier's."""

    code = "callback_not_signed"
    status = 403
