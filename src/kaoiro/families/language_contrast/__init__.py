"""Classes as words: image and text towers that meet in one space (system C)."""
