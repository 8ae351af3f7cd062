"""System A, stills: residual networks whose trunk is weighted by a soft mask."""
