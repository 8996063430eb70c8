"""Transfers beside their peers: what is measured, and the table of it; no part of the product."""
