"""The wording gate: what the public may read, held against risky words, and who approved it."""
