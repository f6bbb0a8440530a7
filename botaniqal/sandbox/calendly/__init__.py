"""The stand-in for Calendly: what it knows of the clinic, what happens to events, whom it tells."""
