from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("services", "0003_forms_interest_and_verdicts"),
    ]

    operations = [
        migrations.AddField(
            model_name="interestentry",
            name="left_reason",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="Why staff took them off; empty where they left.",
                max_length=200,
            ),
        ),
    ]
