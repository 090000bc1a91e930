from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [('core', '0002_guards')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='ListingEvent',
            options={'table': 'registry_listing_event', 'app': 'core', 'pk_attr': 'id', 'table_description': 'What was done to a listing, by whom and why: its history, in the order of `at`.'},
        ),
    ]
