"""``python -m picocell`` is the command ``picocell``."""

from picocell.cli import main

if __name__ == "__main__":
    main()
