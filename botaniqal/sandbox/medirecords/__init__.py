"""The stand-in for MediRecords: patients and appointments of one practice."""
