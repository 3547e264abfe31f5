"""``python -m ffhw``, and the ``ffhw`` command."""

from ffhw.processes import end_at_signals


def start() -> None:
    """Run the command line; from the first moment on, signals end it cleanly."""
    end_at_signals()
    from ffhw.cli import main

    main()


if __name__ == "__main__":
    start()
