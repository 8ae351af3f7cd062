"""System E1: networks that learned ImageNet, then many faces, then few faces of the kind that is wanted."""
