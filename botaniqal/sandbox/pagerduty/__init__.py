"""The stand-in for PagerDuty's Events API."""
