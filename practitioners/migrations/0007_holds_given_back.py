from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("practitioners", "0006_holds_by_making"),
    ]

    operations = [
        migrations.AddField(
            model_name="diaryentry",
            name="is_given_back",
            field=models.BooleanField(
                db_default=False, default=False, editable=False, help_text="Somebody gave it back before it ran out."
            ),
        ),
    ]
