from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("card_wallet", "0001_initial")]

    operations = [
        # what a reader saw is added to, never changed
        ops.RunSQL(
            "CREATE FUNCTION card_wallet_presentation_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'presentations are append-only'; END $$",
            "DROP FUNCTION card_wallet_presentation_is_append_only",
        ),
        ops.RunSQL(
            "CREATE TRIGGER card_wallet_presentation_append_only BEFORE UPDATE OR DELETE ON card_wallet_presentation"
            " FOR EACH ROW EXECUTE FUNCTION card_wallet_presentation_is_append_only()",
            "DROP TRIGGER card_wallet_presentation_append_only ON card_wallet_presentation",
        ),
    ]
