"""Reading what users bring: trained models and data, as data. Nothing in a file is ever executed."""
