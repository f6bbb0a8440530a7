"""What the clinic did and does: figures, reports, and the pages from which people set out."""
