"""Where portal and vendors differ, and who is right."""
