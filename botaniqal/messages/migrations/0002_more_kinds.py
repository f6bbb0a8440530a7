from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="kind",
            field=models.CharField(
                choices=[
                    ("preparation", "Preparation for the call"),
                    ("confirmation", "Booking confirmed"),
                    ("moved", "Booking moved"),
                    ("other_practitioner", "Booking with another practitioner"),
                    ("booking_link", "Link to choose the time"),
                    ("cancelled", "Booking cancelled"),
                ],
                max_length=30,
            ),
        ),
    ]
