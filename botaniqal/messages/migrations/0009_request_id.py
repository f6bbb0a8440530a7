from django.db import migrations, models

import botaniqal.logs


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0008_marketing_by_creation"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="request_id",
            field=models.CharField(
                blank=True,
                db_default="",
                default=botaniqal.logs.request_id,
                editable=False,
                help_text="The request by which it came to be owed; the logs tell of it under this id.",
                max_length=64,
            ),
        ),
    ]
