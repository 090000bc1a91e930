from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("core", "0004_page_by_page")]

    operations = [
        # what is cleared away is found without reading what stays
        ops.RunSQL(
            "CREATE INDEX idx_core_outbox_delivered ON core_outbox_event (delivered_at) WHERE delivered_at IS NOT NULL",
            "DROP INDEX idx_core_outbox_delivered",
        ),
        ops.RunSQL(
            "CREATE INDEX idx_core_job_done ON core_job (ended_at) WHERE state = 'done'",
            "DROP INDEX idx_core_job_done",
        ),
        ops.RunSQL(
            "CREATE INDEX idx_core_refresh_used ON core_refresh_token (used_at) WHERE used_at IS NOT NULL",
            "DROP INDEX idx_core_refresh_used",
        ),
        ops.RunSQL(
            "CREATE INDEX idx_core_refresh_sealed ON core_refresh_token (used_at) WHERE successor_sealed IS NOT NULL",
            "DROP INDEX idx_core_refresh_sealed",
        ),
    ]
