import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncrecord",
            name="former_refs",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=255),
                default=list,
                editable=False,
                help_text="Calendly's invitees whose place this one took: what is heard of them is old news.",
                size=None,
            ),
        ),
        migrations.AddIndex(
            model_name="syncrecord",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("former_refs", []), _negated=True),
                fields=["former_refs"],
                name="sync_record_by_former_ref",
            ),
        ),
    ]
