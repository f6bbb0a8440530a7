"""The stand-in for Microsoft Graph: mailboxes with their calendars, what changed in them, and who is told."""
