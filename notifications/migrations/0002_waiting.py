from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        # what the sweep for expired messages reads: only those that are still on their way
        ops.RunSQL(
            "CREATE INDEX idx_notifications_delivery_waiting ON notifications_delivery (expires_at)"
            " WHERE state = 'accepted'",
            "DROP INDEX idx_notifications_delivery_waiting",
        ),
        # every notice updates its resident's row: room on the page keeps the update out of the index
        ops.RunSQL(
            "ALTER TABLE notifications_inbox SET (fillfactor = 70)",
            "ALTER TABLE notifications_inbox RESET (fillfactor)",
        ),
    ]
