"""Does a model err more often, or otherwise, on some groups of people? Behind `kaoiro audit groups`."""
