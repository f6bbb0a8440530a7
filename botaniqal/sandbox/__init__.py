"""Stand-ins for the vendors: one small local HTTP server with state, for the demo, the tests and rehearsals."""
