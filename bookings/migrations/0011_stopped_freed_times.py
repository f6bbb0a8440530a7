from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0010_online_bookings_and_portal"),
    ]

    operations = [
        migrations.AlterField(
            model_name="freedtime",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "To be offered"),
                    ("offered", "Offered"),
                    ("filled", "Taken"),
                    ("nobody", "Nobody wants it"),
                    ("gone", "Booked otherwise, or past"),
                    ("stopped", "Not offered any more"),
                ],
                default="open",
                editable=False,
                max_length=10,
            ),
        ),
    ]
