from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_waiting")]

    operations = [
        # marking everything as read touches what is unread, not the whole inbox of years
        ops.RunSQL(
            "CREATE INDEX idx_notifications_message_unread ON notifications_message (resident_id, position)"
            " WHERE read_at IS NULL",
            "DROP INDEX idx_notifications_message_unread",
        ),
    ]
