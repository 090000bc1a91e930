"""Notices as the host sees them."""

from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from app_server.kernel.resealing import Sealed
from notifications import carrier_simulator, sms
from notifications.models import SIMULATED_TEXT, SIMULATED_TO, SMS_TEXT, SMS_TO, TEXTS
from notifications.routes import routes
from notifications.state import lifespan

module = Module(
    name="notifications",
    routes=routes,
    jobs=[
        Job(name=sms.JOB, handler=sms.send_sms, transactional=False),
        Job(name="expire_sms", handler=sms.expire_sms),
    ],
    schedules=[Schedule(job="expire_sms", cron="* * * * *")],
    sealed=[
        Sealed(table="notifications_message", column="texts", field=TEXTS),
        Sealed(table="notifications_delivery", column="to", field=SMS_TO),
        Sealed(table="notifications_delivery", column="text", field=SMS_TEXT),
        Sealed(table="notifications_simulated_sms", column="to", field=SIMULATED_TO),
        Sealed(table="notifications_simulated_sms", column="text", field=SIMULATED_TEXT),
    ],
    lifespan=lifespan,
)

carrier_simulator_module = Module(  # demo mode only
    name="notifications_carrier_simulator",
    routes=carrier_simulator.routes,
    jobs=carrier_simulator.jobs,
)
