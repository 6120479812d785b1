"""One file for each tracker of experiments."""

from jaxtricks.config.folder import import_files

import_files(__name__, __path__)
