"""The earlier-time list: who waits, and what is offered to them."""
