"""The stand-in for JotForm: the clinic's form for a visitor, its webhook, and the API that hands the answers out."""
