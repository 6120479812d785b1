"""Losses, penalties and metrics of a batch."""

from jaxtricks.config.folder import import_files

import_files(__name__, __path__)
