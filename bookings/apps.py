"""Bookings as a Django app."""

from django.apps import AppConfig


class Bookings(AppConfig):
    """Patients, bookings and money."""

    name = "bookings"
    label = "bookings"
    verbose_name = "Bookings"
