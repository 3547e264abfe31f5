"""Plans of the engines of gates; one file a kind, each with the class ``PLAN``."""
