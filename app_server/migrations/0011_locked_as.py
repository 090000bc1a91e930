from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.models import LockedAs
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0010_post_logout_redirect_uris')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='Resident',
            options={'table': 'core_resident', 'app': 'core', 'pk_attr': 'id', 'table_description': 'A person. Phone and name are sealed; the phone is found by its blind index, and a deleted account has none.'},
        ),
        ops.AlterField(
            model_name='Resident',
            name='phone_index',
            field=fields.CharField(null=True, unique=True, max_length=64),
        ),
        ops.AlterField(
            model_name='Resident',
            name='phone_sealed',
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name='Resident',
            name='locked_as',
            field=fields.CharEnumField(null=True, description='LOCKED: locked\nSUSPENDED: suspended\nDECEASED: deceased\nDELETED: deleted', enum_type=LockedAs, max_length=10),
        ),
        ops.RunSQL("UPDATE core_resident SET locked_as = 'locked' WHERE locked_at IS NOT NULL", "SELECT 1"),
    ]
