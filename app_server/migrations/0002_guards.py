from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        # the worker reads only what waits
        ops.RunSQL(
            "CREATE INDEX idx_core_outbox_waiting ON core_outbox_event (id) WHERE delivered_at IS NULL",
            "DROP INDEX idx_core_outbox_waiting",
        ),
        ops.RunSQL(
            "CREATE INDEX idx_core_job_waiting ON core_job (run_at) WHERE state = 'waiting'",
            "DROP INDEX idx_core_job_waiting",
        ),
        # a scope is granted once at a time
        ops.RunSQL(
            "CREATE UNIQUE INDEX uidx_core_consent_standing ON core_consent (resident_id, app_id, scope)"
            " WHERE withdrawn_at IS NULL",
            "DROP INDEX uidx_core_consent_standing",
        ),
        # the audit is added to, never changed
        ops.RunSQL(
            "CREATE FUNCTION core_audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
            "DROP FUNCTION core_audit_entry_is_append_only",
        ),
        ops.RunSQL(
            "CREATE TRIGGER core_audit_entry_append_only BEFORE UPDATE OR DELETE ON core_audit_entry"
            " FOR EACH ROW EXECUTE FUNCTION core_audit_entry_is_append_only()",
            "DROP TRIGGER core_audit_entry_append_only ON core_audit_entry",
        ),
    ]
