"""Serving gateway: S11 and S5 control, the S1-U and S5-U user plane, and data for idle phones."""
