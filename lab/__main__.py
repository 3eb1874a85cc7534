"""`python -m lab`."""

from .cli import main

raise SystemExit(main())
