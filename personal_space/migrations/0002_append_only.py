from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("personal_space", "0001_initial")]

    operations = [
        ops.RunSQL(
            [
                "CREATE FUNCTION personal_space_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'the data ledger is append-only'; END $$",
                "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON personal_space_ledger_entry"
                " FOR EACH ROW EXECUTE FUNCTION personal_space_ledger_is_append_only()",
            ],
            [
                "DROP TRIGGER append_only ON personal_space_ledger_entry",
                "DROP FUNCTION personal_space_ledger_is_append_only()",
            ],
        ),
    ]
