"""Who somebody is, and what they agreed to."""
