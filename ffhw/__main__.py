"""``python -m ffhw``."""

from ffhw.cli import main

if __name__ == "__main__":
    main()
