"""Money for bookings: collected, given back, and held against Stripe's figures each day."""
