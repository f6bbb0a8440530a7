"""The stand-in for Stripe: checkout sessions with their page, payments, refunds and events."""
