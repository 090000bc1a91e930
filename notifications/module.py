"""Notices as the host sees them."""

from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from notifications import carrier_simulator, sms
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
    lifespan=lifespan,
)

carrier_simulator_module = Module(  # demo mode only
    name="notifications_carrier_simulator",
    routes=carrier_simulator.routes,
    jobs=carrier_simulator.jobs,
)
