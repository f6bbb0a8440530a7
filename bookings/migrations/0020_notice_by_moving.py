from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0019_figures_by_moment"),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="notice_given",
            field=models.DurationField(
                editable=False,
                help_text="The shortest notice with which the patient moved it, since the clinic moved it last.",
                null=True,
            ),
        ),
    ]
