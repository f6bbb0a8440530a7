"""An invented clinic to look at: its people, their event types in the sandbox, a quarter of its life."""
