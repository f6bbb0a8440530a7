"""The form that belongs to a visit: asked for, filled in and read."""
