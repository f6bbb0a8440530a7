"""Vendors of calendars and records: what they are told of a booking, and what they say of it."""
