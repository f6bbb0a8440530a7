from django.db import migrations, models

import botaniqal.logs


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0016_find_patients_by_email"),
    ]

    operations = [
        migrations.AddField(
            model_name="checkout",
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
        migrations.AddField(
            model_name="drift",
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
        migrations.AddField(
            model_name="moneyday",
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
        migrations.AddField(
            model_name="refunddecision",
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
        migrations.AddField(
            model_name="syncrecord",
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
